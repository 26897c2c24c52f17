"""The web app in Chromium: how soon the other's change shows, scrolling, and the first paint.

.venv/bin/python -m bench.web [--tasks N] [--hours N] [--rounds N] [--only changes|scrolling|paint]

Browsers, server and PostgreSQL share all processors, so the load average of the machine counts.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.measuring import machine, percentile, print_table, verdict
from bench.product import database, http_server
from tests.support.web_app import SHIFT, App, web_app

PORT = 8196
EMAIL = "admin@example.com"
SHOWN_BAR_MS, TASK_BAR_MS, PAINT_BAR_MS = 1000, 50, 1000
SENTENCE = "so we looked at the numbers of last spring and they were better than any of us expected"
LINE_MS = 4500
WHEEL_PX = 700
_OBSERVE = "window.long = []; new PerformanceObserver((l) => long.push(...l.getEntries())).observe({type: 'longtask'})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=2000, help="on the board (%(default)s)")
    parser.add_argument("--hours", type=float, default=3, help="of the transcript (%(default)s)")
    parser.add_argument(
        "--rounds", type=int, default=20, help="changes, and a quarter of it first paints (%(default)s)"
    )
    parser.add_argument("--only", default="", choices=["", "changes", "scrolling", "paint"])
    options = parser.parse_args()
    print(machine(), flush=True)
    with database(None) as folder:
        board, meeting = _rows(options.tasks, round(options.hours * 3_600_000 / LINE_MS))
        with _server(folder) as url:
            rows: list[tuple[str, str, str]] = []
            if options.only in ("", "paint"):
                rows.append(_first_paint(url, max(3, options.rounds // 4)))
            if options.only in ("", "changes"):
                rows += _changes(url, board, options.rounds)
            if options.only in ("", "scrolling"):
                rows.append(_scrolling(url, board, ".scroller", f"scrolling {options.tasks} tasks on a board"))
                rows.append(_scrolling(url, meeting, "html", f"scrolling a transcript of {options.hours:g} h"))
    print_table(("ms", "", "bar"), rows)
    print(f"\n{machine()}")


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    every = os.sched_getaffinity(0)
    with http_server(max(every), folder / "web.log", PORT, DEBUG="true", DEV_AUTH_AS=EMAIL) as server:
        for one in (server.process, *server.process.children(recursive=True)):
            for thread in one.threads():
                os.sched_setaffinity(thread.id, every)
        yield server.address


def _rows(tasks: int, lines: int) -> tuple[str, str]:
    """Make the tasks and the transcript, and return the paths of their pages."""
    from meetings.models import Segment
    from tasks.models import Status, Task
    from tests.support import factories

    admin = factories.AdministratorFactory.create(email=EMAIL)
    project = factories.ProjectFactory.create(name="Bench")
    # Most are in the column that is scrolled.
    Task.objects.bulk_create(
        factories.TaskFactory.build(
            title=f"Task {number}", project=project, rank=f"{number:05}V", created_by=admin, labels=["bench"],
            status=Status.TODO if number % 4 else Status.IN_PROGRESS,
        )
        for number in range(tasks)
    )  # fmt: skip
    meeting = factories.TranscribedMeetingFactory.create(owner=admin, recording="", duration_ms=lines * LINE_MS)
    speakers = factories.SpeakerFactory.create_batch(4, meeting=meeting)
    Segment.objects.bulk_create(
        factories.SegmentFactory.build(
            meeting=meeting, start_ms=number * LINE_MS, end_ms=(number + 1) * LINE_MS, recognized_text=SENTENCE,
            speaker_id=speakers[number % 4].pk,
        )
        for number in range(lines)
    )  # fmt: skip
    return f"/projects/{project.pk}", f"/meetings/{meeting.pk}"


def _first_paint(url: str, rounds: int) -> tuple[str, str, str]:
    """Measure in browsers that have nothing of the app yet."""
    painted = []
    for _ in range(rounds):
        with web_app(url) as app:
            app.open("/")
            entry = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
            app.page.until(f"!!{entry}")
            painted.append(float(app.page.value(entry)))
    worst = max(painted)
    figures = f"{percentile(painted, 0.5):.0f}, at most {worst:.0f}"
    return f"first paint, cold ({rounds} browsers)", figures, verdict(worst <= PAINT_BAR_MS, f"<= {PAINT_BAR_MS}")


def _changes(url: str, path: str, rounds: int) -> list[tuple[str, str, str]]:
    """Move a card by keyboard, and see it in the other browser."""
    took = []
    with web_app(url) as one, web_app(url) as other:
        for app in (one, other):
            app.enter_openly(path)
            app.until_card("Task 0", "In progress")
        one.page.value("document.querySelector('section[aria-label=\"In progress\"] .card').focus()")
        for number in range(rounds):
            # The card comes to the end of a column, so the number beside its name is what shows the change.
            done = "document.querySelector('section[aria-label=Done] .count').textContent"
            is_there = f"{done} === '{1 - number % 2}'"
            other.page.value(
                f"delete window.at; new MutationObserver((_, own) => {{ if ({is_there}) {{ window.at = Date.now();"
                " own.disconnect(); } }).observe(document.body, {subtree: true, childList: true, characterData: true})"
            )
            began = time.time() * 1000
            one.page.press("ArrowLeft" if number % 2 else "ArrowRight", 37 if number % 2 else 39, SHIFT)
            other.page.until("!!window.at")
            took.append(float(other.page.value("window.at")) - began)
            one.page.until("document.activeElement.matches('.card')")
    p50, p95 = percentile(took, 0.5), percentile(took, 0.95)
    return [
        (f"key in one browser -> shown in the other, median of {rounds}", f"{p50:.0f}", ""),
        ("95 %", f"{p95:.0f}", verdict(p95 <= SHOWN_BAR_MS, f"<= {SHOWN_BAR_MS}")),
    ]


def _scrolling(url: str, path: str, scroller: str, name: str) -> tuple[str, str, str]:
    """Turn the wheel until the end, and return the longest task of the page on the way."""
    with web_app(url) as app:
        app.enter_openly(path)
        app.page.until("document.querySelectorAll('.card, .line-of').length > 5")
        element = f"document.querySelector({json.dumps(scroller)})"
        # Everything has arrived when the height no longer changes.
        _settle(app, f"{element}.scrollHeight")
        app.page.value(f"{_OBSERVE}; 0")
        x, y = app.page.value(f"(() => {{ const r = {element}.getBoundingClientRect(); return [r.x + 60, 400]; }})()")
        end = f"{element}.scrollTop + {element}.clientHeight >= {element}.scrollHeight - 2"
        while not app.page.value(end):
            app.page.send("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=WHEEL_PX)
        long: list[Any] = app.page.value("long.map((one) => one.duration)")
    longest = max(long, default=0)
    figures = f"longest task {longest:.0f} ({len(long)} over 50)" if long else "no task over 50"
    return name, figures, verdict(longest <= TASK_BAR_MS, f"<= {TASK_BAR_MS}")


def _settle(app: App, value: str) -> None:
    before = None
    while before != (now := app.page.value(value)):
        before = now
        time.sleep(1.5)


if __name__ == "__main__":
    main()

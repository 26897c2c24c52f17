"""`manage.py` with a fault that the validators must find. The first argument selects it.

skip    live streams are not offered every second change
jump    a cursor resumes one change too late
hide    a task that leaves the view is not sent
swap    changes are sent in the wrong order
stay    what a user no longer sees after leaving a project is not sent as gone
"""

import sys
import time
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import django
from django.core.management import execute_from_command_line

django.setup()

from changes.feed import cursors  # noqa: E402 - models need their apps
from changes.feed.crossing import Crossing  # noqa: E402
from changes.feed.view import EventKind, SubscriptionScope  # noqa: E402
from changes.feed.watching import Watch  # noqa: E402
from changes.models import Change  # noqa: E402
from core.feeds import Event  # noqa: E402
from tests.support.faults.watchers import LAST  # noqa: E402
from tests.support.promises import MARKS  # noqa: E402


def is_last(change: Any) -> bool:
    """Return whether this is the change without which no client would end."""
    return change.new is not None and change.new.get("title") == LAST


def skip() -> None:
    offer = Watch.offer

    def skipping(watch: Watch, change: Any) -> bool:
        return (change.seq % 2 == 0 or is_last(change)) and offer(watch, change)

    Watch.offer = skipping  # type: ignore[method-assign]


def jump() -> None:
    read = cursors.read

    def jumping(cursor: str, stamp: Any, head: Any) -> cursors.Position:
        seq = read(cursor, stamp, head).seq
        deadline = time.monotonic() + 5  # Until there is a change to skip, which the writers make.
        while not (following := Change.objects.filter(seq=seq + 1).first()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return cursors.Position(seq if following is None or is_last(following) else seq + 1)

    cursors.read = jumping


def hide() -> None:
    shown = SubscriptionScope.shown

    def hiding(viewer: SubscriptionScope, change: Any) -> Any:
        found = shown(viewer, change)
        return None if found and found[0] is EventKind.LEFT else found

    SubscriptionScope.shown = hiding  # type: ignore[method-assign]


def stay() -> None:
    page = Crossing.page

    def staying(crossing: Crossing, limit: int = 0) -> Any:
        return [row for row in page(crossing, limit) if row.kind is not EventKind.LEFT]

    Crossing.page = staying  # type: ignore[method-assign]


def swap() -> None:
    take = Watch.take
    withheld: WeakKeyDictionary[Watch, Event] = WeakKeyDictionary()

    def swapping(watch: Watch, limit: int) -> Sequence[Event]:
        # A change waits for the next one of its stream, however few are read together.
        former = withheld.pop(watch, None)
        events = [*([former] if former else []), *take(watch, limit)]
        if len(events) == 1 and _may_wait(events[0]):
            withheld[watch] = events.pop()
            if former is None:
                watch.wake()  # There may be more, and the transport asks again only if there were events.
        elif len(events) > 1 and all(map(_may_wait, events[-2:])):
            events[-2:] = events[:-3:-1]
        return events

    Watch.take = swapping  # type: ignore[method-assign]


def _may_wait(event: Event) -> bool:
    """Return whether this is a change that others follow."""
    message: Any = event.payload.message
    return bool(event.cursor) and event.name not in MARKS and message.task.title != LAST


if __name__ == "__main__":
    _, fault, *arguments = sys.argv
    globals()[fault]()
    execute_from_command_line(["manage.py", *arguments])

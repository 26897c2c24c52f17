"""The pages of the admin site with many rows: queries, CPU time and HTML of each.

.venv/bin/python -m bench.admin [--users N] [--tasks N] [--calls N] [--only TEXT] [--explain] [--data-dir FOLDER]
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import product
from bench.measuring import machine, print_table

#: The most that a page may cost.
MAX_QUERIES, MAX_CPU_MS, MAX_KB = 12, 100, 80
#: Statements that take longer are shown with --explain.
SLOW_MS = 100


@dataclass(frozen=True, slots=True)
class Measured:
    """The costs of a page: medians, CPU of this process alone, and the wall time, in which the database works."""

    name: str
    status: int
    queries: int
    cpu_ms: float
    wall_ms: float
    kb: float
    slowest_ms: float
    slowest: str

    @property
    def exceeds(self) -> str:
        found = (
            ("queries", self.queries > MAX_QUERIES),
            ("CPU", self.cpu_ms > MAX_CPU_MS),
            ("HTML", self.kb > MAX_KB),
            ("slow", self.slowest_ms > SLOW_MS),
        )
        return ", ".join(name for name, exceeded in found if exceeded)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the pages of the admin site.")
    parser.add_argument("--users", type=int, default=20_000, help="how many there are (%(default)s)")
    parser.add_argument("--tasks", type=int, default=100_000, help="how many there are (%(default)s)")
    parser.add_argument("--calls", type=int, default=5, help="calls, whose medians are reported (%(default)s)")
    parser.add_argument("--only", default="", help="only what has this in its name")
    parser.add_argument("--explain", action="store_true", help=f"show statements that take more than {SLOW_MS} ms")
    parser.add_argument("--data-dir", type=Path, help="keep the database there, and use it if it is there")
    arguments = parser.parse_args()
    with product.database(arguments.data_dir):
        from django.urls import reverse

        make_rows(arguments.users, arguments.tasks)
        client = _client()
        print(f"{machine()}\n{_sizes()}; medians of {arguments.calls} calls\n")
        pages = {name: address for name, address in _pages() if arguments.only in name}
        empty = _measure(client, "empty", reverse("admin:password_change"), 2 * arguments.calls)
        measured = [_measure(client, name, address, arguments.calls) for name, address in pages.items()]
        _print(measured, empty.cpu_ms)
        if arguments.explain:
            for one in measured:
                if one.slowest_ms > SLOW_MS:
                    print(f"\n{one.name}: {one.slowest_ms:.0f} ms\n{one.slowest}")
        print(f"\nAt the end: {machine()}")


def make_rows(users: int, tasks: int) -> None:
    """Make users and tasks by SQL, and by the services a few changes, meetings and drawings."""
    from django.core.management import call_command

    from bench import projects
    from tasks.models import Status, Task
    from tasks.services import update_task

    callers = projects.make_callers(users)
    if Task.objects.exists():
        return
    projects.seed_tasks(tasks, callers)
    for pk in Task.objects.order_by("-created_at").values_list("pk", flat=True)[:200]:
        update_task(callers["administrator"], str(pk), {"status": Status.IN_PROGRESS})
    call_command("demo", meetings=3, drawings=2, verbosity=0)


def _client() -> Any:
    from django.conf import settings
    from django.test import Client

    from users.models import User

    settings.ALLOWED_HOSTS = ["testserver"]
    client = Client()
    client.force_login(User.objects.filter(is_superuser=True, email__endswith="bench.example.com").get())
    return client


def _sizes() -> str:
    from tasks.models import Task
    from users.models import User

    return f"{User.objects.count():,} users, {Task.objects.count():,} tasks"


def _pages() -> Iterator[tuple[str, str]]:
    from django.contrib import admin
    from django.urls import reverse

    from projects.models import Project
    from tasks.models import Task
    from users.models import User

    yield "home", reverse("admin:index")
    yield "home, refreshed", reverse("admin:home_refresh")
    for term in ("a", "james", "many", "turbine", "qqqqq"):
        yield f"palette: {term}", f"{reverse('admin:search')}?s={term}&extended=1"
    for model, model_admin in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        yield f"{name} list", reverse(f"admin:{name}_changelist")
        row = model_admin.model._default_manager.order_by("-pk").first()
        if row is not None:
            yield f"{name} form", reverse(f"admin:{name}_change", args=[row.pk])
            yield f"{name} history", reverse(f"admin:{name}_history", args=[row.pk])
        yield f"{name} add", reverse(f"admin:{name}_add")
    tasks, users = reverse("admin:tasks_task_changelist"), reverse("admin:users_user_changelist")
    someone = User.objects.order_by("pk")[100]
    project = Project.objects.order_by("pk").first()
    filters = {
        "page 400": "p=400", "to do": "status__exact=1", "cancelled": "status__exact=4", "overdue": "overdue=yes",
        "a label": "label=label77", "a common label": "label=common1", "a missing label": "label=qqqqq",
        "assigned to": f"assigned_to__id__exact={someone.pk}", "of a project": f"project__id__exact={project.pk}",
        "created in days": "created_at_from=2020-01-01&created_at_to=2026-01-31", "a common word": "q=many",
        "a rare word": "q=turbine", "of a project, cancelled": f"project__id__exact={project.pk}&status__exact=4",
        "due in days, to do": "due_date_from=2025-01-01&due_date_to=2025-01-31&status__exact=1",
    }  # fmt: skip
    for name, query in filters.items():
        yield f"tasks: {name}", f"{tasks}?{query}"
    for name, query in {
        "page 400": "p=400",
        "a frequent name": "q=james",
        "a letter": "q=j",
        "support": "role=4",
    }.items():
        yield f"users: {name}", f"{users}?{query}"
    picker = "app_label=tasks&model_name=task&field_name=assigned_to"
    yield "picker: a frequent name", f"{reverse('admin:autocomplete')}?term=james&{picker}"
    oldest = Task.objects.order_by("created_at").first()
    yield "the oldest task", reverse("admin:tasks_task_change", args=[oldest.pk])


def _measure(client: Any, name: str, address: str, calls: int) -> Measured:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    print(f"{name} ...", file=sys.stderr, flush=True)
    client.get(address)
    cpu, wall = [], []
    for _ in range(calls):
        begun, cpu_begun = time.perf_counter(), time.process_time()
        answer = client.get(address)
        cpu.append(1000 * (time.process_time() - cpu_begun))
        wall.append(1000 * (time.perf_counter() - begun))
    with CaptureQueriesContext(connection) as captured:
        client.get(address)
    slowest = max(captured.captured_queries, key=lambda query: float(query["time"]), default={"time": 0, "sql": ""})
    return Measured(
        name,
        answer.status_code,
        len(captured),
        statistics.median(cpu),
        statistics.median(wall),
        len(answer.content) / 1024,
        1000 * float(slowest["time"]),
        str(slowest["sql"]),
    )


def _print(measured: list[Measured], empty_ms: float) -> None:
    rows = [
        (
            one.name,
            str(one.status),
            str(one.queries),
            f"{one.cpu_ms:.0f}",
            f"{one.cpu_ms / empty_ms:.1f}",
            f"{one.wall_ms:.0f}",
            f"{one.slowest_ms:.0f}",
            f"{one.kb:.0f}",
            one.exceeds,
        )
        for one in measured
    ]
    headings = ("", "status", "queries", "CPU ms", "x empty", "wall ms", "slowest query ms", "HTML KB", "exceeds")
    print_table(headings, rows)
    print(f"\nBars: {MAX_QUERIES} queries, {MAX_CPU_MS} ms of CPU, {MAX_KB} KB of HTML.")
    print(f"x empty: CPU relative to a page of the site with two fields and no rows, {empty_ms:.0f} ms.")


if __name__ == "__main__":
    main()

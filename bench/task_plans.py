"""Plans of every list, search and figure of tasks, for callers who see them in different ways.

.venv/bin/python -m bench.task_plans --data-dir FOLDER [--users N] [--tasks N] [--file FILE] [--only TEXT]

The rows are those of `bench.admin`. Writes Markdown: first what is slow, and then all statements.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from bench import admin, plans, product, projects, report
from bench.measuring import machine
from bench.task_lists import PAGE_SIZE, Case, Lists, operations

DEEP_PAGE = 10_000
#: A statement that takes longer is listed at the top.
SLOW_MS = 100
HEAD = ["| caller | call | page | scans | rows | pages read | ms |", "|---|---|---|---|---|---|---|"]

ORDERS = {
    "newest first": {},
    "oldest first": {"order_by": "created_at"},
    "latest change first": {"order_by": "updated_at", "descending": True},
    "by due date": {"order_by": "due_date"},
    "by due date, latest first": {"order_by": "due_date", "descending": True},
    "by priority, highest first": {"order_by": "priority", "descending": True},
    "by priority, lowest first": {"order_by": "priority"},
    "by rank": {"order_by": "rank"},
}
FILTERS: dict[str, dict[str, Any]] = {
    "to do": {"statuses": [1]},
    "cancelled": {"statuses": [4]},
    "to do or in progress": {"statuses": [1, 2]},
    "cancelled, latest change first": {"statuses": [4], "order_by": "updated_at", "descending": True},
    "critical": {"priorities": [4]},
    "critical, cancelled": {"priorities": [4], "statuses": [4]},
    "one label": {"labels": ["label77"]},
    "one label, by due date": {"labels": ["label77"], "order_by": "due_date"},
    "one label, to do": {"labels": ["label77"], "statuses": [1]},
    "a common label": {"labels": ["common1"]},
    "a label that is nowhere": {"labels": ["nowhere"]},
    "search a common word": {"query": "many"},
    "search a common word, cancelled": {"query": "many", "statuses": [4]},
    "search a common word, by priority": {"query": "many", "order_by": "priority", "descending": True},
    "search a rare word": {"query": "turbine"},
    "search a rare word, by due date": {"query": "turbine", "order_by": "due_date"},
    "search a rare and a common word": {"query": "turbine many"},
    "search a letter": {"query": "t"},
    "search what is nowhere": {"query": "qqqqq"},
    "assigned to me": {"assigned_to": "me"},
    "assigned to me, to do": {"assigned_to": "me", "statuses": [1]},
    "assigned to me, by due date": {"assigned_to": "me", "order_by": "due_date"},
    "created by me": {"created_by": "me"},
    "created by me, one label": {"created_by": "me", "labels": ["label77"]},
}
OF_PROJECTS: dict[str, dict[str, Any]] = {
    **{f"the large project, {name}": {"project_id": projects.LARGE, **fields} for name, fields in ORDERS.items()},
    **{
        f"the large project, {name}": {"project_id": projects.LARGE, **FILTERS[name]}
        for name in (
            "to do", "cancelled", "critical, cancelled", "one label", "a common label", "search a common word",
            "search a rare word", "search a rare and a common word", "search what is nowhere", "assigned to me",
        )
    },
    "a small project": {"project_id": projects.SMALL},
    "a small project, by due date": {"project_id": projects.SMALL, "order_by": "due_date"},
    "a small project, search a common word": {"project_id": projects.SMALL, "query": "many"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """A call by a caller, whose statements are explained."""

    caller: str
    name: str
    page: int
    rpc: str
    request: Message


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the plans of lists, searches and figures of tasks.")
    parser.add_argument("--users", type=int, default=20_000, help="how many there are (%(default)s)")
    parser.add_argument("--tasks", type=int, default=100_000, help="how many there are (%(default)s)")
    parser.add_argument("--file", type=Path, default=report.FOLDER / "plans_tasks.md", help="%(default)s")
    parser.add_argument("--only", default="", help="only the calls whose names contain this")
    parser.add_argument("--data-dir", type=Path, help="keep the database there, and use it if it is there")
    arguments = parser.parse_args()
    with product.database(arguments.data_dir):
        admin.make_rows(arguments.users, arguments.tasks)
        callers = _callers(projects.make_callers(arguments.users))
        lists = Lists(callers)
        rows: list[tuple[str, float]] = []
        for asked in _asked(lists, callers, arguments.only):
            begun = time.monotonic()
            for sql in lists.statements(asked.caller, operations()[asked.rpc], asked.request):
                summary = plans.summary(sql)
                line = f"| {asked.caller} | {asked.name} | {asked.page:,} | {summary} |"
                rows.append((line, float(summary.rpartition("|")[2])))
            took = time.monotonic() - begun
            print(f"{asked.caller}: {asked.name}, page {asked.page:,}: {took:.1f} s", file=sys.stderr, flush=True)
        arguments.file.write_text(_page(rows))


def _callers(known: dict[str, Any]) -> dict[str, Any]:
    """Return an administrator, a colleague without projects, and members of ten and of 1,000 projects.

    The colleague gets one in 256 of the tasks without a project, if they have none yet.
    """
    from tasks.models import Task

    colleague = known["outsider"]
    if not Task.objects.filter(created_by=colleague).exists():
        projects.execute(
            "SET session_replication_role = replica",
            f"UPDATE tasks_task SET created_by_id = '{colleague.pk}' WHERE project_id IS NULL AND id::text LIKE '%00'",
            "RESET session_replication_role", "VACUUM ANALYZE tasks_task",
        )  # fmt: skip
    return {
        "administrator": known["administrator"], "colleague": colleague,
        "member of 10": known["newcomer"], "member of 1,000": known["member"],
    }  # fmt: skip


def _asked(lists: Lists, callers: dict[str, Any], only: str) -> Iterator[Asked]:
    for caller in callers:
        for name, fields in {**ORDERS, **FILTERS, "due in a month": _due_in_a_month(), **OF_PROJECTS}.items():
            # A colleague and a member of ten small projects see nothing of the large one.
            if only not in name or (caller in ("colleague", "member of 10") and "large" in name):
                continue
            case = Case(name, fields, caller)
            yield Asked(caller, name, 1, "ListTasks", lists.request(case, 1))
            if name in ORDERS and (deep := lists.request(case, DEEP_PAGE)) is not None:
                yield Asked(caller, name, DEEP_PAGE, "ListTasks", deep)
        for name, (rpc, fields) in _others(caller).items():
            if only in name:
                yield Asked(caller, name, 1, rpc, operations()[rpc].request_class(**fields))


def _others(caller: str) -> dict[str, tuple[str, dict[str, str]]]:
    """Return the calls besides lists of tasks: the rpc, and the fields of its request."""
    from tasks.models import Task

    figures: dict[str, tuple[str, dict[str, str]]] = {"figures of all tasks": ("GetTaskStats", {})}
    if caller == "colleague":
        return figures
    project = projects.SMALL if caller == "member of 10" else projects.LARGE
    task = str(Task.objects.filter(project=project).order_by("-created_at")[0].pk)
    return {
        **figures,
        "figures of a project": ("GetProjectStats", {"project_id": project}),
        "one task": ("GetTask", {"id": task}),
        "history of a task": ("ListHistory", {"collection": "tasks", "subject_id": task}),
    }


def _due_in_a_month() -> dict[str, Any]:
    from django.utils import timezone

    from tandem.common.v1.common_pb2 import TimeRange

    due = TimeRange()
    due.start_time.FromDatetime(timezone.now() - timedelta(days=200))
    due.end_time.FromDatetime(timezone.now() - timedelta(days=170))
    return {"due": due}


def _page(rows: list[tuple[str, float]]) -> str:
    from changes.models import Change
    from tasks.models import Task
    from users.models import User

    slow = [line for line, ms in sorted(rows, key=lambda row: -row[1]) if ms > SLOW_MS]
    return "\n".join([
        f"# Plans of lists and searches of {Task.objects.count():,} tasks", "",
        f"Written by `bench.task_plans`; do not edit. {User.objects.count():,} users; {projects.PROJECTS:,} projects,",
        f"of which the large one has half of the tasks; {Change.objects.count():,} changes in the log. A list first",
        f"counts at most 10,000 rows (one row found), and then reads a page of {PAGE_SIZE}. Pages read are those of 8",
        f"KiB, of tables and indexes; times are wall time in PostgreSQL. {machine()}.", "",
        f"## Above {SLOW_MS} ms", "", *(HEAD + slow if slow else ["None."]), "",
        "## All", "", *HEAD, *(line for line, _ in rows), "",
    ])  # fmt: skip


if __name__ == "__main__":
    main()

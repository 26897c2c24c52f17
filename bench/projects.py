"""Tasks in projects: lists, figures and single tasks of a user with 1,000 projects, one of them with half of all tasks.

.venv/bin/python -m bench.projects [--tasks N] [--calls N] [--explain] [--only TEXT] [--data-dir FOLDER]
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import grpc

from bench import product, seed
from bench.measuring import machine, print_table, share_cores
from bench.task_lists import PAGE_SIZE, Case, Lists, operations

PAGES = (1, 10_000)
#: Maximum cost of the deepest page of a list, relative to the first.
BAR = 1.2
SLOW_MS = 30
GRPC_PORT, METRICS_PORT = 50163, 8164
SERVICE, PROJECT_SERVICE = "/taskservice.TaskService", "/project.v1.ProjectService"
#: The member sees 1,000 of 2,000 projects. The large one has 5,000 members.
PROJECTS, OWN_PROJECTS, LARGE_MEMBERS = 2_000, 1_000, 5_000
USERS = 6_000
_CHUNK = 200_000
_PROJECT = "('01990000-0000-7000-8000-' || lpad(({})::text, 12, '0'))::uuid"
LARGE, SMALL = (f"01990000-0000-7000-8000-{number:012}" for number in (0, 1))

# Tasks of three years: half in the large project, a quarter without one, the rest in the others, some 250 each. One in
# 200 is the member's, one in 400 assigned to them.
_TASKS = """
INSERT INTO tasks_task (id, title, description, status, priority, labels, due_date, metadata, completed_at, source,
                        created_by_id, assigned_to_id, version, created_at, updated_at, project_id)
SELECT (lpad(to_hex((extract(epoch FROM made_at) * 1000)::bigint), 12, '0') || '7' || right(md5(n::text), 3)
        || '8' || right(md5('b' || n), 15))::uuid,
    'Task ' || n || ' of many',
    'Some words about what is to be done in part ' || n %% 2000 || CASE WHEN n %% 20000 = 8 THEN ' turbine' ELSE '' END,
    CASE WHEN n %% 100 < 60 THEN 3 WHEN n %% 100 < 85 THEN 1 WHEN n %% 100 < 99 THEN 2 ELSE 4 END, 1 + n / 7 %% 4,
    ARRAY['label' || n %% 500, 'common' || n %% 3], CASE WHEN n %% 3 = 0 THEN made_at + interval '30 days' END, '{}',
    CASE WHEN n %% 100 < 60 THEN made_at END, '',
    CASE WHEN n %% 200 = 9 THEN %(member)s ELSE who[1 + n * 7919 %% array_length(who, 1)] END,
    CASE WHEN n %% 400 = 17 THEN %(member)s ELSE who[1 + n * 104729 %% array_length(who, 1)] END,
    1, made_at, made_at + ('x' || left(md5(n::text), 4))::bit(16)::int * interval '80 seconds',
    CASE WHEN n %% 2 = 0 THEN {large} WHEN n %% 4 = 1 THEN {other} END
FROM (
    SELECT n, now() - interval '3 years' * (1 - n::float / %(total)s) AS made_at
    FROM generate_series(%(first)s::bigint, %(last)s) AS n
) AS made, (SELECT array_agg(id) AS who FROM (SELECT id FROM users_user ORDER BY id LIMIT 3000) AS chosen) AS people
"""


#: The callers are `member`, `newcomer` (of ten projects) and `outsider` (of none).
CASES = [
    Case("all"),
    Case("all, latest change first", {"order_by": "updated_at", "descending": True}),
    Case("all, by due date", {"order_by": "due_date"}),
    Case("all, by priority, highest first", {"order_by": "priority", "descending": True}),
    Case("all, to do", {"statuses": [1]}),
    Case("all, cancelled", {"statuses": [4]}),
    Case("all, cancelled, latest change first", {"statuses": [4], "order_by": "updated_at", "descending": True}),
    Case("all, critical", {"priorities": [4]}),
    Case("all, one label", {"labels": ["label77"]}),
    Case("all, a common label", {"labels": ["common1"]}),
    Case("all, a rare word", {"query": "turbine"}),
    Case("all, a common word", {"query": "many"}),
    Case("all, one label, to do", {"labels": ["label77"], "statuses": [1]}),
    Case("all, assigned to me", {"assigned_to": "me"}),
    Case("all, created by me", {"created_by": "me"}),
    Case("large project", {"project_id": LARGE}),
    Case("large project, latest change first", {"project_id": LARGE, "order_by": "updated_at", "descending": True}),
    Case("large project, by due date", {"project_id": LARGE, "order_by": "due_date"}),
    Case("large project, by priority", {"project_id": LARGE, "order_by": "priority"}),
    Case("large project, to do", {"project_id": LARGE, "statuses": [1]}),
    Case("large project, cancelled", {"project_id": LARGE, "statuses": [4]}),
    Case("large project, one label", {"project_id": LARGE, "labels": ["label76"]}),
    Case("large project, a common label", {"project_id": LARGE, "labels": ["common1"]}),
    Case("large project, a rare word", {"project_id": LARGE, "query": "turbine"}),
    Case("large project, a common word", {"project_id": LARGE, "query": "many"}),
    Case("large project, assigned to me", {"project_id": LARGE, "assigned_to": "me"}),
    Case("small project", {"project_id": SMALL}),
    Case("small project, by priority", {"project_id": SMALL, "order_by": "priority"}),
    Case("small project, a common label", {"project_id": SMALL, "labels": ["common1"]}),
    Case("small project, a common word", {"project_id": SMALL, "query": "many"}),
    Case("of ten small projects: all", caller="newcomer"),
    Case("of ten: latest change first", {"order_by": "updated_at", "descending": True}, "newcomer"),
    Case("of ten: to do", {"statuses": [1]}, "newcomer"),
    Case("of ten: a common label", {"labels": ["common1"]}, "newcomer"),
    Case("of ten: a common word", {"query": "many"}, "newcomer"),
    Case("of none: all", caller="outsider"),
    Case("of none: the large project", {"project_id": LARGE}, "outsider"),
]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure lists of tasks in projects on their pages 1 and 10,000.")
    parser.add_argument("--tasks", type=int, default=2_000_000, help="how many there are (%(default)s)")
    parser.add_argument("--calls", type=int, default=15, help="calls, whose medians are reported (%(default)s)")
    parser.add_argument("--explain", action="store_true", help=f"show the plans of what takes more than {SLOW_MS} ms")
    parser.add_argument("--only", default="", help="only what has this in its name")
    parser.add_argument("--data-dir", type=Path, help="keep the database there, and use it if it is there")
    arguments = parser.parse_args()
    core = share_cores()
    with product.database(arguments.data_dir) as data_dir:
        from tasks.models import Task

        callers = make_callers()
        if not Task.objects.exists():
            seed_tasks(arguments.tasks, callers)
        with (
            product.grpc_server(core, data_dir / "servers.log", GRPC_PORT, METRICS_PORT, workers=4) as server,
            grpc.insecure_channel(server.address) as channel,
        ):
            print(f"{machine()}\n{Task.objects.count():,} tasks; ms of wall time, medians of {arguments.calls} calls\n")
            bench = Bench(channel, callers, arguments.calls)
            bench.lists([case for case in CASES if arguments.only in case.name], explain=arguments.explain)
            bench.others(arguments.only)
        print(f"\nAt the end: {machine()}")


def make_callers(users: int = USERS) -> dict[str, Any]:
    """Return the callers: an administrator, and users of 1,000 projects, of ten and of none."""
    from users.models import Role, Status, User

    if User.objects.count() < users:
        seed.seed(users)
    administrator, member = seed.add_callers(product.PASSWORD)
    for name in ("newcomer", "outsider"):
        if not User.objects.filter(email=f"{name}@bench.example.com").exists():
            user = User(email=f"{name}@bench.example.com", display_name=name, status=Status.ACTIVE)
            user.roles = [Role.CUSTOMER]
            user.set_password(product.PASSWORD)
            user.save(force_insert=True)
    emails = {"administrator": administrator, "member": member}
    emails |= {name: f"{name}@bench.example.com" for name in ("newcomer", "outsider")}
    return {name: User.objects.get(email=email) for name, email in emails.items()}


def seed_tasks(total: int, callers: dict[str, Any]) -> None:
    """Make projects, members and tasks as they were before the measurement: with all triggers off, and indexes last."""
    begun = time.monotonic()
    large, member, newcomer = _PROJECT.format(0), callers["member"].pk, callers["newcomer"].pk
    stamps = "1, now(), now()"
    new_id = "gen_random_uuid()"
    membership = "INSERT INTO projects_projectmember (id, version, created_at, updated_at, project_id, user_id, role)"
    indexes = _rows("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'tasks_task'")
    later = {name: made for name, made in indexes if not name.endswith("_pkey")}
    execute("SET session_replication_role = replica", *(f"DROP INDEX {name}" for name in later))
    execute(
        f"""INSERT INTO projects_project (id, version, created_at, updated_at, number, name, description, client,
            status, drawing_standard) SELECT {_PROJECT.format("n")}, {stamps}, 'P' || n, 'Project ' || n, '', '', 1, 1
            FROM generate_series(0, {PROJECTS - 1}) AS n""",
        f"{membership} SELECT {new_id}, {stamps}, {_PROJECT.format('n')}, '{member}', 2"
        f" FROM generate_series(0, {OWN_PROJECTS - 1}) AS n",
        f"{membership} SELECT {new_id}, {stamps}, {_PROJECT.format('n')}, '{newcomer}', 1"
        " FROM generate_series(1, 10) AS n",
        f"{membership} SELECT {new_id}, {stamps}, {large}, id, 2 FROM users_user WHERE email NOT LIKE '%@bench.%'"
        f" LIMIT {LARGE_MEMBERS - 1}",
    )
    other = _PROJECT.format(f"1 + n / 4 %% {PROJECTS - 1}")
    for first in range(1, total + 1, _CHUNK):
        last = min(first + _CHUNK - 1, total)
        values = {"total": total, "first": first, "last": last, "member": member}
        execute(_TASKS.replace("{large}", large).replace("{other}", other), values=values)
        print(f"{last:,} of {total:,} tasks after {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    execute("SET maintenance_work_mem = '512MB'", *later.values(), "RESET maintenance_work_mem")
    execute("RESET session_replication_role", *(f"VACUUM ANALYZE {table}" for table in _TABLES))


_TABLES = ("tasks_task", "projects_project", "projects_projectmember", "users_user")


class Bench:
    """The callers' requests."""

    def __init__(self, channel: grpc.Channel, callers: dict[str, Any], calls: int) -> None:
        self._channel = channel
        self._callers = callers
        self._calls = calls
        self._requests = Lists(callers)
        self._tokens = {name: product.access_token(channel, user.email) for name, user in callers.items()}

    def lists(self, cases: list[Case], *, explain: bool) -> None:
        """Request pages 1 and 10,000 of each list equally often."""
        rows, slow = [], []
        for case in cases:
            print(f"{case.name} ...", file=sys.stderr, flush=True)
            first = self._call("ListTasks", self._requests.request(case, 1), case.caller)
            # What is counted has fewer pages.
            pages = PAGES if first.total_count < 0 else PAGES[:1]
            requests = {page: request for page in pages if (request := self._requests.request(case, page)) is not None}
            took, answers = self._timed({
                page: partial(self._call, "ListTasks", request, case.caller)
                for page, request in requests.items()
            })  # fmt: skip
            shallowest, deepest = took[PAGES[0]], took.get(PAGES[-1])
            slow += [(case, page) for page, ms in took.items() if ms > SLOW_MS]
            total = answers[PAGES[0]].total_count
            ratio = f"{deepest / shallowest:.2f}" if deepest else ""
            shown = f"{total:,}" if total >= 0 else "not counted"
            rows.append((case.name, f"{shallowest:.1f}", f"{deepest:.1f}" if deepest else "", ratio, shown))
        print_table(("ListTasks(50)", *(f"page {page:,}" for page in PAGES), "last / first", "total_count"), rows)
        print(f"\nBar: the last column but one at most {BAR}, where there are as many pages.\n")
        for case, page in slow if explain else ():
            self._explain(case, page)

    def others(self, only: str) -> None:
        """Measure a single task, figures and lists of projects, each for callers who see them in different ways."""
        from tandem.common.v1.common_pb2 import PaginationRequest
        from tandem.project.v1.project_pb2 import ListProjectsRequest
        from tandem.task.v1.task_pb2 import GetTaskRequest, GetTaskStatsRequest
        from tasks.models import Task

        member = self._callers["member"].pk
        by_project = Task.objects.filter(project=LARGE).exclude(created_by=member).exclude(assigned_to=member).first()
        own = Task.objects.filter(created_by=member).first()
        calls: dict[str, Callable[[], Any]] = {
            "GetTask, its creator": lambda: self._call("GetTask", GetTaskRequest(id=str(own.pk)), "member"),
            "GetTask, a member of its project": lambda: self._call(
                "GetTask", GetTaskRequest(id=str(by_project.pk)), "member"
            ),
            "GetTask, an administrator": lambda: self._call(
                "GetTask", GetTaskRequest(id=str(by_project.pk)), "administrator"
            ),
        }
        for who in self._callers:
            calls[f"GetTaskStats, {who}"] = lambda who=who: self._call("GetTaskStats", GetTaskStatsRequest(), who)
        projects = ListProjectsRequest(pagination=PaginationRequest(page_size=PAGE_SIZE))
        for who in self._callers:
            calls[f"ListProjects(50), {who}"] = lambda who=who: self._call("ListProjects", projects, who)
        took, _ = self._timed({name: call for name, call in calls.items() if only in name})
        print_table(("", "ms"), [(name, f"{ms:.1f}") for name, ms in took.items()])

    def _timed(self, calls: dict[Any, Callable[[], Any]]) -> tuple[dict[Any, float], dict[Any, Any]]:
        """Return medians and last answers. The calls take turns, so that disturbances affect them alike."""
        times: dict[Any, list[float]] = {name: [] for name in calls}
        answers = {}
        for turn in range(self._calls + 1):
            for name, call in calls.items():
                begun = time.perf_counter()
                answers[name] = call()
                if turn:
                    times[name].append((time.perf_counter() - begun) * 1000)
        return {name: statistics.median(several) for name, several in times.items()}, answers

    def _call(self, rpc: str, request: Any, caller: str) -> Any:
        from tandem.project.v1 import project_pb2
        from tandem.task.v1 import task_pb2

        service, answer = {
            "ListTasks": (SERVICE, task_pb2.ListTasksResponse),
            "GetTask": (SERVICE, task_pb2.Task),
            "GetTaskStats": (SERVICE, task_pb2.TaskStats),
            "ListProjects": (PROJECT_SERVICE, project_pb2.ListProjectsResponse),
        }[rpc]
        call = self._channel.unary_unary(f"{service}/{rpc}", lambda sent: sent.SerializeToString(), answer.FromString)
        return call(request, metadata=[("authorization", f"Bearer {self._tokens[caller]}")])

    def _explain(self, case: Case, page: int) -> None:
        request = self._requests.request(case, page)
        for sql in self._requests.statements(case.caller, operations()["ListTasks"], request):
            print(f"\n{case.name}, page {page:,}\n{sql}")
            for (line,) in _rows(f"EXPLAIN (ANALYZE, BUFFERS) {sql}"):
                print(f"    {line}")


def execute(*statements: str, values: dict[str, Any] | None = None) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, values)


def _rows(statement: str) -> list[tuple[Any, ...]]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


if __name__ == "__main__":
    main()

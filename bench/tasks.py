"""Tasks: CreateTask compared with plain Django, the cost of the log, bulk writes, and lists of few and many tasks.

.venv/bin/python -m bench.tasks [--seconds N] [--rounds N] [--rows N] [--tasks N ...] [--only TEXT]
"""

import argparse
import secrets
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import grpc

from bench import bulk, load, product, seed
from bench.cases import Caller
from bench.measuring import Load, Window, print_table, run_parts, share_cores, spread, verdict, watch
from bench.product import Server

GRPC_PORT, PLAIN_PORT, METRICS_PORT = 50190, 50191, 8190
WORKERS = 10
PAGE_SIZE = 50
#: Relative to plain Django; share of the CPU time; rows per second; relative to the shortest list.
CREATE_BAR, LOG_BAR, BULK_BAR, LIST_BAR = 1.5, 0.2, 5_000, 1.2
SERVICE = "/taskservice.TaskService"
_CHUNK = 100_000

# Tasks of three years, the last created now. One in 100 is the colleague's, who thus has more than a page in each list.
# Inserted with the triggers off, since this is the state before the measurement.
_INSERT = """
INSERT INTO tasks_task (id, title, description, status, priority, labels, due_date, metadata, completed_at, source,
                        created_by_id, assigned_to_id, version, created_at, updated_at)
SELECT (lpad(to_hex((extract(epoch FROM made_at) * 1000)::bigint), 12, '0') || '7' || right(md5(n::text), 3)
        || '8' || right(md5('b' || n), 15))::uuid,
    'Task ' || n || ' of many', 'Some words about what there is to do.', 1 + n %% 4, 1 + n %% 3,
    ARRAY['label' || n %% 500], made_at + interval '30 days', '{}', CASE WHEN n %% 4 = 2 THEN made_at END, '',
    CASE WHEN n %% 100 = 0 THEN %(colleague)s ELSE %(administrator)s END, %(administrator)s, 1, made_at, made_at
FROM (
    SELECT n, now() - interval '3 years' * (1 - n::float / %(total)s) AS made_at
    FROM generate_series(%(first)s, %(last)s) AS n
) AS made
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what tasks cost.")
    parser.add_argument("--seconds", type=float, default=5, help="length of each window (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, whose medians are reported (%(default)s)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the bulk (%(default)s)")
    parser.add_argument("--tasks", type=int, nargs="+", default=[20_000, 1_000_000, 5_000_000], help="of the lists")
    parser.add_argument("--only", default="", help="only the parts whose names contain this: create, log, bulk, list")
    arguments = parser.parse_args()
    load.check_tools()
    core = share_cores()
    with product.database(None) as data_dir:
        bench = Bench(core, data_dir, arguments.seconds, arguments.rounds)
        run_parts(
            core,
            arguments.only,
            {
                "create": bench.create,
                "log": bench.log,
                "bulk": lambda: bench.bulk(arguments.rows),
                "list": lambda: bench.lists(arguments.tasks),
            },
        )


class Bench:
    """One database; a new server for each measurement, so that one's memory is not the next one's."""

    def __init__(self, core: int, data_dir: Path, seconds: float, rounds: int) -> None:
        self._core = core
        self._data_dir = data_dir
        self._database = product.postgres(data_dir)
        self._seconds = seconds
        self._rounds = rounds
        self._emails = seed.add_callers(product.PASSWORD)

    def create(self) -> None:
        """CreateTask with an idempotency key each, beside plain Django without anything."""
        with self._server() as server, self._callers(server) as (caller, _), self._plain() as plain:
            found = self._rounds_of({
                "plain full_clean, atomic, save": lambda: self._creating(plain, {}),
                "CreateTask": lambda: self._creating(server, caller.headers()),
            })  # fmt: skip
        plainly = _median(found["plain full_clean, atomic, save"], "per_cpu_second")
        rows = []
        for name, windows in found.items():
            rate = _median(windows, "per_cpu_second")
            bar = verdict(rate / plainly >= CREATE_BAR, f">= {CREATE_BAR}") if name == "CreateTask" else ""
            rows.append((name, f"{rate:,.0f}", f"{rate / plainly:.2f}", bar, *_rest(windows)))
        print_table(("", "per CPU-s", "x plain", "bar", "spread", "PostgreSQL us", "per s", "p99 ms"), rows)

    def log(self) -> None:
        """CreateTask by 8 writers with the log's triggers and without, by all CPU time that it takes."""
        with self._server() as server, self._callers(server) as (caller, _):

            def creating(triggers: str) -> Window:
                _execute(f"ALTER TABLE tasks_task {triggers} TRIGGER USER")
                return self._creating(server, caller.headers(), streams=2)

            found = self._rounds_of({"without": lambda: creating("DISABLE"), "with": lambda: creating("ENABLE")})
        without, with_log = (
            statistics.median(1e6 * (w.server_cpu + w.database_cpu) / w.completed for w in found[name])
            for name in ("without", "with")
        )
        more = with_log / without - 1
        told = verdict(more <= LOG_BAR, f"<= {LOG_BAR:.0%}")
        print_table(
            ("CreateTask by 8 writers", "us of CPU, both", "bar", "spread", "PostgreSQL us", "per s", "p99 ms"),
            [
                ("without the log", f"{without:,.0f}", "", *_rest(found["without"])),
                ("with the log, numbered", f"{with_log:,.0f} ({more:+.0%})", told,
                 *_rest(found["with"])),
            ],
        )  # fmt: skip

    def bulk(self, count: int) -> None:
        """BulkCreateTasks: one stream of tasks, each with a `request_id`."""
        from tandem.task.v1.task_pb2 import BulkCreateResponse
        from tasks.models import Task

        with self._server() as server, self._callers(server) as (caller, _):
            told = bulk.send(
                server, self._database, f"{SERVICE}/BulkCreateTasks", new_task, count,
                metadata=list(caller.headers().items()), written=Task.objects.count, bar=BULK_BAR,
            )  # fmt: skip
        answer = BulkCreateResponse.FromString(told)
        if (answer.success_count, answer.committed_through) != (count, count):
            sys.exit(f"Not all tasks were created: {answer}")

    def lists(self, totals: list[int]) -> None:
        """Measure the first page among growing numbers of tasks, as an administrator and as a colleague with few."""
        from tandem.task.v1.task_pb2 import ListTasksRequest

        message = ListTasksRequest(page_size=PAGE_SIZE).SerializeToString()
        rows, first = [], {}
        _execute("TRUNCATE tasks_task")
        with self._server() as server, self._callers(server) as callers:
            made = 0
            for total in totals:
                self._seed(made, total)
                made = total
                found = self._rounds_of({
                    who: lambda caller=caller: self._window(server, "ListTasks", message, caller.headers())
                    for who, caller in zip(("administrator", "colleague"), callers, strict=True)
                })  # fmt: skip
                for who, windows in found.items():
                    cost = statistics.median(1e6 * (w.server_cpu + w.database_cpu) / w.completed for w in windows)
                    ratio = cost / first.setdefault(who, cost)
                    bar = verdict(ratio <= LIST_BAR, f"<= {LIST_BAR}") if total != totals[0] else ""
                    rows.append((f"{who}, {total:,} tasks", f"{cost:,.0f}", f"{ratio:.2f}", bar, *_rest(windows)))
        print_table(
            (
                "ListTasks(50)",
                "us of CPU, server and PostgreSQL",
                "x",
                "bar",
                "spread",
                "PostgreSQL us",
                "per s",
                "p99 ms",
            ),
            rows,
        )

    def _rounds_of(self, measured: dict[str, Callable[[], Window]]) -> dict[str, list[Window]]:
        """Measure each once per round, so that disturbances of the machine affect them alike. The first warms up."""
        found: dict[str, list[Window]] = {name: [] for name in measured}
        for number in range(self._rounds + 1):
            for name, measure in measured.items():
                window = measure()
                if number:
                    found[name].append(window)
        return found

    def _creating(self, server: Server, headers: dict[str, str], streams: int = load.STREAMS) -> Window:
        from tasks.models import Task

        batch, before = secrets.token_hex(4), Task.objects.count()
        window = watch(
            server.process, self._database,
            lambda: load.python_client(
                server.address, f"{SERVICE}/CreateTask", lambda number: new_task(number, batch), headers, self._seconds,
                streams,
            ),
        )  # fmt: skip
        if Task.objects.count() - before != window.completed:
            sys.exit(f"{window.completed} calls made {Task.objects.count() - before} tasks.")
        return window

    def _window(self, server: Server, rpc: str, message: bytes, headers: dict[str, str]) -> Window:
        with grpc.insecure_channel(server.address) as channel:
            answer = channel.unary_unary(f"{SERVICE}/{rpc}")(message, metadata=list(headers.items()))
        if not answer:
            sys.exit(f"{rpc}: an empty answer; nothing was measured.")

        def run() -> Load:
            return load.h2load(server.address, f"{SERVICE}/{rpc}", message, headers, self._seconds)

        return watch(server.process, self._database, run)

    def _server(self) -> AbstractContextManager[Server]:
        return product.grpc_server(self._core, self._data_dir / "server.log", GRPC_PORT, METRICS_PORT, WORKERS)

    def _plain(self) -> AbstractContextManager[Server]:
        return product.bare_grpc(self._core, self._data_dir / "plain.log", PLAIN_PORT, WORKERS, "plain")

    @contextmanager
    def _callers(self, server: Server) -> Iterator[tuple[Caller, Caller]]:
        with grpc.insecure_channel(server.address) as channel:
            administrator, colleague = (Caller(channel, email) for email in self._emails)
            yield administrator, colleague

    def _seed(self, made: int, total: int) -> None:
        from users.models import User

        administrator, colleague = (User.objects.get(email=email).pk for email in self._emails)
        begun = time.monotonic()
        indexes = _asked("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'tasks_task'")
        later = {name: made for name, made in indexes.items() if not name.endswith("_pkey")}
        _execute("ALTER TABLE tasks_task DISABLE TRIGGER USER", *(f"DROP INDEX {name}" for name in later))
        for first in range(made + 1, total + 1, _CHUNK):
            _execute(_INSERT, {
                "total": total, "first": first, "last": min(first + _CHUNK - 1, total),
                "administrator": administrator, "colleague": colleague,
            })  # fmt: skip
        _execute("SET maintenance_work_mem = '512MB'", *later.values(), "RESET maintenance_work_mem")
        _execute("ALTER TABLE tasks_task ENABLE TRIGGER USER", "VACUUM (ANALYZE) tasks_task", "CHECKPOINT")
        print(f"{total:,} tasks after {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)


def new_task(number: int, batch: str = "") -> bytes:
    """Return a CreateTaskRequest, serialized."""
    from tandem.task.v1.task_pb2 import CreateTaskRequest

    return CreateTaskRequest(
        title=f"Task {number} of many", description="Some words about what there is to do. " * 3,
        labels=["one", "another"], metadata={"from": "bench"}, request_id=f"task-{batch}-{number}",
    ).SerializeToString()  # fmt: skip


def _rest(windows: list[Window]) -> list[str]:
    return [
        f"{spread([window.per_cpu_second for window in windows]):.0%}",
        f"{_median(windows, 'database_us'):,.0f}",
        f"{_median(windows, 'per_second'):,.0f}",
        f"{_median(windows, 'p99_ms'):.1f}",
    ]


def _median(windows: list[Window], name: str) -> float:
    return statistics.median(getattr(window, name) for window in windows)


def _execute(*statements: object) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        if isinstance(statements[-1], dict):
            cursor.execute(*statements)
            return
        for statement in statements:
            cursor.execute(statement)


def _asked(statement: str) -> dict[str, str]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)
        return dict(cursor.fetchall())


if __name__ == "__main__":
    main()

"""Curves: lists by the number of rows and of the page, watchers by their number and that of their connections, and
calls by the number of idle connections and of processes.

.venv/bin/python -m bench.growth [--users N ...] [--tasks N ...] [--watchers N ...] [--connections N ...]
    [--processes N ...] [--calls N] [--only TEXT]
.venv/bin/python -m bench.growth --data-dir FOLDER [--calls N] [--only users|tasks]

Writes `growth_*.svg` and `growth_*.json` into `bench/results`. The handlers of lists run in this process, without a
transport; the shortest of the calls is drawn, which other work on the machine disturbs least. Watchers are served by a
process, and get five changes a second. The calls beside idle connections and by several processes are GetUser. With
`--data-dir`, no rows are made: the curves of users and tasks get a further point, the size of that database (of
`bench.task_plans`), and the curves by page are those of it.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import chart, feed, growth_servers, lists, product, projects, report, seed, task_lists
from bench.measuring import machine, share_cores

Curves = Mapping[str, list[tuple[float, float]]]
#: The lists that are drawn, of those of `bench.lists`.
DRAWN = ("newest first", "by email", "active", "banned", "search a frequent name", "search an email")
PAGED = ("newest first", "by email", "active", "by display name")
PAGES = (1, 100, 1_000, 10_000)
#: The same of tasks, of those of `bench.projects`.
DRAWN_TASKS = {
    "administrator, newest": task_lists.Case("", {}, "administrator"),
    "administrator, by due date": task_lists.Case("", {"order_by": "due_date"}, "administrator"),
    "administrator, a rare word": task_lists.Case("", {"query": "turbine"}, "administrator"),
    "1,000 projects, newest": task_lists.Case("", {}, "member"),
    "1,000 projects, by due date": task_lists.Case("", {"order_by": "due_date"}, "member"),
    "10 projects, newest": task_lists.Case("", {}, "newcomer"),
}
PAGED_TASKS = tuple(name for name in DRAWN_TASKS if "word" not in name and "10 p" not in name)
UNIT = "ms of wall time, the shortest call"


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw how lists and watchers grow.")
    parser.add_argument("--users", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--tasks", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--watchers", type=int, nargs="+", default=[100, 200, 500, 1_000, 2_000, 5_000])
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 100, 1_000, 2_000, 5_000])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 3, 4])
    parser.add_argument("--calls", type=int, default=30, help="calls, of which the shortest counts (%(default)s)")
    parser.add_argument("--seconds", type=float, default=4, help="of changes or calls at each number (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="windows of calls, whose medians count (%(default)s)")
    parser.add_argument("--only", default="", help="only the parts whose names contain this")
    parser.add_argument("--data-dir", type=Path, help="add the size of the database there to the written curves")
    arguments = parser.parse_args()
    core = share_cores()

    def servers(data_dir: Path) -> growth_servers.Bench:
        return growth_servers.Bench(core, data_dir, arguments.seconds, arguments.rounds)

    if arguments.data_dir:
        with product.database(arguments.data_dir):
            _add_size(arguments.calls, arguments.only)
        return
    parts: dict[str, Callable[[Path], None]] = {
        "users": lambda _: _users(arguments.users, arguments.calls),
        "tasks": lambda _: _tasks(arguments.tasks, arguments.calls),
        "watchers": lambda data_dir: _watchers(core, data_dir, arguments.watchers, arguments.seconds),
        "connections": lambda data_dir: _connections(servers(data_dir), arguments.connections),
        "processes": lambda data_dir: _processes(servers(data_dir), arguments.processes),
    }
    for name, draw in parts.items():
        if arguments.only in name:
            with product.database(None) as data_dir:
                draw(data_dir)


def _users(totals: Sequence[int], calls: int) -> None:
    by_size: Curves = {name: [] for name in DRAWN}
    made = 0
    for total in totals:
        seed.seed(total, made)
        made = total
        by_page = _add_users(by_size, total, calls)
    _write_users(by_size, by_page)


def _add_users(by_size: Curves, total: int, calls: int) -> Curves:
    """Add a point to the lines of `DRAWN`. Returns the lines by page."""
    local = lists.Lists(None, *seed.add_callers(product.PASSWORD))
    known = {case.name: case for case in lists.cases()}
    for name in DRAWN:
        took = _shortest_ms(local.serve, known[name], local.request(known[name], 1), calls=calls)
        by_size[name].append((total, took))
    by_page: Curves = {name: [] for name in PAGED}
    for name, line in by_page.items():
        for page in PAGES:
            if (request := local.request(known[name], page)) is not None:
                line.append((page, _shortest_ms(local.serve, known[name], request, calls=calls)))
    return by_page


def _write_users(by_size: Curves, by_page: Curves) -> None:
    _write("users", {
        "table": ("Page 1 of 50 users", UNIT, "users", by_size),
        "page": ("A page of 50 users", UNIT, "page", by_page),
    })  # fmt: skip


def _tasks(totals: Sequence[int], calls: int) -> None:
    by_size: Curves = {name: [] for name in DRAWN_TASKS}
    callers = projects.make_callers()
    for total in totals:
        projects.execute("TRUNCATE tasks_task, projects_project, projects_projectmember CASCADE")
        projects.seed_tasks(total, callers)
        by_page = _add_tasks(by_size, total, callers, calls)
    _write_tasks(by_size, by_page, totals[-1])


def _add_tasks(by_size: Curves, total: int, callers: Mapping[str, Any], calls: int) -> Curves:
    """Add a point to the lines of `DRAWN_TASKS`. Returns the lines by page."""
    local = task_lists.Lists(callers)
    operation = task_lists.operations()["ListTasks"]
    for name, case in DRAWN_TASKS.items():
        took = _shortest_ms(local.serve, case.caller, operation, local.request(case, 1), calls=calls)
        by_size[name].append((total, took))
    by_page: Curves = {name: [] for name in PAGED_TASKS}
    for name, line in by_page.items():
        case = DRAWN_TASKS[name]
        for page in PAGES:
            if (request := local.request(case, page)) is not None:
                line.append((page, _shortest_ms(local.serve, case.caller, operation, request, calls=calls)))
    return by_page


def _write_tasks(by_size: Curves, by_page: Curves, total: int) -> None:
    _write("tasks", {
        "table": ("Page 1 of 50 tasks, of which half are in one project", UNIT, "tasks", by_size),
        "page": (f"A page of 50 of {total:,} tasks", UNIT, "page", by_page),
    })  # fmt: skip


def _add_size(calls: int, only: str) -> None:
    """Add the size of this database to the curves that are written."""
    from tasks.models import Task
    from users.models import User

    if only in "users":
        total = User.objects.count()
        by_size = _written("users", below=total)
        _write_users(by_size, _add_users(by_size, total, calls))
    if only in "tasks":
        total = Task.objects.count()
        by_size = _written("tasks", below=total)
        _write_tasks(by_size, _add_tasks(by_size, total, projects.make_callers(), calls), total)


def _written(part: str, below: int) -> Curves:
    """Return the written lines by size, up to a size."""
    lines = json.loads((report.FOLDER / f"growth_{part}.json").read_text())["table"]["lines"]
    return {name: [(size, ms) for size, ms in line if size < below] for name, line in lines.items()}


def _watchers(core: int, data_dir: Path, steps: Sequence[int], seconds: float) -> None:
    bench = feed.Bench(core, data_dir, seconds, rounds=1)
    found = {
        name: list(bench.grow(steps, each)) for name, each in (("100 a connection", 100), ("a connection each", 1))
    }
    memory: Curves = {name: [(step.watchers, round(step.mib, 1)) for step in line] for name, line in found.items()}
    threads: Curves = {name: [(step.watchers, step.threads) for step in line] for name, line in found.items()}
    delays: Curves = {
        f"{name}, {label}": [(step.watchers, round(getattr(step, field), 1)) for step in line]
        for name, line in found.items()
        for label, field in (("p50", "p50_ms"), ("p99", "p99_ms"))
    }
    _write("watchers", {
        "memory": ("Memory of the process that serves watchers", "MiB (RSS)", "watchers", memory),
        "threads": ("Threads of the process that serves watchers", "threads", "watchers", threads),
        "delay": ("Delay of changes, five a second", "ms from before the commit to receipt", "watchers", delays),
    })  # fmt: skip


def _connections(servers: growth_servers.Bench, steps: Sequence[int]) -> None:
    found = {
        "gRPC": list(servers.beside_grpc(steps)),
        "HTTP": list(servers.beside_http(steps)),
    }
    _write("connections", {
        "memory": ("Memory of the process with idle connections", "MiB (RSS)", "connections", _lines(found, mib="")),
        "delay": (
            "GetUser beside idle connections, 16 at once", "ms", "connections",
            _lines(found, p50_ms=", p50", p99_ms=", p99"),
        ),
        "rate": (
            "GetUser beside idle connections, 16 at once", "calls per CPU-second of the server", "connections",
            _lines(found, per_cpu_second=""),
        ),
    })  # fmt: skip


def _processes(servers: growth_servers.Bench, counts: Sequence[int]) -> None:
    found = {"": servers.by_processes(counts)}
    heading = "GetUser by the number of processes, 16 at once"
    _write("processes", {
        "memory": ("Memory by the number of processes", "MiB in sum (PSS)", "processes", _lines(found, mib="rungrpc")),
        "delay": (heading, "ms", "processes", _lines(found, p50_ms="p50", p99_ms="p99")),
        "rate": (
            heading, "calls", "processes",
            _lines(found, per_second="a second", per_cpu_second="a CPU-second of all"),
        ),
    })  # fmt: skip


def _lines(found: Mapping[str, Sequence[growth_servers.Step]], **labels: str) -> Curves:
    """Return a line for each field of the steps and each name, to which the label of the field is added."""
    return {
        name + label: [(step.number, getattr(step, field)) for step in steps]
        for name, steps in found.items()
        for field, label in labels.items()
    }


def _write(part: str, drawn: Mapping[str, tuple[str, str, str, Curves]]) -> None:
    found: dict[str, Any] = {"machine": machine()}
    for name, (title, unit, abscissa, lines) in drawn.items():
        found[name] = {"title": title, "unit": unit, "abscissa": abscissa, "lines": lines}
        (report.FOLDER / f"growth_{part}_{name}.svg").write_text(chart.curves(title, unit, abscissa, lines))
    (report.FOLDER / f"growth_{part}.json").write_text(json.dumps(found, indent=1) + "\n")


def _shortest_ms(serve: Callable[..., object], *arguments: object, calls: int) -> float:
    took = []
    for _ in range(calls):
        begun = time.perf_counter()
        serve(*arguments)
        took.append(time.perf_counter() - begun)
    return round(1000 * min(took), 3)


if __name__ == "__main__":
    main()

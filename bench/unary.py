"""GetUser, ListUsers(50) and CreateUser over both transports, with all features on, compared with empty servers.

.venv/bin/python -m bench.unary [--seconds N] [--rounds N]
"""

import argparse
import statistics
import sys
from collections import Counter
from contextlib import ExitStack

import psutil

from bench import load, product
from bench.cases import EMPTY, Case, cases
from bench.measuring import Window, machine, print_table, share_cores, spread, watch

#: Minimum rate of GetUser over gRPC, relative to the empty handler.
BAR = 0.3
HEADS = (
    "", "requests / CPU-s", "x empty", "spread", "server us", "PostgreSQL us", "requests / s", "p50 ms", "p99 ms",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure unary calls over both transports.")
    parser.add_argument("--seconds", type=float, default=5, help="length of each window (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, whose medians are reported (%(default)s)")
    parser.add_argument("--workers", type=int, default=10, help="threads of every gRPC server (%(default)s)")
    parser.add_argument("--only", default="", help="only the parts whose names contain this, and the empty handler")
    arguments = parser.parse_args()
    load.check_tools()
    core = share_cores()
    with product.database(None) as data_dir, ExitStack() as stack:
        chosen = [
            case
            for case in cases(stack, core, data_dir, arguments.workers)
            if arguments.only in case.name or case.name == EMPTY
        ]
        print(f"{machine()}; server on core {core}\n", flush=True)
        found = _rounds(chosen, product.postgres(data_dir), arguments.seconds, arguments.rounds)
        print(f"Medians of {arguments.rounds} rounds of {arguments.seconds:g} s, {arguments.workers} workers:\n")
        _print(found)
        print(f"\nAt the end: {machine()}")


def _rounds(chosen: list[Case], database: psutil.Process, seconds: float, rounds: int) -> dict[str, list[Window]]:
    """Measure every case once per round, so that disturbances of the machine affect all alike."""
    for case in chosen:
        _measure(case, database, seconds=1)  # To warm up.
    found: dict[str, list[Window]] = {case.name: [] for case in chosen}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        for case in chosen:
            found[case.name].append(_measure(case, database, seconds))
    return found


def _measure(case: Case, database: psutil.Process, seconds: float) -> Window:
    case.check()
    before = case.handled()
    window = watch(case.server.process, database, lambda: case.run(seconds))
    if case.metric:
        handled = Counter(case.handled()) - Counter(before)
        ended_well = handled.pop(case.success, 0)
        # What is under way when a load ends (also the one before) is answered or cut, but not counted as completed.
        stray = 2 * load.AT_ONCE
        if not window.completed <= ended_well <= window.completed + stray or handled.total() > stray:
            sys.exit(f"{case.name}: {window.completed} completed, but the server counts {ended_well} and {handled}.")
    return window


def _print(found: dict[str, list[Window]]) -> None:
    limit = _median(found[EMPTY], "per_cpu_second")
    rows = []
    for name, windows in found.items():
        rate = _median(windows, "per_cpu_second")
        rows.append((
            name,
            f"{rate:,.0f}",
            f"{rate / limit:.2f}",
            f"{spread([window.per_cpu_second for window in windows]):.0%}",
            f"{1e6 / rate:,.0f}",
            f"{_median(windows, 'database_us'):,.0f}",
            f"{_median(windows, 'per_second'):,.0f}",
            f"{_median(windows, 'p50_ms'):.1f}",
            f"{_median(windows, 'p99_ms'):.1f}",
        ))  # fmt: skip
    print_table(HEADS, rows)
    print(f"\nThe empty handler's spread is the machine's noise. Bar: GetUser over gRPC at least {BAR} x empty.")


def _median(windows: list[Window], name: str) -> float:
    return statistics.median(getattr(window, name) for window in windows)


if __name__ == "__main__":
    main()

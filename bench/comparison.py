"""The product, its limit and its peers: the same work, from the same rows, in the same run.

    bench/run.sh [NAME] [--compare] [--seconds N] [--rounds N]

Writes `bench/results/NAME.json`, `.md` and `.svg`, and the verdicts of all of them into `bench/results/README.md`.
"""

import argparse
import statistics
import subprocess
import sys
from contextlib import ExitStack

import psutil

from bench import load, product, report
from bench.cases import Case
from bench.comparison_parts import PARTS, Place
from bench.measuring import Window, share_cores, spread, watch
from bench.report import Rate, Result

#: A ratio that is this much worse than the committed one is reported.
WORSE = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the product with its limit and with its peers.")
    parser.add_argument("name", nargs="?", choices=PARTS, help="one comparison; all of them by default")
    parser.add_argument("--compare", action="store_true", help="write nothing; fail if a ratio became 10 %% worse")
    parser.add_argument("--seconds", type=float, default=4, help="length of each window (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, whose medians are reported (%(default)s)")
    arguments = parser.parse_args()
    load.check_tools()
    if not arguments.name:
        sys.exit(_all())
    core = share_cores()
    result = measure(arguments.name, core, arguments.seconds, arguments.rounds)
    print(report.markdown(arguments.name, result), flush=True)
    if not arguments.compare:
        report.write(arguments.name, result)
    elif worse := report.worse(arguments.name, result, WORSE):
        sys.exit("\n".join(["Worse than the committed results:", *worse]))


def _all() -> bool:
    """Make each comparison in a process of its own, with the same options. Returns whether one failed."""
    runs = [subprocess.run([sys.executable, "-m", "bench.comparison", name, *sys.argv[1:]]) for name in PARTS]
    return any(run.returncode for run in runs)


def measure(name: str, core: int, seconds: float, rounds: int) -> Result:
    """Measure every case of a comparison once per round, so that disturbances of the machine affect all alike."""
    with product.database(None) as data_dir, ExitStack() as stack:
        part = PARTS[name](Place(stack, core, data_dir))
        database = product.postgres(data_dir)
        windows: dict[str, list[Window]] = {case.name: [] for case in part.cases}
        before = report.load_average()
        for number in range(rounds + 1):
            print(f"{name}: round {number} of {rounds}", file=sys.stderr, flush=True)
            for case in part.cases:
                window = measure_window(case, database, seconds if number else 1)
                if number:  # The first warms up.
                    windows[case.name].append(window)
        return Result(
            title=part.title,
            unit=part.unit,
            seconds=seconds,
            rounds=rounds,
            load_average=(before, report.load_average()),
            rates={
                case.name: _rate(part.kind_of(case), windows[case.name], part.cores.get(case.name, 1), case.extra)
                for case in part.cases
            },
            bars=part.bars,
        )


def measure_window(case: Case, database: psutil.Process, seconds: float) -> Window:
    """Check the answer, measure a window, and compare it with the server's own count, if it counts."""
    case.check()
    before = case.handled().get(case.success, 0)
    window = watch(case.server.process, database, lambda: case.run(seconds))
    case.after()
    if case.metric and case.handled().get(case.success, 0) - before < window.completed:
        sys.exit(f"{case.name}: the server does not count {window.completed} successful calls.")
    return window


def _rate(kind: str, windows: list[Window], cores: int, extra: dict[str, float]) -> Rate:
    rates = [cores * window.per_cpu_second for window in windows]

    def median(name: str) -> float:
        return statistics.median(getattr(window, name) for window in windows)

    return Rate(
        kind=kind,
        rate=round(statistics.median(rates), 1),
        spread=round(spread(rates), 3),
        database_us=round(median("database_us")),
        per_second=round(median("per_second"), 1),
        p50_ms=round(median("p50_ms"), 2),
        p99_ms=round(median("p99_ms"), 2),
        extra=extra,
    )


if __name__ == "__main__":
    main()

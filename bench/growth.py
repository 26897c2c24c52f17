"""Curves: the time of a list against the number of users, and against the number of the page.

.venv/bin/python -m bench.growth [--users N ...] [--calls N]

Writes `bench/results/growth_table.svg`, `growth_page.svg` and `growth.json`. The handlers run in this process, without
a transport; the shortest of the calls is drawn, which other work on the machine disturbs least.
"""

import argparse
import json
import time

from bench import chart, lists, product, report, seed
from bench.measuring import machine, share_cores

#: The lists that are drawn, of those of `bench.lists`.
DRAWN = ("newest first", "by email", "active", "banned", "search a frequent name", "search an email")
PAGED = ("newest first", "by email", "active", "by display name")


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw how lists grow.")
    parser.add_argument("--users", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--calls", type=int, default=30, help="calls, of which the shortest counts (%(default)s)")
    arguments = parser.parse_args()
    share_cores()
    by_size: dict[str, list[tuple[float, float]]] = {name: [] for name in DRAWN}
    by_page: dict[str, list[tuple[float, float]]] = {name: [] for name in PAGED}
    with product.database(None):
        made = 0
        callers = seed.add_callers(product.PASSWORD)
        for total in arguments.users:
            seed.seed(total, made)
            made = total
            known = {case.name: case for case in lists.cases()}
            local = lists.Lists(None, *callers)
            for name, line in by_size.items():
                line.append((total, _shortest_ms(local, known[name], 1, arguments.calls)))
        for name, line in by_page.items():
            line += [
                (page, _shortest_ms(local, known[name], page, arguments.calls))
                for page in lists.PAGES
                if local.request(known[name], page) is not None
            ]
    unit = "ms of wall time, the shortest call"
    drawn = {"growth_table": ("Page 1 of 50 users", "users", by_size), "growth_page": ("A page of 50", "page", by_page)}
    for file, (title, abscissa, lines) in drawn.items():
        (report.FOLDER / f"{file}.svg").write_text(chart.curves(title, unit, abscissa, lines))
    found = {"machine": machine(), "calls": arguments.calls, "by users": by_size, "by page": by_page}
    (report.FOLDER / "growth.json").write_text(json.dumps(found, indent=1) + "\n")


def _shortest_ms(local: lists.Lists, case: lists.Case, page: int, calls: int) -> float:
    request = local.request(case, page)
    took = []
    for _ in range(calls):
        begun = time.perf_counter()
        local.serve(case, request)
        took.append(time.perf_counter() - begun)
    return round(1000 * min(took), 3)


if __name__ == "__main__":
    main()

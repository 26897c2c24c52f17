"""Bulk streams of many rows: the rate at which they are written, and the server's memory on the way."""

import itertools
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import psutil

from bench.measuring import cpu_seconds, memory, print_table, verdict
from bench.product import Server

STEP_ROWS = 50_000
_MIB = 1024 * 1024

#: Rows written; time; CPU seconds of the server, of PostgreSQL and of this process until then; the server's memory.
Look = tuple[int, float, float, float, float, int]


def send(
    server: Server, database: psutil.Process, path: str, row: Callable[[int], bytes], count: int, *,
    metadata: Any, written: Callable[[], int], bar: int,
) -> bytes:  # fmt: skip
    """Send a stream of `count` rows, and measure while it runs. Prints the measurements, and returns the response.

    Args:
        row: returns the n-th message.
        written: returns the number of stored rows; the client has sent more, by what the connection buffers.
        bar: target in rows per second.
    """
    seen: list[Look] = []
    before = written()

    def look() -> None:
        cpu = cpu_seconds(server.process), cpu_seconds(database), time.process_time()
        seen.append((written() - before, time.perf_counter(), *cpu, memory(server.process)))

    def rows() -> Iterator[bytes]:
        for number in range(count):
            if number % STEP_ROWS == 0:
                look()
            yield row(number)

    with grpc.insecure_channel(server.address) as channel:
        answer: bytes = channel.stream_unary(path)(rows(), metadata=metadata)
        look()
    if seen[-1][0] != count:
        sys.exit(f"Of {count} rows {seen[-1][0]} are in.")
    steps = [_step(one, next_one) for one, next_one in itertools.pairwise(seen)]
    print_table(
        ("rows", "per CPU-s", "PostgreSQL us", "load us", "per s", "RSS MiB"), [*steps, _step(seen[0], seen[-1])]
    )
    (first, begun, cpu, *_), (last, ended, cpu_after, *_) = seen[0], seen[-1]
    for what, rate in (("second", (last - first) / (ended - begun)), ("CPU-s", (last - first) / (cpu_after - cpu))):
        print(f"Rows per {what}: {rate:,.0f} ({verdict(rate >= bar, f'>= {bar}')})")
    return answer


def _step(before: Look, after: Look) -> list[str]:
    rows = max(1, after[0] - before[0])
    seconds, server_cpu, database_cpu, load_cpu = (after[column] - before[column] for column in (1, 2, 3, 4))
    return [
        f"{before[0]:,} to {after[0]:,}",
        f"{rows / server_cpu:,.0f}",
        f"{1e6 * database_cpu / rows:,.0f}",
        f"{1e6 * load_cpu / rows:,.0f}",
        f"{rows / seconds:,.0f}",
        f"{after[5] / _MIB:.0f}",
    ]

"""Measurement of servers under load.

The unit is completed requests per CPU-second of the server's process tree, because wall time on a shared machine is
misleading. The server has a core to itself; the load, PostgreSQL and this process share the others.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Window:
    """Measurements of a server under load.

    Attributes:
        completed: number of answered requests.
        seconds: wall time.
        server_cpu: CPU seconds of the server's processes, user and system.
        database_cpu: the same for PostgreSQL's.
    """

    completed: int
    seconds: float
    server_cpu: float
    database_cpu: float
    p50_ms: float
    p99_ms: float

    @property
    def per_cpu_second(self) -> float:
        return self.completed / self.server_cpu

    @property
    def per_second(self) -> float:
        return self.completed / self.seconds

    @property
    def database_us(self) -> float:
        """PostgreSQL's CPU time per request, in microseconds."""
        return 1e6 * self.database_cpu / self.completed


@dataclass(frozen=True, slots=True)
class Load:
    """The results of a load generator for one run."""

    completed: int
    p50_ms: float
    p99_ms: float


def watch(server: psutil.Process, database: psutil.Process, load: Callable[[], Load]) -> Window:
    """Run the load, and read the CPU clocks of both process trees before and after it."""
    before = time.perf_counter(), cpu_seconds(server), cpu_seconds(database)
    done = load()
    after = time.perf_counter(), cpu_seconds(server), cpu_seconds(database)
    seconds, server_cpu, database_cpu = (end - begin for begin, end in zip(before, after, strict=True))
    return Window(done.completed, seconds, server_cpu, database_cpu, done.p50_ms, done.p99_ms)


def cpu_seconds(process: psutil.Process) -> float:
    """Return the user and system time of the process and all its descendants, including those that have ended."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:  # It has just ended, so its time is counted in its parent's.
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def memory(process: psutil.Process, name: str = "VmRSS") -> int:
    """Return a value of the process's /proc/<pid>/status, in bytes."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def verdict(reached: bool, bar: str) -> str:
    """Format a target, and whether it was reached."""
    return f"{bar}: {'yes' if reached else 'NO'}"


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value below which this part (0 to 1) of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def spread(values: Sequence[float]) -> float:
    """Return the range of the values as a fraction of their median."""
    return (max(values) - min(values)) / statistics.median(values)


def share_cores() -> int:
    """Reserve a core for the server, by moving this process and its later children to the others. Returns that core.

    Raises:
        SystemExit: there is only one core.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("This measurement needs two cores: one for the server, one for load and database.")
    os.sched_setaffinity(0, set(cores[1:]))
    return cores[0]


def machine() -> str:
    """Describe the machine and its load in a line."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    python = sys.version.partition(" ")[0]
    return f"{os.cpu_count()} x {names[0] if names else 'unknown CPU'}, Python {python}, load average {load}"


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns, the first left-aligned, the others right-aligned."""
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    for row in (heads, ["-" * width for width in widths], *rows):
        cells = [
            text.ljust(width) if not column else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def run_parts(core: int, only: str, parts: Mapping[str, Callable[[], object]]) -> None:
    """Run the parts of a bench whose names contain `only`, and describe the machine before and after."""
    print(f"{machine()}; server on core {core}\n", flush=True)
    for name, measure in parts.items():
        if only in name:
            measure()
            print(flush=True)
    print(f"At the end: {machine()}")

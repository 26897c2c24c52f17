"""What is measured, and on what.

The unit is completed requests per CPU-second of the server's process tree: wall time on a shared machine lies. The
server has one core to itself; the load, PostgreSQL and this process share the others.
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
    """What was seen while a server was under load.

    Attributes:
        completed: requests that were answered.
        seconds: of wall time.
        server_cpu: seconds of the server's processes, user and system.
        database_cpu: the same of PostgreSQL's.
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
        """PostgreSQL's CPU time for one request, in microseconds."""
        return 1e6 * self.database_cpu / self.completed


@dataclass(frozen=True, slots=True)
class Load:
    """What a load generator says of one run."""

    completed: int
    p50_ms: float
    p99_ms: float


def watch(server: psutil.Process, database: psutil.Process, load: Callable[[], Load]) -> Window:
    """Runs the load and reads the clocks of both process trees around it."""
    before = time.perf_counter(), cpu_seconds(server), cpu_seconds(database)
    done = load()
    after = time.perf_counter(), cpu_seconds(server), cpu_seconds(database)
    seconds, server_cpu, database_cpu = (end - begin for begin, end in zip(before, after, strict=True))
    return Window(done.completed, seconds, server_cpu, database_cpu, done.p50_ms, done.p99_ms)


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of the process and all its descendants, those that have ended included."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:  # It has just ended: its time is its parent's now.
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def memory(process: psutil.Process, name: str = "VmRSS") -> int:
    """A line of the process's /proc/<pid>/status, in bytes."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def verdict(reached: bool, bar: str) -> str:
    """The bar, and whether it was reached."""
    return f"{bar}: {'yes' if reached else 'NO'}"


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which this part (0 to 1) of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def spread(values: Sequence[float]) -> float:
    """How far the values lie apart, as a part of their median."""
    return (max(values) - min(values)) / statistics.median(values)


def share_cores() -> int:
    """Moves this process, and so whatever it starts, off one core, and gives that core for the server.

    Raises:
        SystemExit: there is only one.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("This measurement takes two cores: one for the server, one for load and database.")
    os.sched_setaffinity(0, set(cores[1:]))
    return cores[0]


def machine() -> str:
    """A line about the machine and how busy it is."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    python = sys.version.partition(" ")[0]
    return f"{os.cpu_count()} x {names[0] if names else 'unknown CPU'}, Python {python}, load average {load}"


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints columns: the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    for row in (heads, ["-" * width for width in widths], *rows):
        cells = [
            text.ljust(width) if not column else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def run_parts(core: int, only: str, parts: Mapping[str, Callable[[], object]]) -> None:
    """Runs the parts of a bench that have `only` in their name, and tells what machine it is before and after."""
    print(f"{machine()}; server on core {core}\n", flush=True)
    for name, measure in parts.items():
        if only in name:
            measure()
            print(flush=True)
    print(f"At the end: {machine()}")

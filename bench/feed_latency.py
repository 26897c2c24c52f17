"""The feed on a given PostgreSQL: the delay of events, and the cost of an idle sequencer.

.venv/bin/python -m bench.feed_latency DATABASE_URL [--seconds N]

The database is migrated and filled with the demonstration's data. The server must run on this machine, because the
CPU time of its sessions is read here.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import psutil
import psycopg2

from bench import product
from bench.measuring import percentile, print_table, verdict
from tandem.task.v1 import task_pb2, task_pb2_grpc

GRPC_PORT, METRICS_PORT = 50195, 8195
P50_BAR_MS, P99_BAR_MS, IDLE_BAR = 40, 100, 0.02
WRITES_A_SECOND = 10
#: The advisory lock of the sequencer's session (see `changes.feed.numbering`).
OFFICE = 7_305_002


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the feed on one PostgreSQL.")
    parser.add_argument("database_url", help="postgres://…, of a database that may be written to")
    parser.add_argument("--seconds", type=float, default=15, help="length of each window (%(default)s)")
    arguments = parser.parse_args()
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "bench.settings", "DATABASE_URL": arguments.database_url, "DEBUG": "true",
        "DEV_AUTH_AS": "admin@example.com", "LOG_LEVEL": "WARNING",
    }  # fmt: skip
    for command in ("migrate", "demo"):
        subprocess.run([sys.executable, "manage.py", command], check=True, stdout=subprocess.DEVNULL)
    core = max(os.sched_getaffinity(0))
    with TemporaryDirectory() as folder:
        log = Path(folder) / "server.log"
        with product.grpc_server(core, log, GRPC_PORT, METRICS_PORT, 10) as server:
            idle = _idle_share(arguments.database_url, arguments.seconds)
            with grpc.insecure_channel(server.address) as channel:
                took = _written_to_received(task_pb2_grpc.TaskServiceStub(channel), arguments.seconds)
    p50, p99 = percentile(took, 0.5), percentile(took, 0.99)
    print_table(
        (f"PostgreSQL {_version(arguments.database_url)}", "", "bar"),
        [
            ("numberer's session while nothing happens, of a core", f"{idle:.1%}", verdict(idle <= IDLE_BAR, "<= 2 %")),
            (f"written -> received, p50 ms ({len(took)} events)", f"{p50:.1f}",
             verdict(p50 <= P50_BAR_MS, f"<= {P50_BAR_MS}")),
            ("p99 ms", f"{p99:.1f}", verdict(p99 <= P99_BAR_MS, f"<= {P99_BAR_MS}")),
        ],
    )  # fmt: skip


def _idle_share(url: str, seconds: float) -> float:
    numberer = psutil.Process(_ask(url, f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = {OFFICE}"))
    time.sleep(2)  # Lets the work after the start end.
    before = numberer.cpu_times()
    time.sleep(seconds)
    after = numberer.cpu_times()
    return (after.user + after.system - before.user - before.system) / seconds


def _written_to_received(tasks: Any, seconds: float) -> list[float]:
    """Measure the time from before CreateTask is sent until its event is received, in ms. It includes the write."""
    received: dict[str, float] = {}
    opened = threading.Event()
    stream = tasks.WatchTasks(task_pb2.WatchTasksRequest(include_initial=True, bookmarks=True))

    def read() -> None:
        for event in stream:
            received[event.task.title] = time.perf_counter()
            if not event.HasField("task"):
                opened.set()

    def watch() -> None:
        try:
            read()
        except grpc.RpcError as exc:
            if exc.code() is not grpc.StatusCode.CANCELLED:
                raise

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    opened.wait(30)
    sent: dict[str, float] = {}
    for number in range(int(seconds * WRITES_A_SECOND)):
        title = f"measured {os.getpid()} {number}"
        sent[title] = time.perf_counter()
        tasks.CreateTask(task_pb2.CreateTaskRequest(title=title))
        time.sleep(1 / WRITES_A_SECOND)
    deadline = time.monotonic() + 10
    while not sent.keys() <= received.keys() and time.monotonic() < deadline:
        time.sleep(0.05)
    stream.cancel()
    thread.join(5)
    return [1000 * (received[title] - at) for title, at in sent.items()]


def _ask(url: str, statement: str) -> Any:
    with psycopg2.connect(url) as session, session.cursor() as cursor:
        cursor.execute(statement)
        (answer,) = cursor.fetchone() or (None,)
        return answer


def _version(url: str) -> str:
    return f"{_ask(url, 'SHOW server_version')}, jit {_ask(url, 'SHOW jit')} by default"


if __name__ == "__main__":
    main()

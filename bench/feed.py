"""The feed: the cost of open streams, the rate of events, and their delay.

.venv/bin/python -m bench.feed [--streams N] [--seconds N] [--rounds N] [--only TEXT]
"""

import argparse
import http.client
import statistics
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import grpc
from prometheus_client.parser import text_string_to_metric_families

from bench import load, product, seed
from bench.measuring import (
    Window,
    cpu_seconds,
    memory,
    percentile,
    print_table,
    run_parts,
    share_cores,
    verdict,
    watch,
)
from bench.product import Server
from bench.receiving import MARK, Receiver

GRPC_PORT, HTTP_PORT, METRICS_PORT = 50190, 8190, 8191
WORKERS = 10
A_CONNECTION = 100
WATCHERS, EVENTS_A_SECOND, SSE_STREAMS = 1_000, 5, 300
LIMITS = {"MAX_STREAMS": "100000", "MAX_STREAMS_PER_CALLER": "100000"}
#: KiB per stream; unary p99 with streams relative to without; ms; deliveries and changes per second.
KIB_BAR, UNARY_BAR, P50_BAR_MS, P99_BAR_MS, DELIVERIES_BAR, CATCH_UP_BAR = 30, 1.5, 40, 100, 9_000, 8_000
SLOW_BAR = 1.1
CAUGHT_UP = 40_000
SATURATED = 100
PATIENCE_SECONDS = 180
SERVICE = "/taskservice.TaskService"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the feed of changes.")
    parser.add_argument("--streams", type=int, default=10_000, help="that are open at once (%(default)s)")
    parser.add_argument("--seconds", type=float, default=10, help="length of each window (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, whose medians are reported (%(default)s)")
    parser.add_argument("--only", default="", help="only the parts whose names contain this: open, live, catch-up, sse")
    arguments = parser.parse_args()
    load.check_tools()
    core = share_cores()
    with product.database(None) as data_dir:
        bench = Bench(core, data_dir, arguments.seconds, arguments.rounds)
        run_parts(
            core,
            arguments.only,
            {
                "open": lambda: bench.open(arguments.streams),
                "live": bench.live,
                "catch-up": bench.catch_up,
                "sse": bench.sse,
            },
        )


@dataclass(frozen=True, slots=True)
class Step:
    """A number of watchers: the memory of the process in MiB, the delay of events in ms, and the threads."""

    watchers: int
    mib: float
    p50_ms: float
    p99_ms: float
    threads: int


class Bench:
    """The measurements on one database. Each has a new server, so that its memory does not affect the next one's."""

    def __init__(self, core: int, data_dir: Path, seconds: float, rounds: int) -> None:
        from tasks.models import Task
        from users.models import User

        self._core = core
        self._log = data_dir / "server.log"
        self._database = product.postgres(data_dir)
        self._seconds = seconds
        self._rounds = rounds
        self._email, _ = seed.add_callers(product.PASSWORD)
        self._actor = User.objects.get(email=self._email)
        text = "Some words about what there is to do. " * 5
        tasks = Task.objects.bulk_create(
            Task(title="Watched", description=text, labels=["a", "b"], created_by=self._actor) for _ in range(100)
        )
        self._tasks: list[UUID] = [task.pk for task in tasks]
        self._marks = 0

    def open(self, streams: int) -> None:
        """Measure open streams on one process: threads, memory, and concurrent unary calls."""
        with self._server() as server, self._receiver(server) as receiver:
            # Its threads and connections are made, also what looks after open streams.
            self._unary(server)
            self._open(server, receiver, 1)
            without = self._unary_rounds(server)
            threads, before = server.process.num_threads(), memory(server.process)
            self._open(server, receiver, streams)
            self._reach_all(receiver, streams + 1)
            each, more = (memory(server.process) - before) / streams / 1024, server.process.num_threads() - threads
            idle = self._cpu_share(server)
            with_streams = self._unary_rounds(server)
        ratio = with_streams.p99_ms / without.p99_ms
        note = verdict(ratio <= UNARY_BAR, f"<= {UNARY_BAR} x")
        print_table(
            (f"{streams:,} open streams", "", "bar"),
            [
                ("threads before, and more", f"{threads} + {more}", verdict(not more, "+ 0")),
                ("memory of each, KiB", f"{each:.1f}", verdict(each <= KIB_BAR, f"<= {KIB_BAR}")),
                ("of a core while nothing happens", f"{idle:.1%}", ""),
                ("GetTask p99, ms, without", f"{without.p99_ms:.1f}", ""),
                ("GetTask p99, ms, with", f"{with_streams.p99_ms:.1f}", note),
                ("GetTask per CPU-s, without", f"{without.per_cpu_second:,.0f}", ""),
                ("GetTask per CPU-s, with", f"{with_streams.per_cpu_second:,.0f}", ""),
            ],
        )  # fmt: skip

    def live(self) -> None:
        """Measure live events: their delay and cost, and the effect of a client that does not read."""
        steady: dict[bool, list[Window]] = {False: [], True: []}
        took: dict[bool, list[float]] = {False: [], True: []}
        count = int(self._seconds * EVENTS_A_SECOND)
        with self._server() as server, self._receiver(server) as receiver, ExitStack() as stack:
            self._open(server, receiver, WATCHERS)
            for number in range(self._rounds):
                # Alternated, so that after-effects of other work affect both alike.
                for slow in (False, True) if number % 2 == 0 else (True, False):
                    if slow:
                        stack.enter_context(self._receiver(server)).open(1, reading=False)
                    self._reach_all(receiver, WATCHERS)
                    steady[slow].append(self._events(server, receiver, count, 1 / EVENTS_A_SECOND, took[slow]))
                    stack.close()
            saturated = [self._events(server, receiver, SATURATED, 0, []) for _ in range(self._rounds)]
        p50, p99, slow_p99 = percentile(took[False], 0.5), percentile(took[False], 0.99), percentile(took[True], 0.99)
        note = verdict(slow_p99 <= p99 * SLOW_BAR, f"<= {SLOW_BAR} x")
        rate, limit = (_median(windows, "per_cpu_second") for windows in (steady[False], saturated))
        print_table(
            (f"{WATCHERS:,} streams, {EVENTS_A_SECOND} events a second", "", "bar"),
            [
                ("written -> received, p50 ms", f"{p50:.1f}", verdict(p50 <= P50_BAR_MS, f"<= {P50_BAR_MS}")),
                ("p99 ms", f"{p99:.1f}", verdict(p99 <= P99_BAR_MS, f"<= {P99_BAR_MS}")),
                ("p99 ms, one does not read", f"{slow_p99:.1f}", note),
                ("p99 ms of each round", _each(steady[False]), ""),
                ("and where one does not read", _each(steady[True]), ""),
                ("deliveries per CPU-s", f"{rate:,.0f}", verdict(rate >= DELIVERIES_BAR, f">= {DELIVERIES_BAR:,}")),
                ("as fast as it goes: per CPU-s", f"{limit:,.0f}", ""),
                ("as fast as it goes: per second", f"{_median(saturated, 'per_second'):,.0f}", ""),
            ],
        )  # fmt: skip

    def catch_up(self) -> None:
        """Measure a client that resumes from an old cursor."""
        from changes.feed import cursors, log
        from tandem.task.v1.task_pb2 import WatchTasksRequest
        from tasks.watching import subscription_for

        windows = []
        with self._server() as server:
            self._numbered()
            head = log.read_head()
            self._write_many(CAUGHT_UP)
            self._numbered()
            view = subscription_for("taskservice.TaskService/WatchTasks", WatchTasksRequest())
            stamp = cursors.stamp_of(view, self._actor)
            cursor = cursors.write(stamp, head.epoch, head.seq)
            for _ in range(self._rounds):
                with self._receiver(server, WatchTasksRequest(cursor=cursor)) as receiver:
                    windows.append(watch(server.process, self._database, lambda r=receiver: _caught_up(r)))
        rate, each = _median(windows, "per_second"), _median(windows, "per_cpu_second")
        print_table(
            (f"{CAUGHT_UP:,} changes to one client", "", "bar"),
            [
                ("per second", f"{rate:,.0f}", verdict(rate >= CATCH_UP_BAR, f">= {CATCH_UP_BAR:,}")),
                ("per CPU-s", f"{each:,.0f}", ""),
                ("PostgreSQL us", f"{_median(windows, 'database_us'):,.0f}", ""),
            ],
        )

    def sse(self) -> None:
        """Measure open streams over HTTP: memory, and concurrent REST calls."""
        with product.http_server(self._core, self._log, HTTP_PORT, **LIMITS) as server:
            with self._server() as rpc, grpc.insecure_channel(rpc.address) as channel:
                headers = {"authorization": f"Bearer {product.access_token(channel, self._email)}"}
                # Changes are numbered by the gRPC process or by the web one; here, nothing changes.
            url = f"{server.address}/api/v1/tasks/{self._tasks[0]}"

            def calls() -> Window:
                windows = [
                    watch(server.process, self._database, lambda: load.wrk(url, headers, self._seconds / 2))
                    for _ in range(self._rounds)
                ]
                return sorted(windows, key=lambda window: window.per_cpu_second)[len(windows) // 2]

            load.wrk(url, headers, 2)
            without = calls()
            threads, before = server.process.num_threads(), memory(server.process)
            streams = [_event_source(headers) for _ in range(SSE_STREAMS)]
            each, more = (memory(server.process) - before) / SSE_STREAMS / 1024, server.process.num_threads() - threads
            with_streams = calls()
            for stream in streams:
                stream.close()
        ratio = with_streams.per_cpu_second / without.per_cpu_second
        print_table(
            (f"{SSE_STREAMS} open SSE streams", ""),
            [
                ("threads before, and more", f"{threads} + {more}"),
                ("memory of each, KiB", f"{each:.1f}"),
                ("GetTask per CPU-s, without", f"{without.per_cpu_second:,.0f}"),
                ("GetTask per CPU-s, with", f"{with_streams.per_cpu_second:,.0f} ({ratio:.2f} x)"),
                ("GetTask p99, ms, without", f"{without.p99_ms:.1f}"),
                ("GetTask p99, ms, with", f"{with_streams.p99_ms:.1f}"),
            ],
        )

    def _server(self) -> AbstractContextManager[Server]:
        return product.grpc_server(self._core, self._log, GRPC_PORT, METRICS_PORT, WORKERS, **LIMITS)

    @contextmanager
    def _receiver(self, server: Server, request: object = None) -> Iterator[Receiver]:
        from tandem.task.v1.task_pb2 import WatchTasksRequest

        message = (request or WatchTasksRequest()).SerializeToString()  # type: ignore[attr-defined]
        with Receiver(server.address, f"{SERVICE}/WatchTasks", message, self._headers(server)) as receiver:
            yield receiver

    def _headers(self, server: Server) -> dict[str, str]:
        with grpc.insecure_channel(server.address) as channel:
            return {"authorization": f"Bearer {product.access_token(channel, self._email)}"}

    def grow(self, steps: Sequence[int], a_connection: int) -> Iterator[Step]:
        """Open ever more streams, so many on each connection, and measure events at each step."""
        with self._server() as server, self._receiver(server) as receiver:
            self._unary(server)
            opened = 0
            for watchers in steps:
                self._open(server, receiver, watchers - opened, a_connection)
                opened = watchers
                self._reach_all(receiver, watchers)
                count = int(self._seconds * EVENTS_A_SECOND)
                window = self._events(server, receiver, count, 1 / EVENTS_A_SECOND, [], watchers)
                used = memory(server.process) / 2**20
                yield Step(watchers, used, window.p50_ms, window.p99_ms, server.process.num_threads())

    def _open(self, server: Server, receiver: Receiver, streams: int, a_connection: int = A_CONNECTION) -> None:
        """Open streams, at most as many at a time as the server lets wait for a thread."""
        begun = _started(server)
        for opened in range(0, streams, A_CONNECTION):
            more = min(A_CONNECTION, streams - opened)
            for connection in range(0, more, a_connection):
                receiver.open(min(a_connection, more - connection))
            _until(lambda until=begun + opened + more: _started(server) >= until, "streams to open")

    def _reach_all(self, receiver: Receiver, streams: int) -> None:
        """Write an event and wait until all streams have received it, so that all are live."""
        self._write()
        _until(lambda: receiver.seen() >= streams, "all streams to get an event")
        receiver.take()

    def _events(
        self,
        server: Server,
        receiver: Receiver,
        count: int,
        every: float,
        all_took: list[float],
        watchers: int = WATCHERS,
    ) -> Window:
        """Write `count` events, `every` seconds apart, and measure each delay from just before the write, in ms."""
        begun: dict[int, float] = {}
        took: list[float] = []

        def run() -> load.Load:
            at = time.monotonic()
            for _ in range(count):
                time.sleep(max(0.0, at - time.monotonic()))
                at += every
                now = time.monotonic()
                begun[self._write()] = now
            _until(lambda: receiver.seen() >= count * watchers, "all events to come")
            numbers, times = receiver.take()
            took.extend(1000 * (then - begun[number]) for number, then in zip(numbers, times, strict=True))
            all_took.extend(took)
            return load.Load(len(took), percentile(took, 0.5), percentile(took, 0.99))

        return watch(server.process, self._database, run)

    def _write(self) -> int:
        """Change a task in its own transaction, and notify the leader, as a serving process does after its commits."""
        from changes.feed import numbering
        from tasks.models import Task

        self._marks += 1
        task = self._tasks[self._marks % len(self._tasks)]
        Task.objects.filter(pk=task).update(title=MARK % self._marks)
        numbering.notify_leader()
        return self._marks

    def _write_many(self, count: int) -> None:
        from tasks.models import Task

        for number in range(0, count, len(self._tasks)):
            Task.objects.filter(pk__in=self._tasks).update(title=MARK % number)

    def _numbered(self) -> None:
        from changes.models import Change

        _until(lambda: not Change.objects.filter(seq=None).exists(), "the changes to be numbered")

    def _unary(self, server: Server) -> Window:
        from tandem.task.v1.task_pb2 import GetTaskRequest

        message, headers = GetTaskRequest(id=str(self._tasks[0])).SerializeToString(), self._headers(server)
        return watch(
            server.process, self._database,
            lambda: load.h2load(server.address, f"{SERVICE}/GetTask", message, headers, self._seconds / 2),
        )  # fmt: skip

    def _unary_rounds(self, server: Server) -> Window:
        windows = sorted((self._unary(server) for _ in range(self._rounds)), key=lambda window: window.p99_ms)
        return windows[len(windows) // 2]

    def _cpu_share(self, server: Server) -> float:
        before = cpu_seconds(server.process)
        time.sleep(self._seconds / 2)
        return (cpu_seconds(server.process) - before) / (self._seconds / 2)


def _caught_up(receiver: Receiver) -> load.Load:
    receiver.open(1)
    _until(lambda: receiver.seen() >= CAUGHT_UP, "the stream to catch up")
    return load.Load(len(receiver.take()[0]), 0, 0)


def _event_source(headers: dict[str, str]) -> http.client.HTTPConnection:
    """Open a stream, and read its beginning."""
    stream = http.client.HTTPConnection("127.0.0.1", HTTP_PORT, timeout=30)
    stream.request("GET", "/api/v1/tasks/stream", headers={**headers, "accept": "text/event-stream"})
    answer = stream.getresponse()
    if answer.status != http.client.OK or not answer.readline().startswith(b"retry:"):
        sys.exit(f"The stream was not opened: {answer.status}.")
    return stream


def _started(server: Server) -> int:
    """Return how many streams a thread has started to serve so far."""
    with urllib.request.urlopen(server.metrics_url, timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return sum(
        int(sample.value)
        for family in families
        for sample in family.samples
        if sample.name == "grpc_server_started_total" and sample.labels["grpc_method"] == "WatchTasks"
    )


def _until(reached: object, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():  # type: ignore[operator]
        if time.monotonic() > deadline:
            sys.exit(f"Waited {PATIENCE_SECONDS} s for {what}.")
        time.sleep(0.05)


def _median(windows: list[Window], name: str) -> float:
    return statistics.median(getattr(window, name) for window in windows)


def _each(windows: list[Window]) -> str:
    return " ".join(f"{window.p99_ms:.0f}" for window in windows)


if __name__ == "__main__":
    main()

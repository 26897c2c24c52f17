"""Start-up and memory of each kind of process: seconds until it serves, and what it holds while nothing is asked of it.

.venv/bin/python -m bench.startup [--rounds N] [--idle SECONDS] [--only TEXT]

Writes `bench/results/startup.md`, if all kinds are measured. The database runs already, and the first start of each
kind, which reads its files from the disk, does not count.
"""

import argparse
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bench import product, report
from bench.measuring import machine, print_table, verdict

PORT, METRICS_PORT = 50163, 8164
LOOK_SECONDS = 0.01
MEGABYTE = 1_000_000
#: Speech that a node transcribes, so that its recogniser is loaded.
RECORDING, RECORDING_SECONDS = product.ROOT / "samples/planning.ogg", 10
HEADINGS = ("", "ready, s", "spread", "bar", "PSS, MB", "RSS, MB", "bar", "processes")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of process.

    Attributes:
        arguments: of Python.
        is_ready: whether it serves.
        use: what is asked of it before its memory is read.
        ready_bar: seconds; None = there is no bar.
        memory_bar: of PSS, in MB.
    """

    name: str
    arguments: tuple[str, ...]
    is_ready: Callable[[], bool]
    memory_bar: int
    ready_bar: float | None = None
    use: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Start:
    """A start: seconds until it was ready, and then the idle memory of the process and its children, in MB.

    Attributes:
        pss: each page that processes share is divided by their number.
        rss: each page counts whole in each process.
    """

    seconds: float
    pss: float
    rss: float
    processes: int


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the start and the idle memory of each kind of process.")
    parser.add_argument("--rounds", type=int, default=5, help="starts, whose medians are reported (%(default)s)")
    parser.add_argument("--idle", type=float, default=3, help="seconds until memory is read (%(default)s)")
    parser.add_argument("--only", default="", help="only the kinds whose names contain this")
    arguments = parser.parse_args()
    before = machine()
    with product.database(None) as data_dir:
        kinds = [kind for kind in _kinds() if arguments.only in kind.name]
        starts: dict[str, list[Start]] = {kind.name: [] for kind in kinds}
        for number in range(arguments.rounds + 1):
            for kind in kinds:
                print(f"{kind.name}: start {number} of {arguments.rounds}", file=sys.stderr, flush=True)
                start = _start(kind, data_dir / "servers.log", arguments.idle if number else 0)
                if number:
                    starts[kind.name].append(start)
    rows = [_row(kind, starts[kind.name]) for kind in kinds]
    print(f"{before}\n")
    print_table(HEADINGS, rows)
    if not arguments.only:
        (report.FOLDER / "startup.md").write_text(_page(rows, arguments.rounds, arguments.idle, before))


def _kinds() -> list[Kind]:
    metrics = f"http://127.0.0.1:{METRICS_PORT}/metrics"
    with_metrics = f"--metrics-port={METRICS_PORT}"
    node = ("-m", "speechnode", f"--listen=127.0.0.1:{PORT}", "--metrics-port=0", "--log=json")
    return [
        Kind("rungrpc", ("manage.py", "rungrpc", f"--port={PORT}", with_metrics), _serves_grpc, 120, 1.5),
        Kind(
            "runweb", ("manage.py", "runweb", f"--port={PORT}", with_metrics),
            lambda: product.answers_http(f"http://127.0.0.1:{PORT}/health/ready"), 120,
        ),
        Kind("runworker", ("manage.py", "runworker", with_metrics), lambda: product.answers_http(metrics), 120),
        Kind("speech node, recogniser loaded", node, _accepts, 250, use=_transcribe),
    ]  # fmt: skip


def _start(kind: Kind, log: Path, idle: float) -> Start:
    begun = time.perf_counter()
    with product.running(list(kind.arguments), None, log, kind.is_ready, look_every=LOOK_SECONDS) as process:
        seconds = time.perf_counter() - begun
        kind.use()
        time.sleep(idle)
        tree = [process, *process.children(recursive=True)]
        memory = [one.memory_full_info() for one in tree]
    pss, rss = (sum(getattr(one, name) for one in memory) / MEGABYTE for name in ("pss", "rss"))
    return Start(seconds, pss, rss, len(tree))


def _accepts() -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", PORT)) == 0


def _serves_grpc() -> bool:
    """Return whether health answers SERVING. A connection is tried first: a refused one makes grpcio wait a second."""
    if not _accepts():
        return False
    with _channel() as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@contextmanager
def _channel() -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{PORT}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
        yield channel


def _transcribe() -> None:
    from bench import speech
    from bench.flite import RATE
    from speechnode.engines.decode import Decoder

    with RECORDING.open("rb") as file:
        pcm = b"".join(Decoder(file))[: 2 * RATE * RECORDING_SECONDS]
    with _channel() as channel:
        if not speech.transcript(channel, pcm):
            sys.exit("The node has understood nothing; its memory was not measured.")


def _row(kind: Kind, starts: Sequence[Start]) -> tuple[str, ...]:
    seconds, pss, rss = (
        statistics.median(getattr(start, name) for start in starts) for name in ("seconds", "pss", "rss")
    )
    times = [start.seconds for start in starts]
    return (
        kind.name,
        f"{seconds:.2f}",
        f"{min(times):.2f} to {max(times):.2f}",
        verdict(seconds <= kind.ready_bar, f"<= {kind.ready_bar} s") if kind.ready_bar else "",
        f"{pss:.0f}",
        f"{rss:.0f}",
        verdict(pss <= kind.memory_bar, f"<= {kind.memory_bar} MB"),
        f"{max(start.processes for start in starts)}",
    )


def _page(rows: Sequence[Sequence[str]], rounds: int, idle: float, before: str) -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=product.ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()  # fmt: skip
    return "\n".join([
        "# Start-up and memory", "",
        "Written by `bench.startup`; do not edit.", "",
        f"| {' | '.join(HEADINGS)} |", f"|{'---|' * len(HEADINGS)}", *(f"| {' | '.join(row)} |" for row in rows), "",
        f"Medians of {rounds} starts, of one process at a time, with the files in the kernel's cache and the database",
        "running. Ready: from the start of the program until `grpc.health.v1` answers SERVING (rungrpc),",
        "`/health/ready` answers 200 (runweb), the metrics are served, after which jobs are claimed (runworker), and",
        f"the port accepts connections (node). Memory: {idle:g} s later without a call, of the process and its",
        f"children; the node has transcribed {RECORDING_SECONDS} s before. PSS divides a page that several processes",
        "share by their number, RSS counts it in each; the bars are for PSS. 1 MB = 1,000,000 bytes.", "",
        f"Measured at {commit}. {before}.", "",
    ])  # fmt: skip


if __name__ == "__main__":
    main()

"""The cost of processing a recording, and the delay until its first segment can be read.

.venv/bin/python -m bench.meetings [--seed N] [--lines N] [--minutes N] [--only whole|first|beside]
"""

import argparse
import http.client
import io
import os
import random
import time
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bench.flite import RATE
from bench.measuring import cpu_seconds, machine, percentile, print_table, share_cores, verdict
from bench.product import database, grpc_server, http_server, running
from bench.speech import BYTES_PER_MS, scene

#: CPU time relative to the recording's length; seconds from the upload's response to the first segment.
BARS = {"whole": 0.15, "first": 10.0}
#: Maximum delay of a server's thread by engine work, and the duration of that measurement.
STALL_MS, LOOK_SECONDS = 50, 20
HTTP_PORT, GRPC_PORT, METRICS_PORT = 8193, 50193, 8194
PATIENCE_SECONDS = 1_800


@contextmanager
def worker(core: int, folder: Path) -> Iterator[psutil.Process]:
    """Run a worker and its child processes on one core."""
    with running(
        ["manage.py", "runworker"], core, folder / "worker.log", lambda: _said(folder, "Running jobs")
    ) as process:
        yield process


def _said(folder: Path, what: str) -> bool:
    log = folder / "worker.log"
    return log.exists() and what in log.read_text()


def uploaded(pcm: bytes) -> Any:
    """Create a meeting, and upload its recording."""
    from meetings.services.recordings import UploadMetadata, upload_recording
    from users.models import User

    owner, _ = User.objects.get_or_create(email="bench@example.com", defaults={"display_name": "Bench"})
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(RATE)
        written.writeframes(pcm)
    content = file.getvalue()
    chunks = (content[start : start + 65536] for start in range(0, len(content), 65536))
    return upload_recording(owner, UploadMetadata(filename="bench.wav"), chunks)


def whole(process: psutil.Process, pcm: bytes) -> list[list[str]]:
    """Process a conversation, and measure the CPU time of the worker, its node and the recogniser."""
    from meetings.models import Segment, Status

    before, began = cpu_seconds(process), time.monotonic()
    meeting = uploaded(pcm)
    _until(lambda: _status(meeting) in (Status.COMPLETED, Status.FAILED))
    took, used = time.monotonic() - began, cpu_seconds(process) - before
    meeting.refresh_from_db()
    seconds = len(pcm) / BYTES_PER_MS / 1000
    assert meeting.status == Status.COMPLETED, meeting.failure_reason
    note = f"{seconds / 60:.1f} min, {Segment.objects.filter(meeting=meeting).count()} segments"
    return [
        ["whole pipeline, CPU", f"{used / seconds:.3f}", verdict(used / seconds <= BARS["whole"], "<= 0.15"), note],
        ["whole pipeline, wall, one core", f"{took / seconds:.3f}", "", ""],
    ]


def first(process: psutil.Process, pcm: bytes, minutes: int) -> list[list[str]]:
    """Process a long recording, which repeats the conversation, and measure when its first segment is committed."""
    from meetings.models import Segment
    from meetings.services.processing import cancel_processing

    long = pcm * (minutes * 60_000 * BYTES_PER_MS // len(pcm) + 1)
    long = long[: minutes * 60_000 * BYTES_PER_MS]
    meeting = uploaded(long)
    began = time.monotonic()
    _until(lambda: Segment.objects.filter(meeting=meeting).exists())
    took = time.monotonic() - began
    cancel_processing(meeting.owner, str(meeting.pk))
    note = f"{minutes} min, {len(long) / 2**20:.0f} MiB"
    return [["first segment after the upload", f"{took:.1f} s", verdict(took <= BARS["first"], "<= 10 s"), note]]


def beside(core: int, folder: Path, pcm: bytes) -> list[list[str]]:
    """Measure the latency of trivial calls to the servers, alone and beside engine work."""
    rows = []
    with (
        grpc_server(core, folder / "grpc.log", GRPC_PORT, METRICS_PORT, 10) as rpc,
        http_server(core, folder / "web.log", HTTP_PORT) as web,
        grpc.insecure_channel(rpc.address) as channel,
    ):
        health = health_pb2_grpc.HealthStub(channel)
        connection = http.client.HTTPConnection(urlsplit(web.address).netloc, timeout=10)
        # What is looked at last keeps its connection until then.
        calls = {
            "HTTP": lambda: _live(connection),
            "gRPC": lambda: health.Check(health_pb2.HealthCheckRequest()),
        }
        alone = {transport: _latencies(call) for transport, call in calls.items()}
        meeting = uploaded(pcm)
        _until(lambda: meeting.__class__.objects.filter(pk=meeting.pk, progress__gt=0).exists())
        connection.close()  # The server has, by now.
        for transport, call in calls.items():
            busy = _latencies(call)
            result = verdict(busy[-1] <= alone[transport][-1] + STALL_MS, f"<= + {STALL_MS} ms")
            quiet = alone[transport]
            note = f"p99 {percentile(busy, 0.99):.1f}; alone {percentile(quiet, 0.99):.1f}, {quiet[-1]:.1f}"
            rows.append([f"{transport} beside engine work, longest", f"{busy[-1]:.1f} ms", result, note])
    return rows


def _live(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/health/live")
    connection.getresponse().read()


def _latencies(call: Callable[[], object]) -> list[float]:
    """Return the latencies of repeated calls in ms, sorted."""
    took, until = [], time.monotonic() + LOOK_SECONDS
    while time.monotonic() < until:
        began = time.perf_counter()
        call()
        took.append((time.perf_counter() - began) * 1000)
        time.sleep(0.01)
    return sorted(took)


def _status(meeting: Any) -> int:
    return int(type(meeting).objects.values_list("status", flat=True).get(pk=meeting.pk))


def _until(holds: Any) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)


def main() -> None:
    """Measure, and print the results."""
    parser = argparse.ArgumentParser(description="Measure the work on recordings.")
    option = parser.add_argument
    option("--seed", type=int, default=1, help="of what the conversation is made of (default: %(default)s)")
    option(
        "--lines", type=int, default=90, help="of the conversation; 90 are about five minutes (default: %(default)s)"
    )
    option("--minutes", type=int, default=60, help="of the long recording (default: %(default)s)")
    option("--only", choices=("whole", "first", "beside"))
    given = parser.parse_args()
    print(f"{machine()}, seed {given.seed}")
    core = share_cores()
    pcm, _ = scene(["rms", "slt", "librivox"], given.lines, random.Random(given.seed))
    rows: list[list[str]] = []
    with database(None) as folder, worker(core, folder) as process:
        if given.only in (None, "whole"):
            rows += whole(process, pcm)
        if given.only in (None, "first"):
            rows += first(process, pcm, given.minutes)
        if given.only in (None, "beside"):
            (other,) = set(os.sched_getaffinity(0)) - {core} or {core}
            rows += beside(other, folder, pcm)
    print_table(["", "measured", "bar", ""], rows)


if __name__ == "__main__":
    main()

"""Latency of live meetings: how long after it begins speech has a draft, and after it ends a final segment.

.venv/bin/python -m bench.live [--seed N] [--streams N ...] [--rounds N] [--each]

A conversation with known times is sent at the pace of speech by WebSocket, by each stream from another line on. The
servers, the worker with its node, PostgreSQL and the measuring program share all processors.
"""

import argparse
import json
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from bench.measuring import cpu_seconds, machine, percentile, print_table, verdict
from bench.product import database, http_server, running
from speechnode.engines.decode import Decoder

DATA = Path(__file__).resolve().parent.parent / "tests/speech/data"
HTTP_PORT = 8195
BAR_SECONDS = 1.0
RATE, PART_SECONDS = 16_000, 0.1
PART_BYTES = round(RATE * 2 * PART_SECONDS)
#: A line and its segment begin within this.
_SAME_MS = 600
EMAIL = "bench@example.com"


@dataclass
class Latencies:
    """Seconds after a line has begun or ended, and after a part was sent; and the lines that had no answer."""

    drafts: list[float] = field(default_factory=list)
    finals: list[float] = field(default_factory=list)
    acks: list[float] = field(default_factory=list)
    missed: int = 0

    def add(self, other: "Latencies") -> None:
        self.drafts += other.drafts
        self.finals += other.finals
        self.acks += other.acks
        self.missed += other.missed


class Stream:
    """One meeting that is recorded.

    Args:
        lines: of the conversation, with times in ms.
    """

    def __init__(self, url: str, token: str, meeting_id: str, pcm: bytes, lines: list[dict[str, Any]]) -> None:
        self._url = f"{url.replace('http', 'ws', 1)}/api/v1/meetings/{meeting_id}/audio"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._pcm = pcm
        self._lines = lines
        self._began = 0.0
        self._sent: dict[int, float] = {}
        self._received: list[tuple[float, dict[str, Any]]] = []

    def run(self) -> Latencies:
        """Send everything at the pace of speech, and return what was measured."""
        with connect(self._url, additional_headers=self._headers, compression=None) as socket:
            config = {"format": "pcm_s16le", "sample_rate": RATE, "interim": True, "language": "en"}
            socket.send(json.dumps({"config": config}))
            reading = threading.Thread(target=self._read, args=(socket,))
            reading.start()
            # The worker claims the meeting, and the recognizer starts.
            _until(lambda: any((one.get("recognition") or {}).get("state") == "running" for _, one in self._received))
            self._began = time.monotonic()
            for seq in range(1, len(self._pcm) // PART_BYTES + 1):
                # A part is sent when its last sample is recorded.
                time.sleep(max(0.0, self._began + seq * PART_SECONDS - time.monotonic()))
                self._sent[seq] = time.monotonic()
                part = self._pcm[(seq - 1) * PART_BYTES : seq * PART_BYTES]
                socket.send(seq.to_bytes(8, "big") + part)
            time.sleep(2)
            socket.send(json.dumps({"end": {}}))
            reading.join()
        return self._latencies()

    def _read(self, socket: Any) -> None:
        try:
            while True:
                answer = json.loads(socket.recv())
                self._received.append((time.monotonic(), answer))
        except ConnectionClosed:
            return

    def _latencies(self) -> Latencies:
        found = Latencies()
        acknowledged = 0
        for at, answer in self._received:
            if ack := answer.get("ack"):
                found.acks += [at - self._sent[seq] for seq in range(acknowledged + 1, ack["seq"] + 1)]
                acknowledged = ack["seq"]
        for line in self._lines:
            draft = self._first(line, ("draft", "segment"))
            final = self._first(line, ("segment",))
            if draft is None or final is None:
                found.missed += 1
                continue
            found.drafts.append(draft - self._began - line["start_ms"] / 1000)
            found.finals.append(final - self._began - line["end_ms"] / 1000)
        return found

    def _first(self, line: dict[str, Any], kinds: tuple[str, ...]) -> float | None:
        for at, answer in self._received:
            for kind in kinds:
                shown = answer.get(kind)
                if shown and abs(shown["start_ms"] - line["start_ms"]) <= _SAME_MS:
                    return at
        return None


@contextmanager
def worker(folder: Path) -> Iterator[psutil.Process]:
    log = folder / "worker.log"
    with running(
        ["manage.py", "runworker"], 0, log, lambda: log.exists() and "Running jobs" in log.read_text()
    ) as process:
        yield process


def measure(url: str, token: str, count: int, rounds: int, rng: random.Random) -> list[Latencies]:
    """Record so many meetings at once, in each round from other lines on. Return what each stream measured."""
    from meetings.models import RUNNING, Meeting
    from meetings.services import create_meeting
    from users.models import User

    owner = User.objects.get(email=EMAIL)
    with (DATA / "meeting.ogg").open("rb") as file:
        pcm = b"".join(Decoder(file))
    lines = json.loads((DATA / "meeting.json").read_text())["lines"]
    results: list[Latencies] = []
    for _ in range(rounds):
        threads = []
        for _ in range(count):
            first = rng.randrange(len(lines))
            shift = max(0, lines[first]["start_ms"] - 500) // 100 * 100
            shifted = [
                line | {"start_ms": line["start_ms"] - shift, "end_ms": line["end_ms"] - shift}
                for line in lines[first:]
            ]
            meeting = create_meeting(owner, {"title": "Live"})
            stream = Stream(url, token, str(meeting.pk), pcm[shift * RATE * 2 // 1000 :], shifted)
            threads.append(threading.Thread(target=lambda one, found: found.append(one.run()), args=(stream, results)))
        for thread in threads:
            thread.start()
            time.sleep(rng.uniform(0, 0.5))
        for thread in threads:
            thread.join()
        # The rest of the pipeline takes places of the node.
        _until(lambda: not Meeting.objects.filter(status__in=RUNNING).exists(), 0.2)
    if len(results) < rounds * count:
        raise SystemExit("The speech of a stream was not recognized: see the worker's log.")
    return results


def _until(condition: Any, step: float = 0.01) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("The speech is not recognized: see the worker's log.")
        time.sleep(step)


def _rows(count: int, latencies: Latencies, cpu: float) -> list[list[str]]:
    name = f"{count} stream{'s' if count > 1 else ''}"
    lines = f"{len(latencies.finals)} lines, {latencies.missed} without an answer"
    rows = []
    for what, values, note in (
        ("first draft after speech begins", latencies.drafts, lines),
        ("segment after speech ends", latencies.finals, lines),
        ("acknowledgement after a part", latencies.acks, f"{len(latencies.acks)} parts, {cpu:.2f} cores"),
    ):
        p95 = percentile(values, 0.95)
        bar = "" if "part" in what else verdict(p95 <= BAR_SECONDS, "<= 1.0 s")
        rows.append([f"{name}: {what}", f"{percentile(values, 0.5):.2f} s", f"{p95:.2f} s", bar, note])
    return rows


def _listed(values: list[float]) -> str:
    return " ".join(f"{value:.2f}" for value in values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 4], metavar="N", help="how many at once (1 4)")
    parser.add_argument("--rounds", type=int, default=2, metavar="N", help="of each (2)")
    parser.add_argument("--each", action="store_true", help="print the latencies of each stream")
    options = parser.parse_args()
    print(f"{machine()}; seed {options.seed}\n", flush=True)
    every = os.sched_getaffinity(0)
    with ExitStack() as stack:
        folder = stack.enter_context(database(None))
        from access.models import Session
        from access.tokens import access_token
        from users.models import User

        owner = User.objects.create(email=EMAIL, display_name="Bench")
        token = access_token(Session.objects.create(user=owner))
        web = stack.enter_context(http_server(0, folder / "web.log", HTTP_PORT))
        working = stack.enter_context(worker(folder))
        processes = [web.process, working]
        for process in processes:
            for one in (process, *process.children(recursive=True)):
                for thread in one.threads():
                    os.sched_setaffinity(thread.id, every)
        rows = []
        for count in options.streams:
            before, began = sum(map(cpu_seconds, processes)), time.monotonic()
            streams = measure(web.address, token, count, options.rounds, random.Random(options.seed))
            cpu = (sum(map(cpu_seconds, processes)) - before) / (time.monotonic() - began)
            latencies = Latencies()
            for stream in streams:
                latencies.add(stream)
                if options.each:
                    print("drafts", _listed(stream.drafts), "segments", _listed(stream.finals), flush=True)
            rows += _rows(count, latencies, cpu)
        print_table(["", "median", "p95", "bar", ""], rows)
        print(f"\n{machine()}")


if __name__ == "__main__":
    main()

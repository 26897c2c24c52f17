"""WatchMeeting over server-sent events: the delay of segments for many concurrent watchers.

.venv/bin/python -m bench.watch_meeting [--watchers N] [--segments N] [--every SECONDS] [--rounds N]
"""

import argparse
import json
import multiprocessing
import re
import selectors
import socket
import sys
import time
import urllib.request
from multiprocessing.connection import Connection

from bench import product, seed
from bench.measuring import percentile, print_table, share_cores, verdict

PORT = 8192
P95_BAR_MS = 250
LIMITS = {"MAX_STREAMS": "100000", "MAX_STREAMS_PER_CALLER": "100000"}
PATIENCE_SECONDS = 60
_MARK = re.compile(rb'"text": ?"bench-(\d{6})')
#: Longer than a mark, so that one which is split between two reads is found.
_KEPT_BYTES = 64
TEXT = "bench-%06d and then some more words, as many as are said in one go without a pause, which is about this long"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the feed of one meeting.")
    parser.add_argument("--watchers", type=int, default=100, help="streams that are open (%(default)s)")
    parser.add_argument("--segments", type=int, default=100, help="that are written in a round (%(default)s)")
    parser.add_argument("--every", type=float, default=0.1, help="seconds from one to the next (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    arguments = parser.parse_args()
    core = share_cores()
    with (
        product.database(None) as data_dir,
        product.http_server(core, data_dir / "server.log", PORT, **LIMITS) as server,
    ):
        rounds = _rounds(server.address, arguments)
    together = [took for each in rounds for took in each]
    rows = [(name, f"{percentile(together, part):.0f}", "") for name, part in (("p50 ms", 0.5), ("p99 ms", 0.99))]
    p95 = percentile(together, 0.95)
    rows.insert(1, ("p95 ms", f"{p95:.0f}", verdict(p95 <= P95_BAR_MS, f"<= {P95_BAR_MS}")))
    rows.append(("p95 ms of each round", " ".join(f"{percentile(each, 0.95):.0f}" for each in rounds), ""))
    print_table((f"{arguments.watchers} watch, {1 / arguments.every:.0f} segments a second", "", "bar"), rows)


def _rounds(address: str, arguments: argparse.Namespace) -> list[list[float]]:
    """Return, for each round, the delay of each segment for each watcher from before its write, in milliseconds."""
    from changes.feed import numbering
    from meetings.models import Meeting, Segment, Status
    from users.models import User

    email, _ = seed.add_callers(product.PASSWORD)
    meeting = Meeting.objects.create(title="Watched", owner=User.objects.get(email=email), status=Status.PROCESSING)
    words = [
        {"text": "word", "start_ms": 100 * place, "end_ms": 100 * place + 90, "confidence": 0.5} for place in range(20)
    ]
    pipe, other = multiprocessing.get_context("spawn").Pipe()
    path = f"/api/v1/meetings/{meeting.pk}/stream"
    watching = multiprocessing.get_context("spawn").Process(
        target=_watch, args=(other, PORT, path, _token(address, email), arguments.watchers), daemon=True
    )
    watching.start()
    _expect(pipe)
    begun: list[float] = []
    rounds = []
    for _ in range(arguments.rounds):
        at = time.monotonic()
        for _ in range(arguments.segments):
            time.sleep(max(0.0, at - time.monotonic()))
            at += arguments.every
            number = len(begun)
            begun.append(time.monotonic())
            Segment.objects.create(
                meeting=meeting, transcript_version=1, start_ms=number, end_ms=number + 1, text=TEXT % number,
                recognized_text=TEXT % number, confidence=0.5, words=words, engine={},
            )  # fmt: skip
            numbering.notify_leader()
        pipe.send(arguments.segments * arguments.watchers)
        rounds.append([1000 * (then - begun[number]) for number, then in _expect(pipe)])
    watching.terminate()
    return rounds


def _expect(pipe: Connection) -> list[tuple[int, float]]:
    if not pipe.poll(PATIENCE_SECONDS):
        sys.exit(f"Waited {PATIENCE_SECONDS} s for all streams.")
    events: list[tuple[int, float]] = pipe.recv()
    return events


def _token(address: str, email: str) -> str:
    body = json.dumps({"email": email, "password": product.PASSWORD}).encode()
    sent = urllib.request.Request(f"{address}/api/v1/auth/login", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(sent, timeout=30) as answer:
        token: str = json.load(answer)["access_token"]
    return token


def _watch(pipe: Connection, port: int, path: str, token: str, watchers: int) -> None:
    """Open the streams. For each number of events from the pipe, send back the number and time of each event."""
    selector = selectors.DefaultSelector()
    tails: dict[socket.socket, bytes] = {}
    for _ in range(watchers):
        stream = socket.create_connection(("127.0.0.1", port))
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        buffer = b""
        while b"event: status" not in buffer:  # Reads its initial state.
            more = stream.recv(65536)
            if not more:
                raise ConnectionError(buffer)
            buffer += more
        stream.setblocking(False)
        selector.register(stream, selectors.EVENT_READ)
        tails[stream] = b""
    selector.register(pipe, selectors.EVENT_READ)
    seen: list[tuple[int, float]] = []
    wanted = 0
    pipe.send([])
    while True:
        ready = [key.fileobj for key, _ in selector.select()]
        now = time.monotonic()
        for stream in ready:
            if stream is pipe:
                wanted = pipe.recv()
                continue
            data = tails[stream] + stream.recv(1 << 20)  # type: ignore[index,union-attr]
            found = list(_MARK.finditer(data))
            seen += [(int(mark[1]), now) for mark in found]
            tails[stream] = data[max(found[-1].end() if found else 0, len(data) - _KEPT_BYTES) :]  # type: ignore[index]
        if wanted and len(seen) >= wanted:
            pipe.send(seen)
            seen, wanted = [], 0


if __name__ == "__main__":
    main()

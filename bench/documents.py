"""The processing of a document of 100 sheets: how long it takes, and what other calls take beside it.

.venv/bin/python -m bench.documents [--pages N] [--rounds N]
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from bench import seed
from bench.measuring import machine, percentile, print_table, share_cores, verdict
from bench.meetings import worker
from bench.product import PASSWORD, database, http_server
from bench.sheets.schematic import iec_document
from bench.sheets.styles import STYLES

PORT = 8195
#: Seconds from the upload's response; `beside`: of the 95th percentile of calls, relative to the time without work.
BARS = {"whole": 15.0, "first": 0.5, "cancel": 1.0, "beside": 1.25}
PATIENCE_SECONDS = 120
#: How long calls are measured before each document.
LOOK_SECONDS = 5.0
_BOUNDARY = "bench"


class Client:
    """The uploader of documents, over REST with one connection."""

    def __init__(self, address: str, email: str) -> None:
        self._host = urlsplit(address).netloc
        self._headers = {"Content-Type": "application/json"}
        self._connection = http.client.HTTPConnection(self._host, timeout=60)
        token = self.call("POST", "/auth/login", {"email": email, "password": PASSWORD})["access_token"]
        self._headers["Authorization"] = f"Bearer {token}"
        self.project = self.call("POST", "/projects", {"name": "Bench"})["id"]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Return the answer's body."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        headers = self._headers
        if isinstance(body, bytes):
            headers = headers | {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        self._connection.request(method, f"/api/v1{path}", content, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:500]!r}")
        return json.loads(text)

    def upload(self, pdf: bytes) -> str:
        """Upload a document, and return its id."""
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="sheets.pdf"\r\n\r\n'
        body = head.encode() + pdf + f"\r\n--{_BOUNDARY}--\r\n".encode()
        return str(self.call("POST", f"/projects/{self.project}/documents", body)["id"])

    @contextmanager
    def watching(self, document: str) -> Iterator[Iterator[tuple[float, str]]]:
        """Yield the time and the name of each event of a document's stream, as they arrive."""
        request = urllib.request.Request(
            f"http://{self._host}/api/v1/documents/{document}/stream", headers=self._headers
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as stream:
            yield ((time.monotonic(), line[6:].strip().decode()) for line in stream if line.startswith(b"event:"))


def sheets(pages: int) -> bytes:
    """Return a PDF of control circuits."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sheets.pdf")
        iec_document(path, STYLES[0], 1, pages)
        return path.read_bytes()


def whole(client: Client, pdf: bytes) -> tuple[float, float]:
    """Process a document; return when its first page was received, and when its end, in seconds."""
    document = client.upload(pdf)
    begun = time.monotonic()
    with client.watching(document) as events:
        first = next(at for at, name in events if name == "page")
        ended = next(at for at, name in events if name == "end")
    assert client.call("GET", f"/documents/{document}")["status"] == "ready"
    return first - begun, ended - begun


def cancelled(client: Client, pdf: bytes) -> float:
    """Cancel the processing of a document after its first page; return when its stream ended, in seconds."""
    document = client.upload(pdf)
    with client.watching(document) as events:
        next(at for at, name in events if name == "page")
        begun = time.monotonic()
        client.call("POST", f"/documents/{document}/cancel", {})
        ended = next(at for at, name in events if name == "end")
    assert client.call("GET", f"/documents/{document}")["status"] == "cancelled"
    return ended - begun


def latencies(client: Client, until: Callable[[], bool]) -> list[float]:
    """Return the times of a project's GET in ms, called every 10 ms."""
    took: list[float] = []
    while not until():
        begun = time.perf_counter()
        client.call("GET", f"/projects/{client.project}")
        took.append(1000 * (time.perf_counter() - begun))
        time.sleep(0.01)
    return took


@contextmanager
def neighbour(core: int) -> Iterator[None]:
    """Let a process that has nothing to do with the product compute on a core."""
    program = "import json\nvalues = list(range(100_000))\nwhile True: json.loads(json.dumps(values))"
    process = subprocess.Popen([sys.executable, "-c", program], preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    try:
        yield
    finally:
        process.kill()
        process.wait()


def beside(client: Client, pdf: bytes, core: int) -> tuple[list[float], list[float], list[float]]:
    """Return the times of calls alone, beside a neighbour on this core, and while a document is processed."""
    from drawings.models import Document, Status

    nothing = Document.objects.filter(pk=UUID(int=0))

    def for_a_while() -> list[float]:
        until = time.monotonic() + LOOK_SECONDS
        # The same query between two calls as below.
        return latencies(client, lambda: nothing.exists() or time.monotonic() > until)

    alone = for_a_while()
    with neighbour(core):
        neighboured = for_a_while()
    document = Document.objects.filter(pk=client.upload(pdf), status__in=(Status.QUEUED, Status.PROCESSING))
    return alone, neighboured, latencies(client, lambda: not document.exists())


def main() -> None:
    """Measure, and print the results."""
    parser = argparse.ArgumentParser(description="Measure the processing of documents.")
    parser.add_argument("--pages", type=int, default=100, help="of the document (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    given = parser.parse_args()
    print(machine())
    core = share_cores()
    (other,) = set(os.sched_getaffinity(0)) - {core} or {core}
    pdf = sheets(given.pages)

    def another(number: int) -> bytes:
        return pdf + b"\n%% %d" % number  # Other bytes after the end: another document with the same pages.

    with database(None) as folder, http_server(other, folder / "web.log", PORT) as web, worker(core, folder):
        client = Client(web.address, seed.add_callers(PASSWORD)[1])
        whole(client, another(0))  # The first one imports the engine.
        rounds = [whole(client, another(number)) for number in range(1, given.rounds + 1)]
        ends = [cancelled(client, another(number)) for number in range(100, 100 + given.rounds)]
        compared = [beside(client, another(number), core) for number in range(200, 200 + given.rounds)]
    first, last, end = max(one for one, _ in rounds), max(two for _, two in rounds), max(ends)
    alone, neighboured, meanwhile = (sorted(chain(*times)) for times in zip(*compared, strict=True))
    p95, p95_neighboured, p95_meanwhile = (percentile(times, 0.95) for times in (alone, neighboured, meanwhile))
    medians = " ".join(f"{statistics.median(times):.1f}" for times in (alone, neighboured, meanwhile))
    rows = [
        ("upload to the first page at a watcher, s", f"{first:.2f}", verdict(first <= BARS["first"], "<= 0.5")),
        ("upload to the end at a watcher, s", f"{last:.1f}", verdict(last <= BARS["whole"], "<= 15")),
        ("cancel to the end at a watcher, s", f"{end:.2f}", verdict(end <= BARS["cancel"], "<= 1")),
        ("GetProject over REST, alone, beside a neighbour, beside it: median, ms", medians, ""),
        (
            "the same: p95",
            f"{p95:.1f} {p95_neighboured:.1f} {p95_meanwhile:.1f}",
            verdict(p95_meanwhile <= BARS["beside"] * p95, "<= 1.25 x"),
        ),
    ]
    print_table((f"{given.pages} sheets, {len(pdf) / 2**20:.1f} MiB, worst of {given.rounds}", "", "bar"), rows)


if __name__ == "__main__":
    main()

"""Measures an upload that is interrupted repeatedly: tus 1.0 against `runweb`.

.venv/bin/python -m bench.uploads [--gb N] [--cuts N] [--seed N]

The connection is cut within a chunk, at places drawn by the seed. Each time the client requests the upload's offset,
and resumes there. The stored file must equal the sent one, and the server's memory must not grow by more than 64 MB.
Needs the file's size on disk, and uploads to this machine only.
"""

import argparse
import base64
import hashlib
import http.client
import random
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import product
from bench.measuring import memory, verdict

PORT = 8192
MEMORY_BAR_MB = 64
BLOCK = MIB = 1024 * 1024
#: Size of a first upload, which warms up the server before its memory is measured.
WARM_UP_BYTES = 20 * BLOCK


class Recording:
    """A WAV file of noise, generated as it is read, so that it needs no disk space.

    Args:
        length: in bytes.
    """

    def __init__(self, length: int, seed: int) -> None:
        self.length = length
        self._noise = random.Random(seed).randbytes(BLOCK)
        self._head = b"RIFF" + (length - 8 & 0xFFFFFFFF).to_bytes(4, "little") + b"WAVEfmt " + bytes(28)

    def blocks(self, start: int = 0) -> Iterator[bytes]:
        """Yield its bytes from an offset on."""
        while start < self.length:
            number, offset = divmod(start, BLOCK)
            # Each block begins with its number, so that a misplaced block changes the checksum.
            block = (self._head if number == 0 else number.to_bytes(8, "little")) + self._noise
            yield block[offset : min(BLOCK, offset + self.length - start)]
            start = min((number + 1) * BLOCK, self.length)

    def sha256(self) -> str:
        digest = hashlib.sha256()
        for block in self.blocks():
            digest.update(block)
        return digest.hexdigest()


class Uploader:
    """A tus client that cuts its connections."""

    def __init__(self, address: tuple[str, int], token: str) -> None:
        self._address = address
        self._headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}

    def create(self, recording: Recording, sha256: str) -> str:
        """Create the upload. Returns its path."""
        fields = {"filename": "long.wav", "filetype": "audio/wav", "sha256": sha256}
        metadata = ",".join(f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in fields.items())
        headers = {"Upload-Length": str(recording.length), "Upload-Metadata": metadata}
        return str(urlsplit(self._ask("POST", "/api/v1/uploads", 201, headers)["Location"]).path)

    def offset(self, path: str) -> int:
        """Return the upload's offset. Waits while the server still writes the data from before a cut."""
        return int(self._ask("HEAD", path, 200, {})["Upload-Offset"])

    def send(self, path: str, recording: Recording, start: int, until: int) -> bool:
        """Send the bytes from `start`, and cut the connection at `until`; at the end, wait for the response instead.

        Returns:
            False if the server has not yet detected that the previous connection was cut.
        """
        connection = http.client.HTTPConnection(*self._address, timeout=600)
        connection.putrequest("PATCH", path)
        for name, value in {
            **self._headers,
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(recording.length - start),
            "Upload-Offset": str(start),
        }.items():
            connection.putheader(name, value)
        connection.endheaders()
        left = until - start
        for block in recording.blocks(start):
            connection.send(block[:left])
            left -= min(left, len(block))
            if not left:
                break
        if until < recording.length:
            # Resets the connection without closing it properly.
            linger = (1).to_bytes(4, sys.byteorder) + (0).to_bytes(4, sys.byteorder)
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connection.close()
            # Gives the server time to detect the cut, as a real reconnection does.
            time.sleep(0.3)
            return True
        answer = connection.getresponse()
        if answer.status not in (204, 409, 423):
            sys.exit(f"The upload ended with {answer.status}: {answer.read().decode()}")
        connection.close()
        return answer.status == 204

    def _ask(self, method: str, path: str, expected: int, headers: dict[str, str]) -> Any:
        while True:
            connection = http.client.HTTPConnection(*self._address, timeout=600)
            connection.request(method, path, headers={**self._headers, **headers})
            answer = connection.getresponse()
            answer.read()
            connection.close()
            if answer.status == expected:
                return answer.headers
            if answer.status not in (409, 423, 503):
                sys.exit(f"{method} {path} answered {answer.status}.")
            time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gb", type=float, default=2, help="size of the file (%(default)s)")
    parser.add_argument("--cuts", type=int, default=50, help="how often the connection is cut (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    recording = Recording(int(asked.gb * 1e9), asked.seed)
    cuts = sorted(random.Random(asked.seed).sample(range(1, recording.length), asked.cuts))
    with product.database(None) as data_dir, product.http_server(0, data_dir / "web.log", PORT) as server:
        uploader = Uploader(("127.0.0.1", PORT), _token())
        upload(uploader, Recording(WARM_UP_BYTES, asked.seed), [])
        before = memory(server.process, "VmRSS")
        Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")
        begun = time.monotonic()
        resent = upload(uploader, recording, cuts)
        seconds = time.monotonic() - begun
        grown = memory(server.process, "VmHWM") - before
        kept = _kept(data_dir)
    same = kept == recording.sha256()
    print(f"seed {asked.seed}: {recording.length:,} bytes, {len(cuts)} cuts, {resent:,} bytes sent again")
    print(f"  byte for byte the same   {verdict(same, 'yes')}")
    small = verdict(grown < MEMORY_BAR_MB * MIB, f"<= {MEMORY_BAR_MB}")
    print(f"  memory of the server     + {grown / MIB:.0f} MiB  {small}")
    print(f"  {seconds:.0f} s, {recording.length / 1e6 / seconds:.0f} MB/s")


def upload(uploader: Uploader, recording: Recording, cuts: list[int]) -> int:
    """Upload a recording, over as many connections as needed. Returns the number of bytes that were sent again."""
    path = uploader.create(recording, recording.sha256())
    resent = at = 0
    for until in [*cuts, recording.length]:
        start = uploader.offset(path)
        resent += at - start
        while start < until and not uploader.send(path, recording, start, until):
            time.sleep(0.1)
            start = uploader.offset(path)
        at = max(at, until)
    return resent


def _token() -> str:
    from access.models import Session
    from access.tokens import access_token
    from users.models import User

    user = User.objects.create_superuser("bench@example.com", product.PASSWORD)
    return access_token(Session.objects.create(user=user))


def _kept(data_dir: Path) -> str:
    """Return the SHA-256 of the largest recording."""
    from meetings.models import Meeting
    from meetings.services.files import storage

    with storage().open(Meeting.objects.exclude(recording="").latest("recording_size").recording) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    main()

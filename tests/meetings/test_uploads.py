"""Uploads to a real server: large ones, and such as break off."""

import hashlib
import http.client
import json
import os
import random
import socket
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from django.core.management import call_command

from core.uploads.files import ABANDONED_AFTER
from meetings.models import Meeting, Status
from meetings.services import recordings
from tests.support.factories import AdministratorFactory
from tests.support.recordings import a_recording, stored
from tests.support.servers import Servers, database_url, running, until

HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="talk.wav"\r\n\r\n'
END = b"\r\n--b--\r\n"
CHUNK_BYTES = 1 << 20


@pytest.fixture
def serving(transactional_db: None, folder: Path) -> Iterator[Servers]:
    """Both transports, on the data folder of the test."""
    AdministratorFactory(email="admin@example.com")
    with running(DATABASE_URL=database_url(), TANDEM_DATA_DIR=str(folder)) as servers:
        yield servers


def connected(servers: Servers, length: int) -> http.client.HTTPConnection:
    """Open a connection, and send the head of an upload and the beginning of the form."""
    connection = http.client.HTTPConnection(urlsplit(servers.http_url).netloc, timeout=60)
    connection.putrequest("POST", "/api/v1/meetings/upload")
    connection.putheader("Content-Type", "multipart/form-data; boundary=b")
    connection.putheader("Content-Length", str(len(HEAD) + length + len(END)))
    connection.endheaders(HEAD)
    return connection


@pytest.mark.real_server
def test_memory_does_not_grow_with_the_file(serving: Servers) -> None:
    web = psutil.Process(serving.processes[0].pid)
    # Silence has no line ends, by which other uploads are cut.
    content, chunks = hashlib.sha256(), [a_recording(seconds=1), *[bytes(CHUNK_BYTES)] * 200]
    before = web.memory_info().rss
    connection = connected(serving, sum(map(len, chunks)))
    limit = 0
    for chunk in chunks:
        connection.send(chunk)
        content.update(chunk)
        limit = max(limit, web.memory_info().rss)
    connection.send(END)
    answer = connection.getresponse()
    received: dict[str, Any] = json.loads(answer.read())
    assert (answer.status, received["status"], received["recording"]["sha256"]) == (202, "queued", content.hexdigest())
    assert limit - before < 64 << 20
    (kept,) = stored()
    with kept.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == content.hexdigest()


@pytest.mark.real_server
def test_interrupted_upload_leaves_nothing(serving: Servers) -> None:
    connection = connected(serving, 100 * CHUNK_BYTES)
    connection.send(a_recording(seconds=1) + bytes(CHUNK_BYTES))
    until(lambda: len(stored()) == 1, "the upload has begun")
    assert connection.sock is not None
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
    until(lambda: stored() == [], "what came is gone")
    assert not Meeting.objects.exists()


@pytest.mark.real_server
def test_remains_of_a_killed_server_are_deleted_later(serving: Servers) -> None:
    connection = connected(serving, 100 * CHUNK_BYTES)
    connection.send(a_recording(seconds=1) + bytes(CHUNK_BYTES))
    until(lambda: len(stored()) == 1, "the upload has begun")
    serving.processes[0].kill()
    serving.processes[0].wait()
    connection.close()
    (left,) = stored()
    assert not Meeting.objects.exists()
    call_command("prune")
    assert stored() == [left], "it might still be coming in"
    grow_old(left)
    call_command("prune")
    assert stored() == []


def test_files_of_no_meeting_are_deleted_once_they_are_old(transactional_db: None, folder: Path) -> None:
    owner = AdministratorFactory()
    needed, young, old = (
        recordings.upload_recording(owner, recordings.UploadMetadata(title="T"), [a_recording()]) for _ in range(3)
    )
    Meeting.objects.exclude(pk=needed.pk).delete()
    for meeting in (needed, old):
        grow_old(folder / "media" / "recordings" / meeting.recording)
    assert recordings.prune() == 1
    assert {path.name for path in stored()} == {needed.recording, young.recording}


def grow_old(path: Path) -> None:
    long_ago = time.time() - ABANDONED_AFTER.total_seconds() - 60
    os.utime(path, (long_ago, long_ago))


def tus(servers: Servers, method: str, path: str, body: bytes = b"", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(servers.http_url).netloc, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, {"Tus-Resumable": "1.0.0", **named})
    answer = connection.getresponse()
    answer.read()
    return answer


def send_on(servers: Servers, path: str, content: bytes, *, cut_after: int | None) -> None:
    """Send the rest like a client that asks for the offset and retries while the server asks it to wait.

    Args:
        cut_after: number of bytes of the rest after which the connection is cut.
    """

    def sent() -> bool:
        offset = int(tus(servers, "HEAD", path).headers["Upload-Offset"])
        connection = http.client.HTTPConnection(urlsplit(servers.http_url).netloc, timeout=60)
        connection.putrequest("PATCH", path)
        for name, value in {
            "Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": str(offset), "Content-Length": str(len(content) - offset),
        }.items():  # fmt: skip
            connection.putheader(name, value)
        connection.endheaders()
        end = len(content) if cut_after is None else min(len(content) - 1, offset + cut_after)
        connection.send(content[offset:end])
        assert connection.sock is not None
        if cut_after is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()
            return True
        answer = connection.getresponse()
        assert answer.status in (204, 409, 423), answer.read()
        return answer.status == 204

    until(sent, "the rest is sent")


def has_begun(servers: Servers, path: str) -> bool:
    return int(tus(servers, "HEAD", path).headers["Upload-Offset"]) > 0


@pytest.mark.real_server
def test_an_upload_outlives_cut_connections_and_killed_servers(transactional_db: None, folder: Path) -> None:
    AdministratorFactory(email="admin@example.com")
    rng = random.Random(7)
    content = a_recording() + rng.randbytes(16 * CHUNK_BYTES)
    path = ""
    for life in range(3):
        with running(DATABASE_URL=database_url(), TANDEM_DATA_DIR=str(folder)) as servers:
            if not path:
                made = tus(
                    servers, "POST", "/api/v1/uploads", Upload_Length=str(len(content)), Upload_Metadata="title VA=="
                )
                path = urlsplit(made.headers["Location"]).path
            for _ in range(3):
                send_on(servers, path, content, cut_after=rng.randrange(3 * CHUNK_BYTES))
            if life == 2:
                until(partial(has_begun, servers, path), "something of it is there")
                send_on(servers, path, content, cut_after=None)
            servers.processes[0].kill()
    (kept,) = stored()
    assert kept.read_bytes() == content
    meeting = Meeting.objects.get()
    assert (meeting.status, meeting.recording) == (Status.QUEUED, kept.name)

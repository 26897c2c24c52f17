"""Uploads to a real server: large ones, and such as break off."""

import hashlib
import http.client
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from django.core.management import call_command

from meetings.models import Meeting
from meetings.services import recordings
from meetings.services.files import ABANDONED_AFTER
from tests.factories import AdministratorFactory
from tests.meetingservice.conftest import folder as folder
from tests.recordings import a_recording, stored
from tests.servers import Servers, database_url, running, until

HEAD = b'--b\r\nContent-Disposition: form-data; name="file"; filename="talk.wav"\r\n\r\n'
END = b"\r\n--b--\r\n"
CHUNK = 1 << 20


@pytest.fixture
def serving(transactional_db: None, folder: Path) -> Iterator[Servers]:
    """Both doors, on the data folder of the test."""
    AdministratorFactory(email="admin@example.com")
    with running(DATABASE_URL=database_url(), TANDEM_DATA_DIR=str(folder)) as servers:
        yield servers


def connected(servers: Servers, length: int) -> http.client.HTTPConnection:
    """A connection on which the head of an upload has been sent, and the beginning of the form."""
    connection = http.client.HTTPConnection(urlsplit(servers.http_url).netloc, timeout=60)
    connection.putrequest("POST", "/api/v1/meetings/upload")
    connection.putheader("Content-Type", "multipart/form-data; boundary=b")
    connection.putheader("Content-Length", str(len(HEAD) + length + len(END)))
    connection.endheaders(HEAD)
    return connection


@pytest.mark.real_server
def test_memory_stays_flat_however_large_a_file_is(serving: Servers) -> None:
    web = psutil.Process(serving.processes[0].pid)
    # Silence has no line ends, by which other uploads are cut.
    content, chunks = hashlib.sha256(), [a_recording(seconds=1), *[bytes(CHUNK)] * 200]
    before = web.memory_info().rss
    connection = connected(serving, sum(map(len, chunks)))
    most = 0
    for chunk in chunks:
        connection.send(chunk)
        content.update(chunk)
        most = max(most, web.memory_info().rss)
    connection.send(END)
    answer = connection.getresponse()
    told: dict[str, Any] = json.loads(answer.read())
    assert (answer.status, told["status"], told["recording"]["sha256"]) == (202, "queued", content.hexdigest())
    assert most - before < 64 << 20
    (kept,) = stored()
    with kept.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == content.hexdigest()


@pytest.mark.real_server
def test_what_breaks_off_leaves_nothing(serving: Servers) -> None:
    connection = connected(serving, 100 * CHUNK)
    connection.send(a_recording(seconds=1) + bytes(CHUNK))
    until(lambda: len(stored()) == 1, "the upload has begun")
    assert connection.sock is not None
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
    until(lambda: stored() == [], "what came is gone")
    assert not Meeting.objects.exists()


@pytest.mark.real_server
def test_what_a_killed_server_leaves_is_deleted_later(serving: Servers) -> None:
    connection = connected(serving, 100 * CHUNK)
    connection.send(a_recording(seconds=1) + bytes(CHUNK))
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
        recordings.upload_recording(owner, recordings.Announced(title="T"), [a_recording()]) for _ in range(3)
    )
    Meeting.objects.exclude(pk=needed.pk).delete()
    for meeting in (needed, old):
        grow_old(folder / "recordings" / meeting.recording)
    assert recordings.prune() == 1
    assert {path.name for path in stored()} == {needed.recording, young.recording}


def grow_old(path: Path) -> None:
    long_ago = time.time() - ABANDONED_AFTER.total_seconds() - 60
    os.utime(path, (long_ago, long_ago))

"""Resumable uploads on real connections that are slow, break off, or outlive their session."""

import http.client
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from access.models import Session
from core import auth
from core.streams import CHECK_INTERVAL_SECONDS
from meetings.models import Meeting, Status, Upload
from tandem.meeting.v1.meeting_pb2 import GetMeetingRequest
from tests.support.grpc_transport import GrpcTransport
from tests.support.recordings import a_recording, stored
from tests.support.rest_transport import RestTransport
from tests.support.servers import Servers, database_url, running, until
from tests.support.shared_servers import db as db
from tests.support.tus import PIECE, TusClient, metadata
from users.models import User

pytestmark = pytest.mark.real_server
CONTENT = a_recording(seconds=60)


@pytest.fixture
def bearer(owner: User) -> str:
    return RestTransport().bearer(owner)


@pytest.fixture
def tus(serving: Servers, bearer: str) -> TusClient:
    return TusClient(serving.http_url, Authorization=bearer)


class Sending:
    """A call whose head is sent, and whose body comes as the test likes."""

    def __init__(self, servers: Servers, bearer: str, method: str, path: str, **headers: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(servers.http_url).netloc, timeout=60)
        self._connection.putrequest(method, path)
        sent = {"Authorization": bearer, "Tus_Resumable": "1.0.0", "Content_Type": PIECE, **headers}
        for name, value in sent.items():
            self._connection.putheader(name.replace("_", "-"), value)
        self._connection.endheaders()

    def send(self, piece: bytes) -> None:
        self._connection.send(piece)

    def answer(self) -> Any:
        return self._connection.getresponse()

    def has_answer(self) -> bool:
        assert self._connection.sock is not None
        self._connection.sock.settimeout(0.001)
        try:
            return bool(self._connection.sock.recv(1, socket.MSG_PEEK))
        except TimeoutError:
            return False
        finally:
            self._connection.sock.settimeout(60)

    def cut(self) -> None:
        assert self._connection.sock is not None
        self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._connection.close()


def begun(tus: TusClient) -> str:
    return tus.create(len(CONTENT)).path


def patching(servers: Servers, bearer: str, path: str) -> Sending:
    """Begin to send a piece that is the whole of the upload."""
    sending = Sending(servers, bearer, "PATCH", path, Upload_Offset="0", Content_Length=str(len(CONTENT)))
    sending.send(CONTENT[:1000])
    until(has_begun, "the piece has begun to come")
    return sending


def has_begun() -> bool:
    """Return whether a thousand bytes of the one upload are stored: a cut connection loses what is not read yet."""
    return [path.stat().st_size for path in stored()] == [1000]


def test_a_piece_ends_within_a_second_of_its_session(
    serving: Servers, tus: TusClient, owner: User, bearer: str
) -> None:
    path = begun(tus)
    sending, sent = patching(serving, bearer, path), 1000
    Session.objects.filter(user=owner).update(revoked_at=timezone.now())
    ended = time.monotonic()
    # Slowly, as a client on a bad line: a byte at a time.
    while not sending.has_answer() and time.monotonic() < ended + 10:
        sending.send(CONTENT[sent : sent + 1])
        sent += 1
        time.sleep(0.05)  # As slowly as it sends.
    took, answer = time.monotonic() - ended, sending.answer()
    assert answer.status == 401
    assert took < auth.CACHE_SECONDS + 0.7
    assert answer.getheader("Tus-Resumable") == "1.0.0"
    # The bytes until then are kept for a client that signs in again.
    again = TusClient(serving.http_url, Authorization=RestTransport().bearer(owner))
    offset = again.head(path).offset
    assert 1000 <= offset <= sent
    assert again.patch(path, offset, CONTENT[offset:]).status == 204
    assert stored()[0].read_bytes() == CONTENT


def test_a_piece_of_which_nothing_comes_ends_within_a_second_of_its_session(
    serving: Servers, tus: TusClient, owner: User, bearer: str
) -> None:
    sending = patching(serving, bearer, begun(tus))
    Session.objects.filter(user=owner).update(revoked_at=timezone.now())
    ended = time.monotonic()
    assert sending.answer().status == 401
    assert time.monotonic() - ended < auth.CACHE_SECONDS + 0.7


def test_piece_with_a_pause_continues(serving: Servers, tus: TusClient, bearer: str) -> None:
    path = begun(tus)
    sending = patching(serving, bearer, path)
    time.sleep(3 * CHECK_INTERVAL_SECONDS)  # Its caller is checked in between.
    sending.send(CONTENT[1000:])
    assert sending.answer().status == 204
    assert stored()[0].read_bytes() == CONTENT


def test_offset_is_readable_while_pieces_arrive_slowly(serving: Servers, tus: TusClient, bearer: str) -> None:
    paths = [begun(tus) for _ in range(4)]
    pieces = []
    for path in paths:
        sending = Sending(serving, bearer, "PATCH", path, Upload_Offset="0", Content_Length=str(len(CONTENT)))
        sending.send(CONTENT[:1000])
        pieces.append(sending)
    until(lambda: len(stored()) == 4, "all have begun to come")
    waited: list[float] = []

    def ask(number: int) -> None:
        for _ in range(10):
            began = time.monotonic()
            assert tus.head(paths[number % 4]).status == 200
            waited.append(time.monotonic() - began)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, range(16)))
    assert sorted(waited)[len(waited) // 2] < 1, "each would wait for two seconds"
    for sending in pieces:
        sending.cut()


def test_second_connection_to_an_open_upload_is_locked_out(serving: Servers, tus: TusClient, bearer: str) -> None:
    path = begun(tus)
    sending = patching(serving, bearer, path)
    locked = tus.patch(path, 0, CONTENT)
    assert (locked.status, locked.headers["retry-after"]) == (423, "1")
    assert tus("DELETE", path).status == 423
    sending.cut()
    until(lambda: tus.head(path).offset == 1000, "what came of it is counted")
    assert tus.patch(path, 1000, CONTENT[1000:]).status == 204


@pytest.mark.parametrize("in_chunks", [False, True])
def test_upload_interrupted_in_its_creation_is_continued(
    serving: Servers, tus: TusClient, bearer: str, in_chunks: bool
) -> None:
    length = {"Transfer_Encoding": "chunked"} if in_chunks else {"Content_Length": str(len(CONTENT))}
    sending = Sending(
        serving, bearer, "POST", "/api/v1/uploads", Upload_Length=str(len(CONTENT)),
        Upload_Metadata=metadata(title="T"), **length,
    )  # fmt: skip
    sending.send(b"3e8\r\n" + CONTENT[:1000] + b"\r\n" if in_chunks else CONTENT[:1000])
    until(has_begun, "it is created, and its first piece has begun to come")
    path = f"/api/v1/uploads/{Upload.objects.get().pk}"
    sending.cut()
    until(lambda: tus.head(path).offset == 1000, "what came of it is counted")
    assert tus.patch(path, 1000, CONTENT[1000:]).status == 204
    assert stored()[0].read_bytes() == CONTENT


def test_bytes_before_a_kill_of_the_server_are_kept(owner: User, bearer: str, folder: Path) -> None:
    with running(DATABASE_URL=database_url(), TANDEM_DATA_DIR=str(folder), DEV_AUTH_AS="") as serving:
        tus = TusClient(serving.http_url, Authorization=bearer)
        path, sent = begun(tus), 1000
        sending = patching(serving, bearer, path)
        deadline = time.monotonic() + 30
        while not (offset := tus.head(path).offset) and time.monotonic() < deadline:
            sending.send(CONTENT[sent : sent + 1000])
            sent += 1000
        serving.processes[0].kill()
    assert offset >= 1000
    assert Upload.objects.get().offset >= offset


def test_a_meeting_made_by_an_upload_is_the_same_over_both_transports(tus: TusClient, owner: User) -> None:
    created = tus.create(len(CONTENT), Upload_Metadata=metadata(filename="talk.wav", filetype="audio/wav"))
    tus.patch(created.path, 0, CONTENT)
    request = GetMeetingRequest(meeting_id=created.headers["tandem-meeting-id"])
    answers = [
        transport("MeetingService/GetMeeting", request, actor=owner).meeting
        for transport in (GrpcTransport(), RestTransport())
    ]
    assert answers[0] == answers[1]
    assert (answers[0].title, answers[0].recording.size) == ("talk.wav", len(CONTENT))
    assert Meeting.objects.get().status == Status.QUEUED


def test_concurrent_senders_store_each_byte_once(tus: TusClient) -> None:
    path, start = begun(tus), threading.Barrier(4)

    def send(_: int) -> int:
        start.wait()
        return tus.patch(path, 0, CONTENT).status

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(send, range(4)))
    assert statuses[0] == 204
    assert set(statuses[1:]) <= {409, 423}
    assert stored()[0].read_bytes() == CONTENT

"""Recordings over HTTP: ranges, tags, names, tickets (RFC 9110, RFC 6266)."""

import asyncio
import hashlib
from collections.abc import Iterator
from typing import Any, cast

import pytest
from django.core.files.storage import Storage
from django.http import HttpRequest

from access.models import StreamTicket
from access.services import create_ticket
from core.auth import Credential
from core.downloads import READ_BYTES, Download
from core.observability.call_log import Report, http_meter
from core.operations import Call
from core.rest import downloads
from core.streams import STREAMS
from meetings.models import Meeting
from meetings.services import files
from tandem.meeting.v1.meeting_pb2 import DownloadRecordingResponse, RecordingContent
from tests.support.factories import MeetingFactory
from tests.support.recordings import a_recorded_meeting
from tests.support.rest_transport import RestTransport
from tests.support.transports import OPERATIONS
from users.models import User

CONTENT = bytes(range(200)) * 5
SIZE = len(CONTENT)
ETAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def rest(db: None) -> RestTransport:
    return RestTransport()


@pytest.fixture
def meeting(ann: User, folder: Any) -> Meeting:
    return a_recorded_meeting(ann, CONTENT)


def path(meeting: Meeting) -> str:
    return f"/api/v1/meetings/{meeting.pk}/recording"


def get(rest: RestTransport, meeting: Meeting, method: str = "GET", query: str = "", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if not query:
        named["authorization"] = rest.bearer(meeting.owner)
    response: Any = rest.client.generic(method, path(meeting) + query, headers=named)
    streamed = getattr(response, "streaming_content", None)
    response.body = response.content if streamed is None else b"".join(streamed)
    return response


#: `Range` → the part that is sent; None = the whole file; "" = 416.
RANGES: list[tuple[str, tuple[int, int] | str | None]] = [
    ("bytes=0-499", (0, 499)),
    ("bytes=500-999", (500, 999)),
    ("bytes=-500", (500, 999)),
    ("bytes=500-", (500, 999)),
    ("bytes=0-0", (0, 0)),
    ("bytes=-1", (999, 999)),
    ("bytes=999-", (999, 999)),
    ("bytes=999-5000", (999, 999)),
    ("bytes=-5000", (0, 999)),
    ("bytes=0-", (0, 999)),
    ("Bytes=1-2", (1, 2)),
    ("bytes= 1-2", (1, 2)),
    ("bytes=,1-2 ,", (1, 2)),
    ("bytes=0-999999999999999999", (0, 999)),
    # Unsatisfiable.
    ("bytes=1000-", ""),
    ("bytes=1000-2000", ""),
    ("bytes=-0", ""),
    # Several parts, other units and malformed specifiers may be ignored.
    ("bytes=0-0,-1", None),
    ("bytes=500-600,601-999", None),
    ("lines=1-2", None),
    ("bytes=5-2", None),
    ("bytes=", None),
    ("bytes=-", None),
    ("bytes=a-b", None),
    ("bytes=1-2-3", None),
    ("bytes=+1-2", None),
    ("bytes=1 - 2", None),
    ("bytes", None),
    ("", None),
    ("bytes=99999999999999999999999-", None),
]


@pytest.mark.parametrize(("header", "part"), RANGES)
def test_ranges_of_rfc_9110(rest: RestTransport, meeting: Meeting, header: str, part: Any) -> None:
    response = get(rest, meeting, range=header)
    if part == "":
        assert (response.status_code, response.headers["Content-Range"]) == (416, f"bytes */{SIZE}")
        return
    first, last = part or (0, SIZE - 1)
    assert response.status_code == (206 if part else 200)
    assert response.headers.get("Content-Range") == (f"bytes {first}-{last}/{SIZE}" if part else None)
    assert response.headers["Content-Length"] == str(last - first + 1)
    assert response.body == CONTENT[first : last + 1]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if_none_match": ETAG}, 304),
        ({"if_none_match": f"W/{ETAG}"}, 304),
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": '"other"'}, 200),
        ({"if_none_match": ETAG, "range": "bytes=0-1"}, 304),
        ({"if_none_match": '"other"', "range": "bytes=0-1"}, 206),
        ({"if_range": ETAG, "range": "bytes=0-1"}, 206),
        ({"if_range": ETAG, "range": "bytes=5000-"}, 416),
        ({"if_range": '"other"', "range": "bytes=0-1"}, 200),
        ({"if_range": '"other"', "range": "bytes=5000-"}, 200),
        ({"if_range": f"W/{ETAG}", "range": "bytes=0-1"}, 200),
        ({"if_range": "Wed, 02 Dec 2026 10:00:00 GMT", "range": "bytes=0-1"}, 200),
        ({"if_range": ETAG}, 200),
        ({"if_match": ETAG}, 200),
        ({"if_match": f'"other", {ETAG}', "range": "bytes=0-1"}, 206),
        ({"if_match": "*"}, 200),
        ({"if_match": '"other"'}, 412),
        ({"if_match": f"W/{ETAG}"}, 412),
        ({"if_match": '"other"', "if_none_match": ETAG}, 412),
    ],
)
def test_preconditions_are_evaluated_in_their_order(
    rest: RestTransport, meeting: Meeting, headers: dict[str, str], status: int
) -> None:
    response = get(rest, meeting, **headers)
    assert response.status_code == status
    if status in (200, 206, 304):
        assert response.headers["ETag"] == ETAG
    if status == 304:
        assert response.body == b""


def test_head_has_the_headers_of_the_whole_file(rest: RestTransport, meeting: Meeting) -> None:
    response = get(rest, meeting, "HEAD", range="bytes=0-1")
    assert (response.status_code, response.body) == (200, b"")
    whole = get(rest, meeting).headers
    for name in ("Content-Length", "Content-Type", "ETag", "Accept-Ranges", "Content-Disposition", "Cache-Control"):
        assert response.headers[name] == whole[name]
    assert (whole["Content-Length"], whole["Accept-Ranges"]) == (str(SIZE), "bytes")
    assert whole["Cache-Control"] == "private, no-cache"
    assert whole["X-Content-Type-Options"] == "nosniff"
    assert get(rest, meeting, "POST").status_code == 405


@pytest.mark.parametrize(
    ("filename", "disposition"),
    [
        ("talk.wav", 'attachment; filename="talk.wav"'),
        ('a"b\\c.mp3', 'attachment; filename="a b c.mp3"'),
        ("Réunion.m4a", "attachment; filename=\"Reunion.m4a\"; filename*=UTF-8''R%C3%A9union.m4a"),
        ("会議.ogg", "attachment; filename=\"recording.ogg\"; filename*=UTF-8''%E4%BC%9A%E8%AD%B0.ogg"),
        ("talk", 'attachment; filename="talk"'),
        ("talk.of today", 'attachment; filename="talk.of today"'),
        ("", 'attachment; filename="recording"'),
        ("\u202egpj.wav", 'attachment; filename="gpj.wav"'),
    ],
)
def test_name_of_the_file_is_safe(rest: RestTransport, ann: User, filename: str, disposition: str) -> None:
    meeting = a_recorded_meeting(ann, CONTENT, recording_filename=filename)
    assert get(rest, meeting).headers["Content-Disposition"] == disposition


def test_ticket_serves_a_player_that_seeks(rest: RestTransport, meeting: Meeting, ann: User) -> None:
    ticket = create_ticket(ann, path(meeting), session_id=None)
    for start in (0, 500, 900):
        response = get(rest, meeting, query=f"?ticket={ticket}", range=f"bytes={start}-")
        assert (response.status_code, response.body) == (206, CONTENT[start:])
    StreamTicket.objects.update(expires_at="2026-01-01T00:00:00Z")
    assert get(rest, meeting, query=f"?ticket={ticket}").status_code == 401
    other = create_ticket(ann, path(MeetingFactory(owner=ann)), session_id=None)
    assert get(rest, meeting, query=f"?ticket={other}").status_code == 401
    assert not StreamTicket.objects.exists()


def test_unknown_query_is_refused(rest: RestTransport, meeting: Meeting) -> None:
    headers = {"authorization": rest.bearer(meeting.owner)}
    assert rest.client.get(f"{path(meeting)}?offset=5", headers=headers).status_code == 400


class LazyStorage(Storage):
    """Opens files when they are read, as storages over a network do."""

    def open(self, name: str, mode: str = "rb") -> Any:
        return LazyFile(name)


class LazyFile:
    def __init__(self, name: str) -> None:
        self._name = name

    def seek(self, position: int) -> None: ...

    def read(self, size: int) -> bytes:
        raise {"gone": FileNotFoundError, "away": ConnectionResetError}[self._name](self._name)

    def close(self) -> None: ...


@pytest.mark.parametrize(("name", "status"), [("gone", 404), ("away", 503)])
def test_storage_that_fails_late_is_reported_in_time(
    rest: RestTransport, ann: User, monkeypatch: pytest.MonkeyPatch, name: str, status: int
) -> None:
    meeting = a_recorded_meeting(ann, CONTENT, recording=name)
    monkeypatch.setattr(files, "storage", LazyStorage)
    assert get(rest, meeting).status_code == status
    assert len(STREAMS) == 0


class Recorded:
    """A file that records whether it is closed."""

    def __init__(self, size: int) -> None:
        self.left, self.closed = size, False

    def seek(self, position: int) -> None: ...

    def read(self, size: int) -> bytes:
        data = bytes(min(size, self.left))
        self.left -= len(data)
        return data

    def close(self) -> None:
        self.closed = True


def sending(file: Recorded, size: int, send: Any, ann: User) -> Report:
    """Send the file as the event loop does, and return the report of the call."""
    download = Download(DownloadRecordingResponse, RecordingContent(size=size), lambda: file)
    call = Call(OPERATIONS["MeetingService/DownloadRecording"], Credential(cast(Any, ann)))
    with STREAMS.place(call) as open_with:
        stream = open_with(download, None)
    report = Report(http_meter("GET", "test"), "id")
    with report:
        report.continues = True

    async def run() -> None:
        await downloads.send_file(stream, report, "200", asyncio.Event(), send)

    asyncio.run(run())
    return report


def test_client_that_does_not_read_is_cut(settings: Any, ann: User) -> None:
    settings.STREAM_STALL_SECONDS = 0.1
    file, sent = Recorded(3 * READ_BYTES), []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if len(sent) == 2:
            await asyncio.sleep(30)

    with pytest.raises(TimeoutError):
        sending(file, 3 * READ_BYTES, send, ann)
    assert (file.closed, len(STREAMS), len(sent)) == (True, 0, 2)


def test_file_that_is_shorter_than_announced_breaks_the_connection(ann: User) -> None:
    file = Recorded(10)

    async def send(message: dict[str, Any]) -> None: ...

    with pytest.raises(downloads.Interrupted):
        sending(file, 11, send, ann)
    assert file.closed


@pytest.fixture(autouse=True)
def _no_stream_is_left() -> Iterator[None]:
    yield
    assert len(STREAMS) == 0


def test_request_without_headers_is_for_the_whole_file() -> None:
    assert downloads.ranges.requested_part(HttpRequest(), ETAG, SIZE) is None

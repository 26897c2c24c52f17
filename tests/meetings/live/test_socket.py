"""The WebSocket of StreamAudio, on a real port."""

from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from access.services import create_ticket
from meetings.models import Meeting, Upload
from tests.support.audio_socket import AudioSocket, bearer
from tests.support.factories import MeetingFactory, UserFactory
from tests.support.servers import Servers, until
from tests.support.shared_servers import db as db
from tests.support.shared_servers import servers as servers
from users.models import User

pytestmark = [
    pytest.mark.real_server,
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("shared_servers", [{"DEV_AUTH_AS": ""}], indirect=True),
]


@pytest.fixture
def owner(servers: Servers) -> User:
    made: User = UserFactory()
    return made


@pytest.fixture
def meeting(owner: User) -> Iterator[Meeting]:
    made: Meeting = MeetingFactory(owner=owner)
    yield made
    made.delete()


def a_socket(servers: Servers, meeting: Meeting, owner: User, **options: Any) -> AudioSocket:
    return AudioSocket(servers.http_url, meeting.pk, bearer(owner), **options)


def test_audio_is_acknowledged_and_becomes_the_recording(servers: Servers, meeting: Meeting, owner: User) -> None:
    with a_socket(servers, meeting, owner) as socket:
        assert socket.configure() == {"ready": {"stored_seq": 0}}
        for seq in range(1, 11):
            socket.part(seq)
        seqs = [socket.until("ack")["seq"]]
        while seqs[-1] < 10:
            seqs.append(socket.until("ack")["seq"])
        assert seqs == sorted(set(seqs))
        socket.send(end={})
        ended = socket.until("end")["meeting"]
        assert (ended["status"], ended["live"], ended["recording"]["size"]) == ("queued", False, 44 + 10 * 3200)
        assert socket.closed() == (1000, "")


def test_a_client_that_was_cut_off_continues(servers: Servers, meeting: Meeting, owner: User) -> None:
    socket = a_socket(servers, meeting, owner)
    socket.configure()
    for seq in range(1, 6):
        socket.part(seq)
    until(lambda: Upload.objects.get(meeting=meeting).seq == 5, "the parts are stored")
    socket.connection.socket.close()
    with a_socket(servers, meeting, owner) as again:
        assert again.configure(resume_from_seq=3) == {"ready": {"stored_seq": 5}}
        for seq in range(3, 8):
            again.part(seq)
        while again.until("ack")["seq"] < 7:
            pass


def test_failures_have_a_message_and_a_close_code(servers: Servers, meeting: Meeting, owner: User) -> None:
    stranger: User = UserFactory()
    for authorization in (None, "Bearer wrong"):
        with AudioSocket(servers.http_url, meeting.pk, authorization) as socket:
            error = socket.next()["error"]
            assert (error["status"], error["reason"]) == (401, "UNAUTHENTICATED")
            assert socket.closed() == (4401, "UNAUTHENTICATED")
    with AudioSocket(servers.http_url, meeting.pk, bearer(stranger)) as socket:
        assert socket.configure()["error"]["reason"] == "NOT_FOUND"
        assert socket.closed() == (4404, "NOT_FOUND")
    with a_socket(servers, meeting, owner) as socket:
        error = socket.configure(sample_rate=1)["error"]
        assert [(one["pointer"], one["code"]) for one in error["errors"]] == [("#/config/sample_rate", "range")]
        assert socket.closed() == (4400, "INVALID")
    with a_socket(servers, meeting, owner) as socket:
        socket.configure()
        socket.part(1)
        socket.part(3)
        assert socket.until("ack") == {"seq": 1}
        assert socket.until("error")["detail"] == "Part 2 is expected; 3 was received."
    for frame in ("{", '{"unknown": 1}', b"short"):
        with a_socket(servers, meeting, owner) as socket:
            socket.connection.send(frame)
            assert socket.next()["error"]["status"] == 400


def test_a_newer_connection_takes_over(servers: Servers, meeting: Meeting, owner: User) -> None:
    with a_socket(servers, meeting, owner) as older, a_socket(servers, meeting, owner) as newer:
        older.configure()
        older.part(1)
        assert older.until("ack") == {"seq": 1}
        assert newer.configure() == {"ready": {"stored_seq": 1}}
        older.part(2)
        assert older.until("error")["detail"] == "A newer connection sends the audio of this meeting."
        assert older.closed() == (4409, "CONFLICT")
        newer.part(2)
        assert newer.until("ack") == {"seq": 2}


def test_a_ticket_stands_for_the_header(servers: Servers, meeting: Meeting, owner: User) -> None:
    path = f"/api/v1/meetings/{meeting.pk}/audio"
    ticket = create_ticket(owner, path, session_id=None)
    with AudioSocket(servers.http_url, meeting.pk, query=f"?ticket={ticket}") as socket:
        assert socket.configure() == {"ready": {"stored_seq": 0}}
        socket.part(1)
        assert socket.until("ack") == {"seq": 1}
    with AudioSocket(servers.http_url, meeting.pk, query=f"?ticket={ticket}") as socket:
        assert socket.next()["error"]["reason"] == "UNAUTHENTICATED"


def test_a_revoked_session_ends_the_stream(servers: Servers, meeting: Meeting, owner: User) -> None:
    with a_socket(servers, meeting, owner) as socket:
        socket.configure()
        User.objects.filter(pk=owner.pk).update(status=3)
        assert socket.until("error")["reason"] == "UNAUTHENTICATED"
        assert socket.closed()[0] == 4401


def test_pages_of_other_origins_are_refused(servers: Servers, meeting: Meeting, owner: User) -> None:
    with pytest.raises(InvalidStatus) as refused:
        a_socket(servers, meeting, owner, origin="https://evil.example")
    assert refused.value.response.status_code == 403
    with a_socket(servers, meeting, owner, origin=servers.http_url) as socket:
        assert "ready" in socket.configure()


def test_other_paths_have_no_socket(servers: Servers, meeting: Meeting, owner: User) -> None:
    with pytest.raises(InvalidStatus) as refused:
        AudioSocket(servers.http_url, f"{meeting.pk}/x", bearer(owner))
    assert refused.value.response.status_code == 404


def test_a_frame_that_is_too_large_closes_the_connection(servers: Servers, meeting: Meeting, owner: User) -> None:
    with a_socket(servers, meeting, owner) as socket:
        socket.configure()
        socket.connection.send(bytes(200_000))
        assert socket.closed()[0] == 1009

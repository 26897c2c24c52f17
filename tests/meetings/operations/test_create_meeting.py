from datetime import UTC, datetime
from uuid import uuid4

import pytest

from changes.models import Change
from meetings.models import Meeting
from tandem.meeting.v1 import meeting_pb2
from tandem.meeting.v1.meeting_pb2 import CreateMeetingRequest
from tests.support.factories import UserFactory
from tests.support.transports import Failed, Transport
from users.models import Status, User

CREATE = "MeetingService/CreateMeeting"


def create_failure(api: Transport, actor: User, request: CreateMeetingRequest) -> Failed:
    failed = api.failure(CREATE, request, actor=actor)
    assert not Meeting.objects.exists()
    return failed


def test_a_title_is_enough(api: Transport, ann: User) -> None:
    answer = api.answer(CREATE, CreateMeetingRequest(title=" Weekly "), actor=ann)
    meeting = answer.message.meeting
    assert meeting.title == "Weekly"
    assert meeting.language == ""
    assert list(meeting.participants) == []
    assert (meeting.owner, meeting.status) == (str(ann.pk), meeting_pb2.MEETING_STATUS_PENDING)
    assert meeting.progress == 0
    assert meeting.failure_reason == ""
    assert not meeting.HasField("starts_at")
    assert (meeting.version, answer.version) == (1, 1)
    stored = Meeting.objects.get()
    assert str(stored.pk) == meeting.id
    assert stored.pk.version == 7
    assert stored.owner == ann
    assert Change.objects.get(subject_type="meeting").actor == str(ann.pk)


def test_every_field_can_be_set(api: Transport, ann: User, bob: User) -> None:
    starts_at = datetime(2027, 1, 31, 9, 30, 0, 123456, tzinfo=UTC)
    request = CreateMeetingRequest(
        title="Weekly", starts_at=starts_at, participants=[str(bob.pk), "me"], language="en", owner="me",
        vocabulary=[" Kubernetes ", "Cafe\u0301 Noir"],
    )  # fmt: skip
    meeting = api(CREATE, request, actor=ann).meeting
    assert meeting.starts_at.ToDatetime(UTC) == starts_at
    assert list(meeting.participants) == [str(bob.pk), str(ann.pk)]
    assert (meeting.language, meeting.owner) == ("en", str(ann.pk))
    assert list(meeting.vocabulary) == ["Kubernetes", "Caf\u00e9 Noir"]


def test_only_administrators_make_meetings_of_others(api: Transport, ann: User, bob: User, administrator: User) -> None:
    request = CreateMeetingRequest(title="Bob's", owner=str(bob.pk))
    assert create_failure(api, ann, request).reason == "FORBIDDEN"
    assert api(CREATE, request, actor=administrator).meeting.owner == str(bob.pk)


def test_every_invalid_field_is_named(api: Transport, ann: User) -> None:
    closed = UserFactory(status=Status.BANNED)
    request = CreateMeetingRequest(
        title=" ", participants=[str(ann.pk), str(closed.pk), str(uuid4()), "x", ""], language="English"
    )
    assert create_failure(api, ann, request).fields == {
        "title": "required", "language": "max_length",
        "participants.1": "unknown", "participants.2": "unknown", "participants.3": "unknown",
        "participants.4": "unknown",
    }  # fmt: skip


@pytest.mark.parametrize("language", ["EN", "e", "e1"])
def test_a_language_is_of_two_or_three_letters(api: Transport, ann: User, language: str) -> None:
    failed = create_failure(api, ann, CreateMeetingRequest(title="T", language=language))
    assert failed.fields == {"language": "language"}


def test_too_long_language_is_reported_once(api: Transport, ann: User) -> None:
    failed = create_failure(api, ann, CreateMeetingRequest(title="T", language="klingon"))
    assert failed.violations == [
        ("language", "max_length", "Give the language in two or three letters of ISO 639, as in en.")
    ]


def test_participants_are_named_once_and_are_not_too_many(api: Transport, ann: User, bob: User) -> None:
    for participants, code in ((["me", str(ann.pk)], "duplicate"), ([str(uuid4()) for _ in range(501)], "max_items")):
        request = CreateMeetingRequest(title="T", participants=participants)
        assert create_failure(api, ann, request).fields == {"participants": code}


@pytest.mark.parametrize(
    ("vocabulary", "code"),
    [
        ([f"word {number}" for number in range(501)], "max_items"),
        (["x" * 101], "max_length"),
        (["one", " "], "max_length"),
        (["Stra\u00dfe", "STRASSE "], "duplicate"),
        (["two\nlines"], "control_characters"),
    ],
)
def test_vocabulary_is_of_different_short_phrases(api: Transport, ann: User, vocabulary: list[str], code: str) -> None:
    request = CreateMeetingRequest(title="T", vocabulary=vocabulary)
    assert create_failure(api, ann, request).fields == {"vocabulary": code}


def test_vocabulary_may_be_of_500_phrases_of_100_characters(api: Transport, ann: User) -> None:
    vocabulary = [f"{number:0100}" for number in range(500)]
    request = CreateMeetingRequest(title="T", vocabulary=vocabulary)
    assert list(api(CREATE, request, actor=ann).meeting.vocabulary) == vocabulary


def test_unknown_owner_is_rejected(api: Transport, administrator: User) -> None:
    assert create_failure(api, administrator, CreateMeetingRequest(title="T", owner="x")).fields == {"owner": "unknown"}


def test_the_same_key_makes_one_meeting(api: Transport, ann: User) -> None:
    request = CreateMeetingRequest(title="T")
    first, again = (api.answer(CREATE, request, actor=ann, idempotency_key="k") for _ in range(2))
    assert (first.message, again.replayed) == (again.message, True)
    assert Meeting.objects.count() == 1

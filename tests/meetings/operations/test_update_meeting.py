from datetime import UTC, datetime

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from meetings.models import Meeting
from tandem.meeting.v1 import meeting_pb2
from tandem.meeting.v1.meeting_pb2 import UpdateMeetingRequest
from tests.support.factories import MeetingFactory, UserFactory
from tests.support.transports import Failed, Transport
from users.models import Status, User

UPDATE = "MeetingService/UpdateMeeting"


def change(meeting: Meeting, *paths: str, **fields: object) -> UpdateMeetingRequest:
    mask = FieldMask(paths=paths) if paths else None
    return UpdateMeetingRequest(
        meeting_id=str(meeting.pk),
        meeting=meeting_pb2.Meeting(**fields),  # type: ignore[arg-type]
        update_mask=mask,
    )


def test_only_masked_fields_are_updated(api: Transport, ann: User, bob: User) -> None:
    meeting = MeetingFactory(owner=ann, language="en", starts_at=datetime(2027, 1, 1, tzinfo=UTC))
    answer = api.answer(
        UPDATE, change(meeting, "participants", "starts_at", participants=[str(bob.pk)], title="Not named"), actor=ann
    )
    changed = answer.message.meeting
    assert changed.title == meeting.title
    assert list(changed.participants) == [str(bob.pk)]
    assert changed.language == "en"
    assert not changed.HasField("starts_at")
    assert (changed.version, answer.version) == (2, 2)


def test_vocabulary_is_replaced_and_cleared(api: Transport, ann: User) -> None:
    meeting = MeetingFactory(owner=ann, vocabulary=["Kubernetes"])
    changed = api(UPDATE, change(meeting, "vocabulary", vocabulary=["Ada", " Grace "]), actor=ann).meeting
    assert list(changed.vocabulary) == ["Ada", "Grace"]
    assert list(api(UPDATE, change(meeting, "vocabulary"), actor=ann).meeting.vocabulary) == []


def test_without_a_mask_it_changes_what_is_set(api: Transport, ann: User) -> None:
    meeting = MeetingFactory(owner=ann, language="en", participants=[ann.pk])
    changed = api(UPDATE, change(meeting, title="New"), actor=ann).meeting
    assert changed.title == "New"
    assert changed.language == "en"
    assert list(changed.participants) == [str(ann.pk)]


def test_owner_can_be_changed(api: Transport, ann: User, bob: User) -> None:
    meeting = MeetingFactory(owner=ann)
    assert api(UPDATE, change(meeting, "owner", owner=str(bob.pk)), actor=ann).meeting.owner == str(bob.pk)
    with pytest.raises(Failed) as failed:
        api(UPDATE, change(meeting, title="Mine again"), actor=ann)
    assert failed.value.reason == "NOT_FOUND"


def test_a_participant_changes_nothing(api: Transport, ann: User, bob: User) -> None:
    meeting = MeetingFactory(owner=ann, participants=[bob.pk])
    with pytest.raises(Failed) as failed:
        api(UPDATE, change(meeting, title="New"), actor=bob)
    assert failed.value.reason == "FORBIDDEN"
    meeting.refresh_from_db()
    assert meeting.version == 1


def test_a_participant_may_leave(api: Transport, ann: User, bob: User) -> None:
    other = UserFactory()
    meeting = MeetingFactory(owner=ann, participants=[bob.pk, other.pk])
    left = api(UPDATE, change(meeting, "participants", participants=[str(other.pk)]), actor=bob).meeting
    assert (list(left.participants), left.version) == ([str(other.pk)], 2)
    with pytest.raises(Failed) as failed:
        api("MeetingService/GetMeeting", meeting_pb2.GetMeetingRequest(meeting_id=str(meeting.pk)), actor=bob)
    assert failed.value.reason == "NOT_FOUND"
    api(UPDATE, change(meeting, "participants"), actor=other)
    meeting.refresh_from_db()
    assert (meeting.participants, meeting.owner) == ([], ann)


def test_participant_who_leaves_changes_nothing_else(api: Transport, ann: User, bob: User) -> None:
    other, stranger = UserFactory(), UserFactory()
    meeting = MeetingFactory(owner=ann, participants=[bob.pk, other.pk])
    for sent in (
        change(meeting, "participants"),
        change(meeting, "participants", participants=[str(bob.pk)]),
        change(meeting, "participants", participants=[str(other.pk), str(stranger.pk)]),
        change(meeting, "participants", participants=[str(bob.pk), str(other.pk)]),
        change(meeting, "participants", "title", participants=[str(other.pk)], title="New"),
    ):
        with pytest.raises(Failed) as failed:
            api(UPDATE, sent, actor=bob)
        assert failed.value.reason == "FORBIDDEN"
    meeting.refresh_from_db()
    assert meeting.version == 1


def test_closed_account_remains_a_participant(api: Transport, ann: User, bob: User) -> None:
    closed, other = UserFactory(), UserFactory(status=Status.BANNED)
    meeting = MeetingFactory(owner=ann, participants=[closed.pk])
    User.objects.filter(pk=closed.pk).update(status=Status.DEACTIVATED)
    several = [str(closed.pk), str(bob.pk)]
    kept = api(UPDATE, change(meeting, "participants", participants=several), actor=ann).meeting
    assert list(kept.participants) == several
    with pytest.raises(Failed) as failed:
        api(UPDATE, change(meeting, "participants", participants=[str(other.pk)]), actor=ann)
    assert failed.value.fields == {"participants.0": "unknown"}


@pytest.mark.parametrize(
    ("paths", "fields"),
    [
        (("title",), {"title": "required"}),
        (("owner",), {"owner": "unknown"}),
        (("status",), {"status": "read_only"}),
        (("moon",), {"moon": "unknown"}),
    ],
)
def test_bad_requests(api: Transport, ann: User, paths: tuple[str, ...], fields: dict[str, str]) -> None:
    meeting = MeetingFactory(owner=ann)
    with pytest.raises(Failed) as failed:
        api(UPDATE, change(meeting, *paths), actor=ann)
    assert (failed.value.reason, failed.value.fields) == ("INVALID", fields)


def test_a_stale_version_changes_nothing(api: Transport, ann: User) -> None:
    meeting = MeetingFactory(owner=ann)
    api(UPDATE, change(meeting, title="New"), actor=ann, if_match='"1"')
    with pytest.raises(Failed) as failed:
        api(UPDATE, change(meeting, title="Newer"), actor=ann, if_match='"1"')
    assert (failed.value.reason, failed.value.metadata) == ("STALE", {"current_version": "2"})

import pytest

from changes.models import Change
from meetings.models import Speaker
from tandem.meeting.v1.meeting_pb2 import NameSpeakerRequest
from tandem.user.v1.user_pb2 import DeleteUserRequest
from tests.support.factories import SpeakerFactory, TranscribedMeetingFactory, UserFactory
from tests.support.transports import Failed, Transport
from users.models import Status, User

NAME = "MeetingService/NameSpeaker"


def named(speaker: Speaker, name: str = "", user_id: str = "") -> NameSpeakerRequest:
    return NameSpeakerRequest(
        meeting_id=str(speaker.meeting_id), speaker_id=str(speaker.pk), name=name, user_id=user_id
    )


@pytest.fixture
def speaker(ann: User, bob: User) -> Speaker:
    meeting = TranscribedMeetingFactory(owner=ann, participants=[bob.pk])
    return SpeakerFactory(meeting=meeting)  # type: ignore[no-any-return]


def test_a_name_is_enough(api: Transport, speaker: Speaker, ann: User) -> None:
    answer = api.answer(NAME, named(speaker, " The Chair "), actor=ann)
    received = answer.message.speaker
    assert received.name == "The Chair"
    assert received.user_id == ""
    assert received.label == speaker.label
    assert received.version == 2
    assert answer.version == 2
    logged = Change.objects.filter(subject_type="meeting.speaker", subject_id=speaker.pk).latest("id")
    assert (logged.actor, logged.changed_fields) == (str(ann.pk), ["name"])


def test_a_user_alone_gives_their_name(api: Transport, speaker: Speaker, ann: User, bob: User) -> None:
    received = api(NAME, named(speaker, user_id=str(bob.pk)), actor=ann).speaker
    assert (received.name, received.user_id) == ("Bob Builder", str(bob.pk))
    received = api(NAME, named(speaker, user_id="me"), actor=ann).speaker
    assert (received.name, received.user_id) == ("Ann Other", str(ann.pk))


def test_name_and_user_can_both_be_set(api: Transport, speaker: Speaker, administrator: User, bob: User) -> None:
    received = api(NAME, named(speaker, "Bobby", str(bob.pk)), actor=administrator).speaker
    assert (received.name, received.user_id) == ("Bobby", str(bob.pk))


def test_neither_makes_it_unnamed(api: Transport, speaker: Speaker, ann: User, bob: User) -> None:
    api(NAME, named(speaker, "Bobby", str(bob.pk)), actor=ann)
    received = api(NAME, named(speaker, "  "), actor=ann).speaker
    assert received.name == ""
    assert received.user_id == ""
    assert received.version == 3


def test_speaker_keeps_its_user_after_the_account_is_closed(
    api: Transport, speaker: Speaker, ann: User, bob: User
) -> None:
    other = UserFactory(status=Status.BANNED)
    api(NAME, named(speaker, user_id=str(bob.pk)), actor=ann)
    User.objects.filter(pk=bob.pk).update(status=Status.DEACTIVATED)
    assert api(NAME, named(speaker, "Bobby", str(bob.pk)), actor=ann).speaker.user_id == str(bob.pk)
    with pytest.raises(Failed) as failed:
        api(NAME, named(speaker, "Other", str(other.pk)), actor=ann)
    assert failed.value.fields == {"user_id": "unknown"}


@pytest.mark.parametrize("user_id", ["nonsense", "a\0b", "01a22400-0000-7000-8000-000000000000"])
def test_every_invalid_field_is_named(api: Transport, speaker: Speaker, ann: User, user_id: str) -> None:
    with pytest.raises(Failed) as failed:
        api(NAME, named(speaker, "x" * 201, user_id), actor=ann)
    assert failed.value.fields == {"name": "max_length", "user_id": "unknown"}
    with pytest.raises(Failed) as failed:
        api(NAME, named(speaker, "a\0b"), actor=ann)
    assert failed.value.fields == {"name": "control_characters"}
    speaker.refresh_from_db()
    assert speaker.version == 1


def test_participant_may_not_name_speakers(api: Transport, speaker: Speaker, bob: User) -> None:
    with pytest.raises(Failed) as failed:
        api(NAME, named(speaker, "Me"), actor=bob)
    assert failed.value.reason == "FORBIDDEN"


def test_a_speaker_is_known_in_its_own_meeting_only(api: Transport, speaker: Speaker, ann: User, support: User) -> None:
    elsewhere, unknown = named(speaker, "A"), named(speaker, "A")
    elsewhere.meeting_id = str(TranscribedMeetingFactory(owner=ann).pk)
    unknown.speaker_id = "S1"
    for request, actor in ((elsewhere, ann), (unknown, ann), (named(speaker, "A"), support)):
        with pytest.raises(Failed) as failed:
            api(NAME, request, actor=actor)
        assert failed.value.reason == "NOT_FOUND"


def test_a_stale_version_changes_nothing(api: Transport, speaker: Speaker, ann: User) -> None:
    api(NAME, named(speaker, "A"), actor=ann, if_match='"1"')
    with pytest.raises(Failed) as failed:
        api(NAME, named(speaker, "B"), actor=ann, if_match='"1"')
    assert (failed.value.reason, failed.value.metadata) == ("STALE", {"current_version": "2"})


def test_a_key_names_once(api: Transport, speaker: Speaker, ann: User) -> None:
    answers = [api.answer(NAME, named(speaker, "A"), actor=ann, idempotency_key="one") for _ in range(2)]
    assert [answer.replayed for answer in answers] == [False, True]
    assert [answer.message.speaker.version for answer in answers] == [2, 2]


def test_typed_name_remains_after_the_user_is_deleted(
    api: Transport, speaker: Speaker, ann: User, administrator: User
) -> None:
    carl = UserFactory()
    api(NAME, named(speaker, "Carl the Great", str(carl.pk)), actor=ann)
    api("UserService/DeleteUser", DeleteUserRequest(user_id=str(carl.pk)), actor=administrator)
    speaker.refresh_from_db()
    assert (speaker.name, speaker.user_id) == ("Carl the Great", None)

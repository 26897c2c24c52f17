from typing import Any

import pytest

from changes.models import Change
from meetings.models import EnrolledVoice, Meeting, Speaker
from tandem.meeting.v1.meeting_pb2 import EnrollSpeakerRequest, NameSpeakerRequest
from tests.support.factories import EnrolledVoiceFactory, SpeakerFactory, TranscribedMeetingFactory
from tests.support.transports import Failed, Transport
from users.models import User

ENROLL = "MeetingService/EnrollSpeaker"
PRINT = [0.6, 0.8]


def enroll(speaker: Speaker, *, consent: bool = False) -> EnrollSpeakerRequest:
    return EnrollSpeakerRequest(meeting_id=str(speaker.meeting_id), speaker_id=str(speaker.pk), consent=consent)


@pytest.fixture
def meeting(ann: User, bob: User) -> Meeting:
    """A meeting of Ann's with Bob."""
    return TranscribedMeetingFactory(owner=ann, participants=[bob.pk])  # type: ignore[no-any-return]


def bobs(meeting: Meeting, bob: User | None, **fields: Any) -> Speaker:
    values = {"user": bob, "speech_ms": 9_000, "voice_print": PRINT} | fields
    return SpeakerFactory(meeting=meeting, **values)  # type: ignore[no-any-return]


def test_a_participant_enrolls_their_own_voice_with_consent(api: Transport, meeting: Meeting, bob: User) -> None:
    speaker = bobs(meeting, bob)
    voice = api(ENROLL, enroll(speaker, consent=True), actor=bob).voice
    assert (voice.user_id, list(voice.speaker_ids), voice.speech_ms) == (str(bob.pk), [str(speaker.pk)], 9_000)
    stored = EnrolledVoice.objects.get()
    assert stored.voice_print == pytest.approx(PRINT)
    assert (stored.user_id, stored.enrolled_by_id, stored.meeting_id) == (bob.pk, bob.pk, meeting.pk)
    assert voice.consented_at.ToDatetime(stored.consented_at.tzinfo) == stored.consented_at


def test_change_log_contains_the_enrolment_without_the_print(api: Transport, meeting: Meeting, bob: User) -> None:
    api(ENROLL, enroll(bobs(meeting, bob), consent=True), actor=bob)
    (logged,) = Change.objects.filter(subject_type="voice")
    assert logged.actor == str(bob.pk)
    assert logged.new["user_id"] == str(bob.pk)
    assert "encrypted_print" not in logged.new


def test_prints_are_encrypted_in_the_database(api: Transport, meeting: Meeting, bob: User) -> None:
    from django.db import connection

    speaker = bobs(meeting, bob)
    api(ENROLL, enroll(speaker, consent=True), actor=bob)
    with connection.cursor() as cursor:
        for table in ("meetings_enrolledvoice", "meetings_speaker"):
            cursor.execute(f"SELECT to_jsonb({table})::text, encrypted_print FROM {table}")
            ((row, encrypted),) = cursor.fetchall()
            assert encrypted.startswith("gAAAA"), "a Fernet token"
            assert "0.6" not in row


def test_first_enrolment_needs_consent_and_later_ones_do_not(
    api: Transport, meeting: Meeting, ann: User, bob: User, administrator: User
) -> None:
    with pytest.raises(Failed) as failed:
        api(ENROLL, enroll(bobs(meeting, bob)), actor=bob)
    assert failed.value.fields == {"consent": "required"}
    api(ENROLL, enroll(bobs(meeting, bob), consent=True), actor=bob)
    for actor in (bob, ann, administrator):
        voice = api(ENROLL, enroll(bobs(meeting, bob)), actor=actor).voice
    assert len(voice.speaker_ids) == 4
    stored = EnrolledVoice.objects.order_by("pk")
    assert [one.enrolled_by_id for one in stored] == [bob.pk, bob.pk, ann.pk, administrator.pk]
    assert len({one.consented_at for one in stored}) == 1


def test_nobody_enrolls_a_user_who_has_not_consented(
    api: Transport, meeting: Meeting, ann: User, bob: User, administrator: User
) -> None:
    speaker = bobs(meeting, bob)
    for actor in (ann, administrator):
        with pytest.raises(Failed) as failed:
            api(ENROLL, enroll(speaker), actor=actor)
        assert failed.value.reason == "CONFLICT"
        with pytest.raises(Failed) as failed:
            api(ENROLL, enroll(speaker, consent=True), actor=actor)
        assert failed.value.fields == {"consent": "not_own"}
    assert not EnrolledVoice.objects.exists()


def test_a_participant_does_not_enroll_another_user(api: Transport, meeting: Meeting, ann: User, bob: User) -> None:
    EnrolledVoiceFactory(user=ann)
    for user in (ann, None):
        with pytest.raises(Failed) as failed:
            api(ENROLL, enroll(bobs(meeting, user)), actor=bob)
        assert failed.value.reason == "FORBIDDEN"


@pytest.mark.parametrize(
    "fields",
    [{"user": None}, {"speech_ms": 2_999}, {"voice_print": []}, {"engine": {"name": "x"}}],
    ids=["no user", "too little speech", "no print", "no model"],
)
def test_speaker_without_user_or_usable_print_is_refused(
    api: Transport, meeting: Meeting, ann: User, fields: dict[str, Any]
) -> None:
    with pytest.raises(Failed) as failed:
        api(ENROLL, enroll(bobs(meeting, ann, **fields), consent=True), actor=ann)
    assert failed.value.reason == "CONFLICT"


def test_repeated_enrolment_changes_nothing(api: Transport, meeting: Meeting, bob: User) -> None:
    speaker = bobs(meeting, bob)
    first, second = (api(ENROLL, enroll(speaker, consent=True), actor=bob).voice for _ in range(2))
    assert first == second
    assert EnrolledVoice.objects.count() == 1


def test_voice_that_is_named_as_another_user_is_forgotten(
    api: Transport, meeting: Meeting, ann: User, bob: User
) -> None:
    speaker = bobs(meeting, bob)
    api(ENROLL, enroll(speaker, consent=True), actor=bob)
    kept = EnrolledVoiceFactory(user=bob)
    name = NameSpeakerRequest(meeting_id=str(meeting.pk), speaker_id=str(speaker.pk), user_id=str(ann.pk))
    api("MeetingService/NameSpeaker", name, actor=ann)
    assert list(EnrolledVoice.objects.all()) == [kept]


def test_unknown_ids_and_stale_versions_are_refused(api: Transport, meeting: Meeting, bob: User, support: User) -> None:
    speaker = bobs(meeting, bob)
    elsewhere = enroll(speaker, consent=True)
    elsewhere.meeting_id = str(TranscribedMeetingFactory(owner=bob).pk)
    for request, actor in ((elsewhere, bob), (enroll(speaker, consent=True), support)):
        with pytest.raises(Failed) as failed:
            api(ENROLL, request, actor=actor)
        assert failed.value.reason == "NOT_FOUND"
    with pytest.raises(Failed) as failed:
        api(ENROLL, enroll(speaker, consent=True), actor=bob, if_match='"7"')
    assert failed.value.reason == "STALE"

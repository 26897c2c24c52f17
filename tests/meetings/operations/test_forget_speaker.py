import threading

import pytest
from django.db import connection, transaction

from changes.models import Change, Operation
from meetings.models import EnrolledVoice, Speaker
from meetings.services.voices import enroll_speaker, forget_speaker
from tandem.meeting.v1.meeting_pb2 import ForgetSpeakerRequest
from tandem.user.v1.user_pb2 import DeleteUserRequest
from tests.meetings.operations.test_accept_action_item import waiting
from tests.support.factories import EnrolledVoiceFactory, SpeakerFactory, UserFactory
from tests.support.servers import until
from tests.support.transports import Failed, Transport
from users.models import User

FORGET = "MeetingService/ForgetSpeaker"


@pytest.mark.parametrize("by", ["me", "id", "administrator"])
def test_all_prints_of_a_user_are_deleted(api: Transport, ann: User, bob: User, administrator: User, by: str) -> None:
    EnrolledVoiceFactory.create_batch(2, user=bob)
    kept = EnrolledVoiceFactory(user=ann)
    own, other = SpeakerFactory(user=bob), SpeakerFactory(user=ann)
    suggested = SpeakerFactory(suggested_user=bob, similarity=0.9)
    actor, user_id = (administrator if by == "administrator" else bob), ("me" if by == "me" else str(bob.pk))
    api(FORGET, ForgetSpeakerRequest(user_id=user_id), actor=actor)
    assert list(EnrolledVoice.objects.all()) == [kept]
    assert [Speaker.objects.get(pk=one.pk).voice_print for one in (own, other)] == [[], [1, 0]]
    suggested.refresh_from_db()
    assert (suggested.suggested_user_id, suggested.similarity, suggested.voice_print) == (None, None, [1, 0])
    deleted = Change.objects.filter(subject_type="voice", operation=Operation.DELETED)
    assert {change.actor for change in deleted} == {str(actor.pk)}
    assert [("encrypted_print" in change.old) for change in deleted] == [False, False]


def test_voice_of_another_user_is_not_forgotten(api: Transport, ann: User, bob: User) -> None:
    EnrolledVoiceFactory(user=bob)
    for user_id in (str(bob.pk), str(UserFactory().pk), "nonsense"):
        with pytest.raises(Failed) as failed:
            api(FORGET, ForgetSpeakerRequest(user_id=user_id), actor=ann)
        assert failed.value.reason == "FORBIDDEN"
    assert EnrolledVoice.objects.exists()


def test_user_without_a_voice_is_not_found(api: Transport, ann: User, administrator: User) -> None:
    for actor, user_id in ((ann, "me"), (administrator, str(ann.pk)), (administrator, "nonsense")):
        with pytest.raises(Failed) as failed:
            api(FORGET, ForgetSpeakerRequest(user_id=user_id), actor=actor)
        assert failed.value.reason == "NOT_FOUND"


def test_prints_are_deleted_with_the_user(api: Transport, ann: User, bob: User, administrator: User) -> None:
    EnrolledVoiceFactory(user=bob, enrolled_by=bob)
    kept = EnrolledVoiceFactory(user=ann, enrolled_by=bob)
    own, suggested = SpeakerFactory(user=bob), SpeakerFactory(suggested_user=bob, similarity=0.9)
    api("UserService/DeleteUser", DeleteUserRequest(user_id=str(bob.pk)), actor=administrator)
    assert list(EnrolledVoice.objects.all()) == [kept]
    own.refresh_from_db()
    suggested.refresh_from_db()
    assert (own.user_id, own.voice_print) == (None, [])
    assert (suggested.suggested_user_id, suggested.voice_print) == (None, [1, 0])


@pytest.mark.django_db(transaction=True)
def test_voice_that_is_being_enrolled_is_forgotten_too() -> None:
    bob = UserFactory()
    EnrolledVoiceFactory(user=bob)
    speaker = SpeakerFactory(user=bob, speech_ms=9_000, meeting__owner=bob)

    def forget() -> None:
        try:
            forget_speaker(bob, "me")
        finally:
            connection.close()

    thread = threading.Thread(target=forget)
    with transaction.atomic():
        enroll_speaker(bob, str(speaker.meeting_id), str(speaker.pk))
        thread.start()
        until(lambda: waiting() == 1, "it waits")
    thread.join()
    assert not EnrolledVoice.objects.exists()

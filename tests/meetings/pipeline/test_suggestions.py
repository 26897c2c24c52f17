"""Speakers of a new recording are compared with enrolled voices."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from changes.models import Change
from core.encryption import decrypt
from meetings.messages import speaker_message
from meetings.models import EnrolledVoice, Speaker
from meetings.services.transcripts import name_speaker
from meetings.services.voices import renew_encryption
from tests.support.factories import ENGINE, EnrolledVoiceFactory, MeetingFactory, UserFactory
from tests.support.pipeline_jobs import DONE, Script, process
from tests.support.scripts import submitted
from users.models import Status as UserStatus
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]

SHA256 = ENGINE["model_sha256"]
CLOSE, NEAR, FAR = [1.0, 0.0, 0.0], [0.96, 0.28, 0.0], [0.0, 0.0, 1.0]


@pytest.fixture
def heard(script: Script, ann: User, bob: User) -> Any:
    """Process a meeting of Ann's and Bob's with one speaker, and return that speaker."""

    def process_one(*, speech_ms: int = 8000, sha256: str = SHA256, **fields: Any) -> Speaker:
        engine = {"kind": "speaker", "model_sha256": sha256, "threshold": 0.75, "margin": 0.05}
        voice = {"label": "S1", "speech_ms": speech_ms, "voice_print": CLOSE}
        script(
            engines=[{"kind": "asr"}, engine, {"kind": "summary"}],
            diarize=[{"voice": voice}, {"turn": {"start_ms": 0, "end_ms": 9000, "label": "S1"}}, DONE],
        )
        meeting = process(submitted(owner=ann, **{"participants": [bob.pk], **fields}))
        return Speaker.objects.get(meeting=meeting)

    return process_one


def test_similar_voice_is_suggested_and_not_applied(heard: Any, bob: User, ann: User) -> None:
    EnrolledVoiceFactory(user=bob, voice_print=NEAR)
    EnrolledVoiceFactory(user=ann, voice_print=FAR)
    speaker = heard()
    assert (speaker.suggested_user_id, speaker.similarity) == (bob.pk, pytest.approx(0.96))
    assert (speaker.user_id, speaker.name) == (None, "")
    message = speaker_message(speaker)
    assert (message.suggestion.user_id, message.suggestion.similarity) == (str(bob.pk), pytest.approx(0.96))
    logged = Change.objects.filter(subject_type="meeting.speaker").latest("id")
    assert logged.new["suggested_user_id"] == str(bob.pk)
    named = name_speaker(ann, str(speaker.meeting_id), str(speaker.pk), "", str(bob.pk))
    assert not speaker_message(named).HasField("suggestion")


def test_voice_must_exceed_all_others_by_the_margin(heard: Any, ann: User, bob: User) -> None:
    EnrolledVoiceFactory(user=bob, voice_print=CLOSE)
    EnrolledVoiceFactory(user=ann, voice_print=NEAR)
    assert heard().suggested_user_id is None


def test_prints_of_one_user_are_taken_together(heard: Any, bob: User) -> None:
    EnrolledVoiceFactory(user=bob, voice_print=CLOSE)
    EnrolledVoiceFactory(user=bob, voice_print=NEAR)
    speaker = heard()
    assert speaker.suggested_user_id == bob.pk
    assert 0.96 < speaker.similarity < 1


@pytest.mark.parametrize(
    "voice",
    [{"voice_print": [0.7, 0.714, 0.0]}, {"engine": {"model_sha256": "ef" * 32}}, {"voice_print": [1.0, 0.0]}],
    ids=["below the threshold", "of another model", "of another length"],
)
def test_other_voices_are_not_suggested(heard: Any, bob: User, voice: dict[str, Any]) -> None:
    EnrolledVoiceFactory(user=bob, **{"voice_print": CLOSE} | voice)
    assert heard().suggested_user_id is None


@pytest.mark.parametrize("fields", [{"speech_ms": 2_999}, {"sha256": ""}], ids=["little speech", "no hash"])
def test_speaker_without_a_comparable_print_has_no_suggestion(heard: Any, bob: User, fields: dict[str, Any]) -> None:
    EnrolledVoiceFactory(user=bob, voice_print=CLOSE)
    EnrolledVoiceFactory(user=bob, voice_print=CLOSE, engine={})
    assert heard(**fields).suggested_user_id is None


def test_voices_of_strangers_and_closed_accounts_are_not_compared(heard: Any, ann: User, bob: User) -> None:
    carl = UserFactory()
    EnrolledVoiceFactory(user=carl, voice_print=CLOSE)
    MeetingFactory(owner=carl, participants=[bob.pk])
    assert heard(participants=[]).suggested_user_id is None
    MeetingFactory(owner=carl, participants=[ann.pk])
    assert heard(participants=[]).suggested_user_id == carl.pk, "Ann has a meeting with Carl"
    User.objects.filter(pk=carl.pk).update(status=UserStatus.DEACTIVATED)
    assert heard(participants=[]).suggested_user_id is None


def test_prints_are_readable_as_long_as_their_key_is_a_fallback(bob: User, settings: Any) -> None:
    voice = EnrolledVoiceFactory(user=bob, voice_print=CLOSE)
    old = settings.SECRET_KEY
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "x" * 40, [old]
    assert EnrolledVoice.objects.get().voice_print == CLOSE
    settings.SECRET_KEY_FALLBACKS = []
    assert EnrolledVoice.objects.get().voice_print == []
    assert decrypt(voice.encrypted_print, "voice prints") is None
    assert renew_encryption() == (0, 1)
    settings.SECRET_KEY_FALLBACKS = [old]
    output = StringIO()
    call_command("renew_voice_prints", stdout=output)
    assert output.getvalue().startswith("1 voice prints were encrypted anew; 0 ")
    settings.SECRET_KEY_FALLBACKS = []
    assert EnrolledVoice.objects.get().voice_print == CLOSE
    assert renew_encryption() == (0, 0)

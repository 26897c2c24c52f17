"""Voices of users: enrolment with their consent, and suggestions in later meetings."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from changes.services import acting
from core.actors import Actor
from core.db.saving import save_clean
from core.errors import Conflict
from core.preconditions import ANY_VERSION, ExpectedVersion
from meetings import policies, queries
from meetings.models import EnrolledVoice, Meeting, Speaker, mean_print, similarity, takes_part
from tandem.speech.v1 import speech_pb2
from users.models import OPEN_ACCOUNT_STATUSES, User
from users.queries import resolve_id

#: Minimum duration of speech for a voice print that identifies a person.
MIN_SPEECH_MS = 3_000


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A user whose enrolled voice is similar to a speaker's."""

    user_id: UUID
    similarity: float


def enroll_speaker(
    actor: Actor,
    meeting_id: str,
    speaker_id: str,
    *,
    consent: bool = False,
    expected_version: ExpectedVersion = ANY_VERSION,
) -> list[EnrolledVoice]:
    """Keep the voice print of a speaker for the user who is assigned to it. Return all that the user has enrolled.

    Args:
        consent: of the actor, who must be that user. Recorded at the first enrolment; later ones need none.
        expected_version: of the speaker.

    Raises:
        Meeting.DoesNotExist, Speaker.DoesNotExist, Stale
        PermissionDenied: the actor is neither that user, nor the owner of the meeting or an administrator.
        ValidationError: `consent` is missing, or is another user's.
        Conflict: no user is assigned, the user has not consented, or the speaker has no usable voice print.
    """
    with acting(actor):
        meeting = queries.get_meeting_for_update(actor, meeting_id)
        speaker = queries.get_part_for_update(Speaker, meeting, speaker_id)
        if not policies.may_enroll(actor, meeting, speaker):
            raise PermissionDenied("Only the user assigned to a speaker, the owner and administrators may enroll it.")
        speaker.require_version(expected_version)
        user_id = speaker.user_id
        if user_id is None:
            raise Conflict("No user is assigned to this speaker; name the speaker first.")
        _lock(user_id)
        known = _enrolled_by(user_id)
        _check_consent(actor, user_id, known, consent)
        if not speaker.voice_print or not speaker.model_sha256 or speaker.speech_ms < MIN_SPEECH_MS:
            raise Conflict(
                f"This speaker has no usable voice print: it takes {MIN_SPEECH_MS // 1000} seconds of speech in a "
                "recording that was processed by an engine for voices."
            )
        if speaker.pk in {voice.speaker_id for voice in known}:
            return known
        first = known[0] if known else None
        new = EnrolledVoice(
            user_id=user_id,
            speaker_id=speaker.pk,
            meeting_id=meeting.pk,
            speech_ms=speaker.speech_ms,
            encrypted_print=speaker.encrypted_print,
            engine=speaker.engine,
            consented_at=first.consented_at if first else timezone.now(),
            enrolled_by_id=actor.pk,
        )
        return [*known, save_clean(new)]


def forget_speaker(actor: Actor, user_id: str) -> None:
    """Delete all voice prints of a user: the enrolled ones, and those of the speakers that the user is assigned to.
    Withdraws the consent, and removes suggestions of the user.

    Args:
        user_id: as the client wrote it, or `me`.

    Raises:
        PermissionDenied: the actor is neither that user nor an administrator.
        EnrolledVoice.DoesNotExist: the user has enrolled no voice.
    """
    wanted = resolve_id(actor, user_id)
    if not policies.may_forget(actor, wanted):
        raise PermissionDenied("Only a user themself and administrators may forget the user's voice.")
    with acting(actor):
        if wanted:
            # In the order in which `enroll_speaker` locks: speakers, then the user.
            Speaker.objects.filter(user=wanted).exclude(encrypted_print="").update(encrypted_print="")
            Speaker.objects.filter(suggested_user=wanted).update(suggested_user=None, similarity=None)
            _lock(wanted)
        if not wanted or not EnrolledVoice.objects.filter(user=wanted).delete()[0]:
            raise EnrolledVoice.DoesNotExist(f"User with ID '{user_id}' has enrolled no voice")


def forget_wrong_voice(speaker: Speaker) -> None:
    """Delete what was enrolled from a speaker for another user than the one now assigned: it was the wrong voice."""
    EnrolledVoice.objects.filter(speaker_id=speaker.pk).exclude(user=speaker.user_id).delete()


def renew_encryption() -> tuple[int, int]:
    """Encrypt all voice prints under SECRET_KEY. Return how many were under a fallback, and how many are unreadable."""
    renewed = lost = 0
    for model in (EnrolledVoice, Speaker):
        rows = model._default_manager.exclude(encrypted_print="").only("pk", "encrypted_print")
        for row in rows.iterator(chunk_size=500):
            new = row.print_encrypted_anew()
            lost += new is None
            if new and new != row.encrypted_print:
                with acting("renew_voice_prints"):
                    # Unless it was deleted or renewed since.
                    same = model._default_manager.filter(pk=row.pk, encrypted_print=row.encrypted_print)
                    renewed += same.update(encrypted_print=new)
    return renewed, lost


def suggest(
    meeting: Meeting, speakers: Sequence[speech_pb2.Speaker], engine: speech_pb2.Engine
) -> list[Suggestion | None]:
    """Return for each speaker the user whose enrolled voice is most similar, if the similarity reaches the engine's
    threshold and exceeds that of all other users by its margin; None = unknown.

    Compared are the voices of the meeting's owner, of the participants, and of the users with whom the owner has a
    meeting, so that no meeting reveals the voice of a stranger.
    """
    usable = [speaker for speaker in speakers if speaker.embedding and speaker.speech_ms >= MIN_SPEECH_MS]
    prints = _prints(meeting, engine.model_sha256) if usable and engine.calibrated_threshold else {}
    return [_closest(speaker, prints, engine) if speaker in usable else None for speaker in speakers]


def _closest(
    speaker: speech_pb2.Speaker, prints: dict[UUID, list[float]], engine: speech_pb2.Engine
) -> Suggestion | None:
    comparable = {user_id: own for user_id, own in prints.items() if len(own) == len(speaker.embedding)}
    ranked = sorted(
        ((similarity(speaker.embedding, own), user_id) for user_id, own in comparable.items()), reverse=True
    )
    if not ranked or ranked[0][0] < engine.calibrated_threshold:
        return None
    if len(ranked) > 1 and ranked[0][0] - ranked[1][0] < engine.calibrated_margin:
        return None
    return Suggestion(ranked[0][1], min(1.0, ranked[0][0]))


def _prints(meeting: Meeting, model_sha256: str) -> dict[UUID, list[float]]:
    """Return the voice prints, by this model, of the users who may be suggested in a meeting."""
    if not model_sha256:
        return {}
    acquainted = Meeting.objects.held_with(meeting.owner_id).filter(
        Q(owner=OuterRef("user")) | Q(takes_part(OuterRef("user")))
    )
    voices = EnrolledVoice.objects.filter(
        Q(user__in=[meeting.owner_id, *meeting.participants]) | Exists(acquainted),
        user__status__in=OPEN_ACCOUNT_STATUSES,
        engine__model_sha256=model_sha256,
    )
    own: dict[UUID, list[list[float]]] = defaultdict(list)
    for voice in voices:
        if (voice_print := voice.voice_print) and voice.user_id:
            own[voice.user_id].append(voice_print)
    return {user_id: mean_print(several) for user_id, several in own.items()}


def _lock(user_id: UUID) -> None:
    """Lock a user, if there is one with this id, whose voices are then enrolled or forgotten one after another."""
    User.objects.select_for_update(no_key=True).filter(pk=user_id).first()


def _enrolled_by(user_id: UUID) -> list[EnrolledVoice]:
    return list(EnrolledVoice.objects.filter(user=user_id).order_by("pk"))


def _check_consent(actor: Actor, user_id: UUID, known: Collection[EnrolledVoice], consent: bool) -> None:
    is_own = actor.pk == user_id
    if consent and not is_own:
        raise ValidationError({"consent": ValidationError("Only the user themself can consent.", code="not_own")})
    if known or (is_own and consent):
        return
    if is_own:
        message = "Confirm that your voice print may be kept to recognise you in later meetings."
        raise ValidationError({"consent": ValidationError(message, code="required")})
    raise Conflict("This user has not consented; the user must enroll a voice first.")

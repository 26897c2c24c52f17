"""Names of speakers, carried to the speaker of the next version with the same voice."""

from collections.abc import Mapping, Sequence
from operator import mul
from typing import NamedTuple
from uuid import UUID

from core.db.saving import save_clean
from meetings.models import Meeting, Speaker

#: The least cosine similarity of two prints of one person, and the least distance to the next best candidate.
SAME_VOICE = 0.75
MARGIN = 0.05


class Voice(NamedTuple):
    """A speaker with the decrypted voice print."""

    speaker: Speaker
    voice_print: Sequence[float]


def carry_names(meeting: Meeting, previous: int, version: int) -> Mapping[UUID, UUID]:
    """Carry names and users over. Return the new speakers by those of the previous version with the same voice."""
    old, new = (
        [Voice(one, one.voice_print) for one in Speaker.objects.filter(meeting=meeting, transcript_version=which)]
        for which in (previous, version)
    )
    counterparts: dict[UUID, UUID] = {}
    for voice in sorted(new, key=lambda one: -one.speaker.speech_ms):
        before, speaker = same_voice(voice, old), voice.speaker
        if before is None:
            continue
        counterparts.setdefault(before.pk, speaker.pk)
        if before.updated_at > speaker.updated_at or not (speaker.name or speaker.user_id):
            save_clean(speaker, name=before.name, user_id=before.user_id)
    return counterparts


def same_voice(voice: Voice, candidates: Sequence[Voice]) -> Speaker | None:
    """Return the candidate with this voice; None if there is none, or more than one that may have it."""
    comparable = [one for one in candidates if one.voice_print and _model_of(one) == _model_of(voice)]
    likeness = sorted(((_likeness(voice, one), one.speaker) for one in comparable), key=lambda pair: -pair[0])
    if not likeness or likeness[0][0] < SAME_VOICE:
        return None
    if len(likeness) > 1 and likeness[0][0] - likeness[1][0] < MARGIN:
        return None
    return likeness[0][1]


def _likeness(one: Voice, other: Voice) -> float:
    """Return the cosine similarity of two prints, which have length 1."""
    same_length = len(one.voice_print) == len(other.voice_print)
    return sum(map(mul, one.voice_print, other.voice_print)) if same_length else 0.0


def _model_of(voice: Voice) -> tuple[str, ...]:
    return tuple(voice.speaker.engine.get(name, "") for name in ("name", "model_id", "model_sha256"))

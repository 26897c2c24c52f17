"""Voice prints, encrypted at rest; and those that users have enrolled."""

import math
from array import array
from collections.abc import Iterable, Sequence

from django.db import models
from django.utils import timezone

from changes.triggers import logged
from core.actors import Actor
from core.db.fields import Id
from core.db.versioned import Versioned
from core.encryption import decrypt, encrypt, encrypted_anew
from meetings.models.parts import of_user

_PURPOSE = "voice prints"


class HasVoicePrint(models.Model):
    """Base of rows with a voice print, which is biometric data: encrypted at rest, and never in the change log."""

    #: A vector of 32-bit numbers, encrypted; empty = there is none.
    encrypted_print = models.TextField(blank=True, default="", editable=False)
    #: {"name", "version", "model_id", "model_sha256"}. Prints are comparable with those of the same model only.
    engine = models.JSONField(default=dict, editable=False)

    class Meta:
        abstract = True

    @property
    def voice_print(self) -> list[float]:
        """A vector of length 1; empty = there is none, or the key that encrypted it is no longer known."""
        data = decrypt(self.encrypted_print, _PURPOSE) if self.encrypted_print else None
        return array("f", data).tolist() if data else []

    @voice_print.setter
    def voice_print(self, values: Sequence[float]) -> None:
        self.encrypted_print = encrypt(array("f", values).tobytes(), _PURPOSE) if values else ""

    def print_encrypted_anew(self) -> str | None:
        """Return the encrypted print under SECRET_KEY, unchanged if it is already; None if it cannot be decrypted."""
        return encrypted_anew(self.encrypted_print, _PURPOSE)

    @property
    def model_sha256(self) -> str:
        """Hash of the model that made the print; empty = not known."""
        return str(self.engine.get("model_sha256", ""))


class EnrolledVoiceQuerySet(models.QuerySet["EnrolledVoice"]):
    def visible_to(self, actor: Actor) -> "EnrolledVoiceQuerySet":
        """Return the enrolled voices that the actor may see: administrators all, others their own."""
        if not actor.is_authenticated:
            return self.none()
        return self if actor.is_administrator else self.filter(user=actor.pk)


class EnrolledVoice(HasVoicePrint, Versioned):
    """One row = a voice print that a user keeps, of one speaker of a meeting. A user may have several.

    It stays when the meeting is deleted, and is deleted with the user (migration 0012).
    """

    id = Id()
    user = of_user()
    #: Of the speaker and the meeting, which may have been deleted since.
    speaker_id = models.UUIDField(unique=True, editable=False)
    meeting_id = models.UUIDField(editable=False)
    speech_ms = models.BigIntegerField(default=0, editable=False)
    #: When the user consented, at the first enrolment. No other user can consent.
    consented_at = models.DateTimeField(default=timezone.now, editable=False)
    enrolled_by = of_user()

    objects = EnrolledVoiceQuerySet.as_manager()

    class Meta:
        triggers = logged("voice", exclude=["encrypted_print"])

    def __str__(self) -> str:
        return f"Voice of {self.user_id}"


def similarity(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the cosine similarity of two voice prints of length 1 of the same model."""
    return sum(left * right for left, right in zip(one, other, strict=True))


def mean_print(prints: Iterable[Sequence[float]]) -> list[float]:
    """Return the voice print, of length 1, of several ones of the same voice."""
    sums = [sum(values) for values in zip(*prints, strict=True)]
    length = math.sqrt(sum(value * value for value in sums))
    return [value / length for value in sums] if length else []

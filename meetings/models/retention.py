"""The time for which recordings and transcripts are kept."""

from django.core.validators import MinValueValidator
from django.db import models


def _days() -> "models.PositiveIntegerField[int | None, int | None]":
    return models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Empty = they are kept."
    )


class RetentionPolicy(models.Model):
    """One row, of the installation: when recordings and transcripts are deleted. By default they are kept."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    #: Delete a recording when its meeting is COMPLETED.
    recordings_after_success = models.BooleanField(default=False)
    #: Days since the upload of the recording.
    recordings_after_days = _days()
    #: Days since the upload of the recording, or the creation of a meeting without one.
    transcripts_after_days = _days()

    class Meta:
        verbose_name_plural = "retention policy"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="meetings_one_retention_policy")]

    def __str__(self) -> str:
        return "Retention of recordings and transcripts"

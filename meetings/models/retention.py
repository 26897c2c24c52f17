"""The time for which recordings and transcripts are kept."""

from django.core.validators import MinValueValidator
from django.db import models

from projects.models import Project


def _days() -> "models.PositiveIntegerField[int | None, int | None]":
    return models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Empty = they are kept."
    )


class RetentionPolicy(models.Model):
    """One row = when recordings and transcripts of some meetings are deleted. By default they are kept.

    The policy of a project applies to its meetings, in place of that of the installation, which has no project.
    """

    id = models.SmallAutoField(primary_key=True)
    #: ON DELETE CASCADE (migration 0021).
    project = models.OneToOneField(
        Project, models.DO_NOTHING, null=True, blank=True, related_name="+", db_constraint=False,
        error_messages={"unique": "This project has a policy already: change that one."},
    )  # fmt: skip
    #: Delete a recording when its meeting is COMPLETED.
    recordings_after_success = models.BooleanField(default=False)
    #: Days since the upload of the recording.
    recordings_after_days = _days()
    #: Days since the upload of the recording, or the creation of a meeting without one.
    transcripts_after_days = _days()

    class Meta:
        verbose_name_plural = "retention policies"
        constraints = [
            models.UniqueConstraint(
                models.Value(1), condition=models.Q(project=None), name="meetings_one_retention_policy"
            )
        ]

    def __str__(self) -> str:
        return f"Retention of {self.project}" if self.project_id else "Retention of the installation"

"""The base of the rows that services write: an optimistic lock, and the messages of violated constraints."""

from django.db import models
from django.utils import timezone

from core.preconditions import ExpectedVersion


class Versioned(models.Model):
    """A row with an optimistic lock. The database maintains `version` and `updated_at` even for writes that do not set
    them (see `changes.triggers`).
    """

    #: Constraint name → the message of AlreadyExists when it is violated; formatted with the instance.
    already_exists: dict[str, str] = {}
    #: Name of a foreign key's constraint → the message of Conflict when the referenced row is to be deleted.
    kept_by: dict[str, str] = {}

    version = models.BigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True

    def require_version(self, expected: ExpectedVersion) -> None:
        """Check that this row, which is locked, is at the version that a write expects.

        Raises:
            Stale: the row is at another version.
        """
        expected.check(self.version)

"""The change log's table. The database writes it (see `changes.triggers`); Python only reads it."""

from typing import Any

from django.db import models
from django.db.models import Q

from changes.triggers import written_by_triggers_only

#: Columns that every update changes.
KEPT_BY_TRIGGERS = frozenset(("version", "updated_at"))


class Operation(models.TextChoices):
    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


class Head(models.Model):
    """The one row = how far the log is numbered. The numberer writes it, and whoever prunes; see `changes.feed`."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    #: The last number that was given.
    seq = models.BigIntegerField()
    #: The lowest number that is kept; the next one to be given if none is.
    oldest = models.BigIntegerField()
    #: Which log the numbers are of. Another one begins when the database is another: a restored one gives numbers again
    #: that were given before.
    epoch = models.UUIDField()
    #: Of the cluster in which the epoch began.
    system_identifier = models.BigIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="changes_one_head")]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.epoch} {self.seq}"


class Change(models.Model):
    """One row = one change of one subject's row.

    `id` is the order of writing, not of commits: whoever reads on from an id can miss a transaction that took a lower
    one and committed later. The feed therefore goes by `seq`, which is given after the commit.
    """

    id = models.BigAutoField(primary_key=True)
    #: Its place in the feed: dense, each transaction's rows together, each subject's versions in order.
    seq = models.BigIntegerField(null=True)
    #: The writing transaction's number, the same for all its rows.
    xid = models.BigIntegerField()
    subject_type = models.TextField()
    subject_id = models.UUIDField()
    #: The row's version after the change. A deletion counts as one, so "apply what is newer" works for it too.
    subject_version = models.BigIntegerField()
    operation = models.TextField(choices=Operation)
    #: The row before and after, by column, without what must not be logged; times in UTC. None where there was no row,
    #: and once the subject was forgotten.
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)
    #: A user's id, `anonymous`, or which part of the system; `system` when nobody said.
    actor = models.TextField()
    #: What the actor gave as the reason; may be empty.
    reason = models.TextField()
    #: The id of the call that wrote; empty outside a call.
    request_id = models.TextField()
    #: The clock when the statement had its rows' locks. Neither the transaction's nor the statement's beginning would
    #: do: a writer that waited for a lock would date its change before the one it waited for.
    occurred_at = models.DateTimeField()

    class Meta:
        constraints = [
            # Not where it is NULL: rows are written without, and that should cost nothing.
            models.UniqueConstraint(fields=["seq"], condition=Q(seq__isnull=False), name="changes_seq_unique"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(seq__isnull=True), name="changes_unnumbered"),
            models.Index(fields=["subject_type", "subject_id", "id"], name="changes_of_subject"),
        ]
        default_permissions = ("view",)
        triggers = [
            written_by_triggers_only(
                "id",
                "xid",
                "subject_type",
                "subject_id",
                "subject_version",
                "operation",
                "actor",
                "request_id",
                "occurred_at",
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject_type} {self.subject_id} {self.operation}, version {self.subject_version}"

    @property
    def changed_fields(self) -> list[str]:
        """The columns an update changed, by name, without `version` and `updated_at`; empty for other operations.

        Empty too if only columns changed that are not logged, such as a password.
        """
        old: dict[str, Any] = self.old or {}
        new: dict[str, Any] = self.new or {}
        return sorted(name for name in old.keys() & new.keys() - KEPT_BY_TRIGGERS if old[name] != new[name])

"""Tables of the change log. The database writes changes (see `changes.triggers`); Python only reads them."""

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
    """The only row = the extent of the numbered log. The sequencer and pruning update it; see `changes.feed`."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    #: The last number that was assigned.
    seq = models.BigIntegerField()
    #: The lowest number that is kept; the next one to be assigned if no change is kept.
    oldest = models.BigIntegerField()
    #: Identity of the log. A restored database begins a new epoch, because it assigns numbers a second time.
    epoch = models.UUIDField()
    #: Identifier of the database cluster in which the epoch began.
    system_identifier = models.BigIntegerField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="changes_one_head")]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.epoch} {self.seq}"


class Change(models.Model):
    """One row = one change of one subject's row.

    `id` is the order of writing, not of commits: a reader that resumes from an id can miss a transaction that took a
    lower one and committed later. The feed is therefore ordered by `seq`, which is assigned after the commit.
    """

    id = models.BigAutoField(primary_key=True)
    #: Position in the feed: without gaps, each transaction's rows together, each subject's versions in order.
    seq = models.BigIntegerField(null=True)
    #: Id of the writing transaction, the same for all its rows.
    xid = models.BigIntegerField()
    subject_type = models.TextField()
    subject_id = models.UUIDField()
    #: The row's version after the change. A deletion has one too, so that clients apply it as newer.
    subject_version = models.BigIntegerField()
    operation = models.TextField(choices=Operation)
    #: Images of the row before and after, by column, without columns that must not be logged; times in UTC. None where
    #: there was no row, and once the subject was forgotten.
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)
    #: A user's id, `anonymous`, or the part of the system; `system` if the writer named no actor.
    actor = models.TextField()
    #: The reason that the actor gave; may be empty.
    reason = models.TextField()
    #: The id of the call that wrote; empty outside a call.
    request_id = models.TextField()
    #: The span of the call that wrote (W3C); None without tracing.
    traceparent = models.TextField(null=True)
    #: Time at which the statement held its rows' locks. With the start of the transaction or the statement, a writer
    #: that waited for a lock would date its change before the one it waited for.
    occurred_at = models.DateTimeField()

    class Meta:
        constraints = [
            # NULL is left out: rows are written without a number, and that should not cost an index entry.
            models.UniqueConstraint(fields=["seq"], condition=Q(seq__isnull=False), name="changes_seq_unique"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(seq__isnull=True), name="changes_unnumbered"),
            models.Index(fields=["subject_type", "subject_id", "id"], name="changes_of_subject"),
            # Few changes are of memberships, and streams that resume look for those since their cursor.
            models.Index(fields=["seq"], condition=Q(subject_type__endswith=".member"), name="changes_of_members"),
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
                "traceparent",
                "occurred_at",
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject_type} {self.subject_id} {self.operation}, version {self.subject_version}"

    @property
    def changed_fields(self) -> list[str]:
        """The columns that an update changed, sorted by name, without `version` and `updated_at`.

        It is empty for other operations, and if only columns changed that are not logged, such as a password.
        """
        old: dict[str, Any] = self.old or {}
        new: dict[str, Any] = self.new or {}
        return sorted(name for name in old.keys() & new.keys() - KEPT_BY_TRIGGERS if old[name] != new[name])

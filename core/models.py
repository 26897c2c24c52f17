"""The tables that all apps share. How rows are written: see `core.db`."""

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from core.db.fields import Id


class IdempotencyRecord(models.Model):
    """One row = one write that was sent with an idempotency key, and its answer (see `core.idempotency`)."""

    id = models.BigAutoField(primary_key=True)
    principal = models.CharField(max_length=100)
    operation = models.CharField(max_length=100)
    key = models.CharField(max_length=255)
    request_hash = models.BinaryField(max_length=32)
    #: None = erased, because its subject was deleted.
    answer = models.BinaryField(null=True)
    #: Id of the object that the answer is about; None = it is about no object, or about many (of a stream).
    subject = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["principal", "operation", "key"], name="core_idempotency_key_unique"),
        ]
        indexes = [
            models.Index(
                fields=["subject"], name="core_idempotency_subject", condition=models.Q(subject__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.key}"


class RateWindow(models.Model):
    """One row = how often something was done since `started_at` (see `core.rate_limits`)."""

    key = models.CharField(max_length=200, primary_key=True)
    started_at = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.key}: {self.count}"


class Job(models.Model):
    """One row = one background job and its state; it starts once its write is committed (see `core.jobs`).

    Its times are the database's, so that workers on several machines agree.
    """

    id = Id()
    #: The app and the function in its `jobs` module, with a dot between.
    kind = models.CharField(max_length=100)
    #: By name. Never a secret: the row outlives the job. Emptied when the job is done.
    arguments = models.JSONField(default=dict, blank=True)
    #: The job may take minutes or hours: a worker runs few of these at once.
    slow = models.BooleanField(default=False)
    #: A person waits for each of its results: it never waits for a slow job, as workers have threads for live ones.
    live = models.BooleanField(default=False)
    #: Slow jobs of different keys take turns; empty = the job takes its own turn.
    fairness_key = models.CharField(max_length=100, blank=True)
    #: The round in which a slow job is due: see `core.jobs.fair_queue`.
    turn = models.BigIntegerField(default=0)
    #: Of the call that enqueued it.
    request_id = models.CharField(max_length=128, blank=True)
    #: The span of that call (W3C); None without tracing.
    traceparent = models.CharField(max_length=55, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())
    next_try_at = models.DateTimeField(db_default=Now())
    #: Until then the job belongs to a worker, which renews the lease while it lives.
    lease_until = models.DateTimeField(null=True, blank=True)
    #: Only ever grows, so it also distinguishes the attempts of different workers.
    attempts = models.PositiveIntegerField(default=0)
    max_attempts = models.PositiveIntegerField()
    last_error = models.TextField(blank=True)
    #: When it succeeded, or failed permanently.
    ended_at = models.DateTimeField(null=True, blank=True)
    failed = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(
                fields=["next_try_at", "id"], name="core_jobs_quick", condition=models.Q(ended_at=None, slow=False)
            ),
            models.Index(
                fields=["turn", "next_try_at", "id"],
                name="core_jobs_turns",
                condition=models.Q(ended_at=None, slow=True),
            ),
            models.Index(
                fields=["fairness_key", "turn"], name="core_jobs_of_key", condition=models.Q(ended_at=None, slow=True)
            ),
            models.Index(
                fields=["next_try_at", "id"], name="core_jobs_live", condition=models.Q(ended_at=None, live=True)
            ),
            models.Index(fields=["ended_at"], name="core_jobs_ended"),
            models.Index(fields=["id"], name="core_jobs_failed", condition=models.Q(failed=True)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def state(self) -> str:
        """Human-readable state for the admin."""
        if self.ended_at:
            return "failed" if self.failed else "done"
        return "running" if self.lease_until and self.lease_until > timezone.now() else "waiting"

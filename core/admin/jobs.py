"""Jobs in the admin site: read-only, with an action that retries failed ones."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin.lists import LargeList
from core.jobs import store
from core.models import Job


class StateFilter(admin.SimpleListFilter):
    """A filter of jobs by state."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "waiting or running"), ("failed", "failed"), ("done", "done")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        match self.value():
            case "open":
                return queryset.filter(ended_at=None)
            case "failed" | "done" as state:
                return queryset.filter(ended_at__isnull=False, failed=state == "failed")
            case _:
                return queryset


@admin.register(Job)
class JobAdmin(LargeList):
    list_display = ("kind", "created_at", "state", "attempts", "next_try_at", "last_error")
    fields = (
        *list_display[:3], "arguments", *list_display[3:4], "max_attempts", *list_display[4:], "ended_at", "is_slow",
        "is_live", "takes_turns_as", "turn_number", "lease_until", "request_id",
    )  # fmt: skip
    readonly_fields = fields
    list_filter = (StateFilter,)
    lookups = ("state",)
    # Ids are ordered by creation time.
    ordering = ("-id",)
    actions = ("retry",)
    when_empty = "Writes that have further effects, such as mails and recordings, queue jobs."

    @admin.display(description="slow: may take minutes or hours", boolean=True)
    def is_slow(self, job: Job) -> bool:
        return job.slow

    @admin.display(description="live: a person waits for it", boolean=True)
    def is_live(self, job: Job) -> bool:
        return job.live

    @admin.display(description="takes turns with other slow jobs as", empty_value="-")
    def takes_turns_as(self, job: Job) -> str:
        return job.fairness_key

    @admin.display(description="round in which it is due")
    def turn_number(self, job: Job) -> int:
        return job.turn

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # `manage.py prune` deletes jobs that ended long ago.

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may change jobs; a retry is the only change."""
        return bool(request.user.has_perm("core.change_job"))

    @admin.action(description="Retry the selected failed jobs", permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        count = store.retry(queryset)
        self.message_user(request, f"{count} {'job' if count == 1 else 'jobs'} queued for retry.")

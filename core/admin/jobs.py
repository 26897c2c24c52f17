"""Jobs in the admin site: to look at, and to try again."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin.lists import LargeList
from core.jobs import store
from core.models import Job


class StateFilter(admin.SimpleListFilter):
    """Jobs by what has become of them."""

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
    list_filter = (StateFilter,)
    lookups = ("state",)
    # An id tells when it was made.
    ordering = ("-id",)
    actions = ("retry",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Who may change jobs; there is nothing else about one that could be changed."""
        return bool(request.user.has_perm("core.change_job"))

    @admin.action(description="Try the selected jobs again that failed", permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        again = store.retry(queryset)
        self.message_user(request, f"{again} to be tried again.")

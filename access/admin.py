"""Sessions in the admin site: to look at, and to end."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from access.models import Session
from access.services import end_sessions


@admin.register(Session)
class SessionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("user", "created_at", "last_used_at", "address", "user_agent", "revoked_at")
    list_select_related = ("user",)
    search_fields = ("user__email",)
    ordering = ("-created_at",)
    show_full_result_count = False
    actions = ("end",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description="End the selected sessions", permissions=["delete"])
    def end(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        ended = end_sessions(queryset)
        self.message_user(request, f"{ended} ended.")

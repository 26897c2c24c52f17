"""Credentials in the admin site: to look at, and to end."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from access.models import ApiKey, Session
from access.services import end_sessions, revoke_api_keys


class EndedOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """What comes about elsewhere, and is never changed but ended."""

    list_select_related = ("user",)
    search_fields: ClassVar[tuple[str, ...]] = ("user__email",)
    ordering = ("-created_at",)
    show_full_result_count = False
    actions = ("end",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Session)
class SessionAdmin(EndedOnly):
    list_display = ("user", "created_at", "last_used_at", "address", "user_agent", "revoked_at")

    @admin.action(description="End the selected sessions", permissions=["delete"])
    def end(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        self.message_user(request, f"{end_sessions(queryset)} ended.")


@admin.register(ApiKey)
class ApiKeyAdmin(EndedOnly):
    list_display = ("name", "user", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at")
    search_fields = ("user__email", "=id")
    fields = ("id", *list_display, "created_by")

    @admin.action(description="Revoke the selected API keys", permissions=["delete"])
    def end(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        self.message_user(request, f"{revoke_api_keys(queryset)} revoked.")

"""Credentials in the admin site: lists, pages that end them, and their rows on the page of a user."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from access import services
from access.models import ApiKey, Session
from core.admin.inlines import NewestRowsInline
from core.admin.lists import ReadOnlyAdmin
from core.admin.writes import actor_of, ask
from core.db import ids
from users.admin import UserAdmin, UserSearchAdmin
from users.models import User


class RevocableAdmin(UserSearchAdmin, ReadOnlyAdmin):
    """Read-only admin of credentials that can be ended. The permission to delete is the permission to end."""

    list_select_related = ("user",)
    # Ids are ordered by time of creation.
    ordering = ("-id",)
    actions = ("end",)

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_end"
        return [path("<uuid:row_id>/end/", self.admin_site.admin_view(self.end_one), name=name), *super().get_urls()]

    def end_one(self, request: HttpRequest, row_id: Any) -> HttpResponse:
        """End this credential once the user confirms it, and redirect to its owner's page."""
        if not self.has_end_permission(request):
            raise PermissionDenied
        row = get_object_or_404(self.get_queryset(request), pk=row_id)
        back = reverse("admin:users_user_change", args=[row.user_id])
        if request.method != "POST":
            return ask(self, request, f"End this {self.opts.verbose_name}", [row], back)
        self.end(request, self.get_queryset(request).filter(pk=row_id))
        return HttpResponseRedirect(back)

    def end(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        raise NotImplementedError

    def has_end_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(f"{self.opts.app_label}.delete_{self.opts.model_name}"))


@admin.register(Session)
class SessionAdmin(RevocableAdmin):
    list_display = ("user", "created_at", "last_used_at", "address", "user_agent", "revoked_at")
    fields = ("id", *list_display)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.end_all)
        return [path("of/<uuid:user_id>/end/", view, name="access_session_end_all"), *super().get_urls()]

    def end_all(self, request: HttpRequest, user_id: Any) -> HttpResponse:
        """End all sessions of a user, including those of the admin site, once that is confirmed."""
        if not self.has_end_permission(request):
            raise PermissionDenied
        user = get_object_or_404(User.objects.visible_to(actor_of(request)), pk=user_id)
        back = reverse("admin:users_user_change", args=[user_id])
        if request.method != "POST":
            return ask(self, request, "End all sessions", [user], back)
        ended = services.end_sessions(Session.objects.filter(user=user))
        services.end_site_sessions(user.pk)
        self.message_user(request, f"{ended} ended.")
        return HttpResponseRedirect(back)

    @admin.action(description="End the selected sessions", permissions=["end"])
    def end(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        self.message_user(request, f"{services.end_sessions(queryset)} ended.")


@admin.register(ApiKey)
class ApiKeyAdmin(RevocableAdmin):
    list_display = (
        "name", "user", "scopes", "certificate_uri", "created_at", "expires_at", "last_used_at", "revoked_at",
    )  # fmt: skip
    search_help_text = "Prefixes of the user's names and e-mail, or the key's id"
    fields = ("id", *list_display, "created_by")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ApiKey], search_term: str
    ) -> tuple[QuerySet[ApiKey], bool]:
        if key_id := ids.parsed(search_term.strip()):
            return queryset.filter(pk=key_id), False
        return super().get_search_results(request, queryset, search_term)

    @admin.action(description="Revoke the selected API keys", permissions=["end"])
    def end(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        self.message_user(request, f"{services.revoke_api_keys(queryset)} revoked.")


class CredentialInline(NewestRowsInline):
    """A user's credentials, each with a link to end it if the reader has the permission."""

    fk_name = "user"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        may_end = request.user.has_perm(f"{self.opts.app_label}.delete_{self.opts.model_name}")
        return [name for name in self.fields if may_end or name != "end"]

    @admin.display(description="")
    def end(self, row: Any) -> str:
        if row.revoked_at:
            return ""
        url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_end", args=[row.pk])
        return format_html('<a class="text-link" href="{}">End</a>', url)


class SessionInline(CredentialInline):
    model = Session
    fields = ("created_at", "last_used_at", "address", "user_agent", "revoked_at", "end")
    listed_at = "admin:access_session_changelist"
    template_after = "admin/access/sessions_below.html"


class ApiKeyInline(CredentialInline):
    model = ApiKey
    fields = ("name", "scopes", "certificate_uri", "created_at", "expires_at", "last_used_at", "revoked_at", "end")
    listed_at = "admin:access_apikey_changelist"


UserAdmin.inlines += [SessionInline, ApiKeyInline]

"""The admin site: its home page, its login, the change of the own password, and times in the zone of the user."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from unfold.sites import UnfoldAdminSite

from access.forms import LoginForm
from users.forms import OwnPasswordForm


class AdminSite(UnfoldAdminSite):
    index_title = "Home"
    index_template = "admin/home.html"
    login_form = LoginForm

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        """Wrap a view of the site: it reads and shows times in the zone of the user."""
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def in_zone(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            with timezone.override(_zone_of(request.user)):
                response = inner(request, *args, **kwargs)
                if isinstance(response, TemplateResponse):
                    response.render()
            return response

        return in_zone

    def get_urls(self) -> list[URLPattern | URLResolver]:
        # Apps that `page` imports use the site, so it is loaded with the addresses.
        from config.home import page

        return [
            path("home/refresh/", self.admin_view(page.refresh), name="home_refresh"),
            path("home/retry/", self.admin_view(page.retry), name="home_retry"),
            *super().get_urls(),
        ]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Return the apps with their models, listed once something reads them: the sidebar has sections of its own."""
        return SimpleLazyObject(partial(super().get_app_list, request, app_label))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Render the home page."""
        from config.home import page

        return super().index(request, {**(extra_context or {}), "panels": page.panels(request)})

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """Render the page for the own password with our form."""
        view = PasswordChangeView.as_view(
            form_class=OwnPasswordForm,
            success_url=reverse("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)


def _zone_of(user: Any) -> ZoneInfo | None:
    """Return the time zone of a user; None = that of the server."""
    try:
        return ZoneInfo(user.timezone) if getattr(user, "timezone", "") else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None

"""The admin site: its login and the change of the own password go through the services."""

from typing import Any

from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from unfold.sites import UnfoldAdminSite

from access.forms import LoginForm
from users.forms import OwnPasswordForm


class AdminSite(UnfoldAdminSite):
    login_form = LoginForm

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """Render the page for the own password with our form."""
        view = PasswordChangeView.as_view(
            form_class=OwnPasswordForm,
            success_url=reverse("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)

"""Forms of the admin site that check credentials through the services."""

from typing import Any

from unfold.forms import AuthenticationForm

from access import services
from core.addresses import http_client_address
from core.errors import Failure


class LoginForm(AuthenticationForm):
    """Login form that uses the login service, so the limits and error messages are those of Login."""

    def clean(self) -> dict[str, Any]:
        if self.errors:
            return self.cleaned_data
        try:
            self.user_cache = services.login_to_site(
                email=self.cleaned_data["username"],
                password=self.cleaned_data["password"],
                address=http_client_address(self.request.META),
            )
        except Failure as exc:
            self.add_error(None, exc.message)
        return self.cleaned_data

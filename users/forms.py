"""Forms of the admin site that change users through the services."""

from typing import Any

from django.core.exceptions import ValidationError
from unfold.forms import AdminOwnPasswordChangeForm

from core.errors import Failure, problem_of
from users import services
from users.models import User


class OwnPasswordForm(AdminOwnPasswordChangeForm):
    """Form that changes the user's own password through the service, with its limits, its mail and its log entry."""

    def clean_old_password(self) -> str:
        # The service checks it and limits the tries.
        return str(self.cleaned_data["old_password"])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()
        if not self.errors:
            try:
                services.change_password(
                    self.user,
                    "me",
                    current_password=cleaned["old_password"],
                    new_password=cleaned["new_password1"],
                )
            except (Failure, ValidationError) as exc:
                self.add_error(None, problem_of(exc).message)
        return cleaned

    def save(self, commit: bool = True) -> User:
        self.user.refresh_from_db()
        return self.user

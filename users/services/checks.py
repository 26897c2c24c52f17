"""The rules of a new account, all at once."""

from collections.abc import Container
from typing import Any

from django.core.exceptions import ValidationError

from core.models import clean
from users.models import User
from users.services.passwords import check_new_password


def check(user: User, password: str = "", only: Container[str] | None = None) -> None:
    """All that is wrong with a new user, the password included, in one error.

    Args:
        password: empty = it has none to check.
        only: the fields to check; None = all.

    Raises:
        ValidationError
    """
    errors: dict[str, Any] = {}
    try:
        clean(user, only)
    except ValidationError as exc:
        exc.update_error_dict(errors)
    if "email" in errors and user.display_name == local_part(user.email):
        # It came from the e-mail.
        errors.pop("display_name", None)
    if password:
        try:
            check_new_password(user, password)
        except ValidationError as exc:
            exc.update_error_dict(errors)
    if errors:
        raise ValidationError(errors)


def local_part(email: str) -> str:
    """What stands before the @."""
    return email.strip().rpartition("@")[0] or email.strip()

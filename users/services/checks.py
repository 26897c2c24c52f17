"""Validation of new accounts, with all errors together."""

from collections.abc import Container

from django.core.exceptions import ValidationError

from core.db.saving import clean
from users.models import User
from users.services.passwords import password_errors


def clean_new_user(user: User, password: str = "", only: Container[str] | None = None) -> None:
    """Check the rules of a new user and of its password.

    Args:
        password: empty = no password to check.
        only: the fields to check; None = all.

    Raises:
        ValidationError: with all invalid fields.
    """
    try:
        clean(user, only, extra_errors=password_errors(user, password) if password else None)
    except ValidationError as exc:
        if "email" in exc.error_dict and user.display_name == local_part(user.email):
            # The display name was derived from the e-mail, so its error would be a duplicate.
            exc.error_dict.pop("display_name", None)
        raise


def local_part(email: str) -> str:
    """Return the part of an e-mail address before the @."""
    return email.strip().rpartition("@")[0] or email.strip()

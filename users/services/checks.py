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
    errors: dict[str, list[ValidationError]] = {}
    try:
        clean(user, only)
    except ValidationError as exc:
        exc.update_error_dict(errors)
    if "email" in errors and user.display_name == local_part(user.email):
        # The display name was derived from the e-mail, so its error would be a duplicate.
        errors.pop("display_name", None)
    if password:
        # After the fields: a password is compared with their canonical forms.
        errors |= {name: error.error_list for name, error in password_errors(user, password).items()}
    if errors:
        raise ValidationError(errors)


def local_part(email: str) -> str:
    """Return the part of an e-mail address before the @."""
    return email.strip().rpartition("@")[0] or email.strip()

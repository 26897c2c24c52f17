"""Demo data: an administrator and two users."""

import secrets
from collections.abc import Callable

from users.models import User
from users.services import create_user

ADMINISTRATOR = "admin@example.com"
PEOPLE = [("John", "Doe", "john@example.com"), ("Jane", "Smith", "jane@example.com")]


def load(tell: Callable[[str], object]) -> bool:
    """Makes them, unless the administrator is there; tells the password. Gives whether it made any."""
    if User.objects.filter(email=ADMINISTRATOR).exists():
        # Once: who was changed or deleted since stays so.
        return False
    password = secrets.token_urlsafe(12)
    administrator = User.objects.create_superuser(ADMINISTRATOR, password, display_name="Administrator")
    for first_name, last_name, email in PEOPLE:
        create_user(
            administrator, email=email, first_name=first_name, last_name=last_name,
            display_name=f"{first_name} {last_name}", mailed=False,
        )  # fmt: skip
    tell(f"Administrator {ADMINISTRATOR}, password {password} (shown only now)")
    return True

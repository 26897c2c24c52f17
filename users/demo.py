"""Demo data: an administrator and two users."""

import secrets
from collections.abc import Callable

from users.models import User
from users.services import create_user

ADMINISTRATOR = "admin@example.com"
PEOPLE = [("John", "Doe", "john@example.com"), ("Jane", "Smith", "jane@example.com")]


def load(report: Callable[[str], object]) -> bool:
    """Create the demo users unless the administrator exists. Report the password; return whether users were created."""
    if User.objects.filter(email=ADMINISTRATOR).exists():
        # The data are loaded only once, so that later changes and deletions persist.
        return False
    password = secrets.token_urlsafe(12)
    administrator = User.objects.create_superuser(ADMINISTRATOR, password, display_name="Administrator")
    for first_name, last_name, email in PEOPLE:
        create_user(
            administrator, email=email, first_name=first_name, last_name=last_name,
            display_name=f"{first_name} {last_name}", mailed=False,
        )  # fmt: skip
    report(f"Administrator {ADMINISTRATOR}, password {password} (cannot be shown again)")
    return True

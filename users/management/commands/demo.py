"""Demo data: an administrator and two users, made once."""

import secrets
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from users.models import User
from users.services import create_user

ADMINISTRATOR = "admin@example.com"
PEOPLE = [("John", "Doe", "john@example.com"), ("Jane", "Smith", "jane@example.com")]


class Command(BaseCommand):
    """Loads the demo data unless it is there; prints the administrator's password when it makes one."""

    help = "Load demo data once: an administrator, whose password is printed, and the users John Doe and Jane Smith."

    def handle(self, *args: Any, **options: Any) -> None:
        if User.objects.filter(email=ADMINISTRATOR).exists():
            # Once: who was changed or deleted since stays so.
            return
        with transaction.atomic():
            password = secrets.token_urlsafe(12)
            administrator = User.objects.create_superuser(ADMINISTRATOR, password, display_name="Administrator")
            for first_name, last_name, email in PEOPLE:
                create_user(
                    administrator, email=email, first_name=first_name, last_name=last_name,
                    display_name=f"{first_name} {last_name}", mailed=False,
                )  # fmt: skip
        self.stdout.write(f"Administrator {ADMINISTRATOR}, password {password} (shown only now)")
        self.stdout.write("Demo data is loaded.")

"""A service account and an API key for it, at the command line."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from access.services import create_api_key
from users.models import User
from users.queries import find_administrator
from users.services import create_service_account


class Command(BaseCommand):
    """Acts as an administrator, by the same services as the doors, so the change log tells who it was."""

    help = "Make an API key for a service account, and the account if it is not there. Prints the key, this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="of the account, as people will see it")
        parser.add_argument("--as", dest="administrator", required=True, help="the e-mail of an administrator")
        parser.add_argument(
            "--scopes", required=True, nargs="+", choices=settings.API_KEY_SCOPES, help="what the key is good for"
        )
        parser.add_argument("--key-name", default="", help="what the key is for (default: the account's name)")
        parser.add_argument("--days", type=int, help="how long the key is good (default: until it is revoked)")

    def handle(self, *args: Any, **options: Any) -> None:
        administrator = find_administrator(options["administrator"])
        if administrator is None:
            raise CommandError(f"{options['administrator']} is no administrator with an open account.")
        name, days = options["name"].strip(), options["days"]
        try:
            account = User.objects.filter(is_service=True, display_name=name).first()
            account = account or create_service_account(administrator, display_name=name)
            _, secret = create_api_key(
                administrator,
                user_id=str(account.pk),
                name=options["key_name"] or name,
                scopes=options["scopes"],
                expires_at=None if days is None else timezone.now() + timedelta(days=days),
            )
        except ValidationError as exc:
            raise CommandError(" ".join(exc.messages)) from exc
        self.stdout.write(f"Service account {account.display_name} ({account.pk}). Its key, shown only now:")
        self.stdout.write(secret)

"""Command that creates a service account and an API key for it."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from access.services import create_api_key
from core.errors import AlreadyExists
from users.models import User
from users.queries import find_administrator
from users.services import create_service_account


class Command(BaseCommand):
    """Creates a service account and a key as a named administrator.

    It uses the same services as the transports, so the change log records that administrator.
    """

    help = (
        "Create an API key for a service account, and the account if it does not exist. The key is printed once and"
        " cannot be shown again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="display name of the account")
        parser.add_argument("--as", dest="administrator", required=True, help="e-mail of an administrator")
        parser.add_argument(
            "--scopes", required=True, nargs="+", choices=settings.API_KEY_SCOPES, help="scopes of the key"
        )
        parser.add_argument("--key-name", default="", help="name of the key (default: the account's name)")
        parser.add_argument(
            "--certificate-uri",
            default="",
            metavar="URI",
            help="the credential is a client certificate with this URI among its subject alternative names; no key is"
            " printed",
        )
        parser.add_argument("--days", type=int, help="days until the key expires (default: it does not expire)")

    def handle(self, *args: Any, **options: Any) -> None:
        administrator = find_administrator(options["administrator"])
        if administrator is None:
            raise CommandError(f"{options['administrator']} is not an administrator with an active account.")
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
                certificate_uri=options["certificate_uri"],
            )
        except ValidationError as exc:
            raise CommandError(" ".join(exc.messages)) from exc
        except AlreadyExists as exc:
            raise CommandError(str(exc)) from exc
        if uri := options["certificate_uri"]:
            self.stdout.write(f"Service account {account.display_name} ({account.pk}), for certificates with {uri}.")
            return
        self.stdout.write(
            f"Service account {account.display_name} ({account.pk}). Its API key, which cannot be shown again:"
        )
        self.stdout.write(secret)

"""`manage.py prune`: delete rows and files whose retention has ended."""

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Call `prune` of each app's AppConfig. Meant to run daily; only the size of the tables depends on it."""

    help = (
        "Delete expired data: idempotency keys, rate limits, sessions, API keys, tickets, mailed tokens, ended jobs, "
        "changes, remains of interrupted uploads, recordings and transcripts whose retention has ended. Run it daily."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for app in apps.get_app_configs():
            for what, count in getattr(app, "prune", dict)().items():
                self.stdout.write(f"{count} {what} deleted.")

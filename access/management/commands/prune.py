"""Deletes what is past its time."""

from typing import Any

from django.core.management.base import BaseCommand

from access.services import prune_sessions
from core import idempotency, limits


class Command(BaseCommand):
    """To be run daily. Nothing depends on it but the size of the tables: what is past its time is not believed."""

    help = "Delete what is past its time: idempotency keys, limits, sessions that cannot be refreshed. Run it daily."

    def handle(self, *args: Any, **options: Any) -> None:
        for what, count in (
            ("idempotency keys", idempotency.prune()),
            ("limits", limits.prune()),
            ("sessions", prune_sessions()),
        ):
            self.stdout.write(f"{count} {what} deleted.")

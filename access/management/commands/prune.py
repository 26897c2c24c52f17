"""Deletes what is past its time."""

from typing import Any

from django.core.management.base import BaseCommand

from access.services import prune_sessions
from core import idempotency, limits
from core.jobs import rows as jobs
from users.services import mailed_tokens


class Command(BaseCommand):
    """To be run daily. Nothing depends on it but the size of the tables: what is past its time is not believed."""

    help = (
        "Delete what is past its time: idempotency keys, limits, sessions that cannot be refreshed, mailed tokens, "
        "jobs that ended. Run it daily."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for what, count in (
            ("idempotency keys", idempotency.prune()),
            ("limits", limits.prune()),
            ("sessions", prune_sessions()),
            ("mailed tokens", mailed_tokens.prune()),
            ("jobs", jobs.prune()),
        ):
            self.stdout.write(f"{count} {what} deleted.")

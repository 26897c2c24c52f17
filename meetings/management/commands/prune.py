"""Deletes what is past its time."""

from typing import Any

from django.core.management.base import BaseCommand

from access import services
from changes.feed import retention
from core import idempotency, limits
from core.jobs import rows as jobs
from meetings.services import recordings, resumable
from users.services import mailed_tokens


class Command(BaseCommand):
    """To be run daily. Nothing depends on it but the size of the tables: what is past its time is not believed."""

    help = (
        "Delete what is past its time: idempotency keys, limits, sessions, API keys, tickets, mailed tokens, jobs that "
        "ended, changes, what broken uploads left. Run it daily."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for what, count in (
            ("idempotency keys", idempotency.prune()),
            ("limits", limits.prune()),
            ("sessions", services.prune_sessions()),
            ("API keys", services.prune_api_keys()),
            ("tickets", services.prune_tickets()),
            ("mailed tokens", mailed_tokens.prune()),
            ("jobs", jobs.prune()),
            ("changes", retention.prune()),
            ("files of broken uploads", recordings.prune() + resumable.prune()),
        ):
            self.stdout.write(f"{count} {what} deleted.")

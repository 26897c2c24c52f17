"""`manage.py retention`: delete recordings and transcripts whose retention has ended, or verify that this was done."""

from argparse import ArgumentParser
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

from meetings.services import retention


class Command(BaseCommand):
    """Command for operators. The policy is set in the admin site."""

    help = "Delete the recordings and transcripts whose retention has ended. `prune` does the same daily."

    def add_arguments(self, parser: ArgumentParser) -> None:
        kinds = parser.add_mutually_exclusive_group()
        kinds.add_argument("--dry-run", action="store_true", help="only print what would be deleted")
        kinds.add_argument(
            "--verify",
            action="store_true",
            help="check that nothing is left of what is due or was deleted: in the storage, the tables, the change log "
            "and the stored answers; fail if something is",
        )

    def handle(self, *args: Any, dry_run: bool, verify: bool, **options: Any) -> None:
        if verify:
            self._verify()
        elif dry_run:
            for what, meetings in (
                ("recording", retention.due_recordings()), ("transcript", retention.due_transcripts())
            ):  # fmt: skip
                for meeting in meetings.order_by("pk"):
                    self.stdout.write(f"The {what} of meeting {meeting.pk} would be deleted.")
        else:
            for what, count in retention.delete_due().items():
                self.stdout.write(f"{count} {what} deleted.")

    def _verify(self) -> None:
        remains = [sentence for app in apps.get_app_configs() for sentence in getattr(app, "remains", list)()]
        for sentence in remains:
            self.stderr.write(sentence)
        if remains:
            raise CommandError(f"Retention is not complete: {len(remains)} findings.")
        self.stdout.write(
            "Nothing is left in the storage, the tables, the change log and the stored answers. "
            "Backups were not checked."
        )

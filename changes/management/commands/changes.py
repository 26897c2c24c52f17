"""`manage.py changes`: follow, prune and verify the change log."""

import json
import signal
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from changes.feed import cursors, log, numbering, retention, verification
from changes.feed.log import ChangeRecord, Head
from core.errors import Failure
from core.protojson import in_one_line

POLL_SECONDS = 0.2
MAX_FAULTS_SHOWN = 100
#: Operators see everything, so the cursors of this command depend on no rights.
_STAMP = cursors.stamp("changes tail", None, ())


class Command(BaseCommand):
    """Command for operators. It shows changes as logged, without checking permissions."""

    help = "Follow, prune or verify the change log, or invalidate all cursors after a restore."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        tail = commands.add_parser("tail", help="print changes as they are numbered, until Ctrl-C")
        tail.add_argument("--cursor", default="", help="resume after this cursor of `tail --json` (default: now)")
        tail.add_argument(
            "--json", action="store_true", help="print one JSON object per line, with row images and cursor"
        )
        commands.add_parser(
            "prune",
            help="delete changes older than CHANGES_KEPT_DAYS (0 = of no age), and the oldest beyond ten million",
        )
        commands.add_parser(
            "verify",
            help="check the whole log: no gaps, transactions undivided, versions in order, equal to the tables",
        )
        commands.add_parser(
            "new-epoch", help="invalidate all cursors after restoring a backup, so that clients start over"
        )

    def handle(self, *args: Any, command: str, **options: Any) -> None:
        # Treated as Ctrl-C, so that the embedded database is released.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            if command in ("tail", "verify"):
                _number()
            getattr(self, f"_{command.replace('-', '_')}")(**options)
        except Failure as exc:
            raise CommandError(exc.message) from exc

    def _tail(self, *, cursor: str, json: bool, **options: Any) -> None:
        head = log.read_head()
        after = cursors.read(cursor, _STAMP, head).seq if cursor else head.seq
        try:
            while True:
                head, until, changes = log.read(after)
                cursors.check_kept(after, head)
                for change in changes:
                    self.stdout.write(_as_json(change, head) if json else _as_line(change))
                self.stdout.flush()
                after = until
                if after == head.seq:
                    time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            self.stderr.write(f"Resume with --cursor {cursors.write(_STAMP, head.epoch, after)}")

    def _prune(self, **options: Any) -> None:
        self.stdout.write(f"{retention.prune()} changes deleted.")

    def _verify(self, **options: Any) -> None:
        faults = list(verification.faults())
        if faults:
            raise CommandError("\n".join([*faults[:MAX_FAULTS_SHOWN], f"{len(faults)} faults."]))
        head = log.read_head()
        self.stdout.write(f"Change log OK (sequence {head.oldest} to {head.seq}).")

    def _new_epoch(self, **options: Any) -> None:
        numbering.new_epoch()
        self.stdout.write("All cursors are invalid; clients start over.")


def _number() -> None:
    """Number the changes that have no number yet, unless another process is the leader and does so."""
    with connection.cursor() as cursor:
        if numbering.try_acquire_leadership():
            numbering.number()
            cursor.execute("SELECT pg_advisory_unlock_all()")


def _as_line(change: ChangeRecord) -> str:
    reason = f": {change.reason}" if change.reason else ""
    return (
        f"{change.seq} {change.occurred_at:%Y-%m-%d %H:%M:%S.%f} {change.subject_type} {change.subject_id} "
        f"{change.operation}, version {change.version}, by {change.actor}{reason}"
    )


def _as_json(change: ChangeRecord, head: Head) -> str:
    values = {
        "cursor": cursors.write(_STAMP, head.epoch, change.seq),
        "seq": change.seq,
        "subject_type": change.subject_type,
        "subject_id": change.subject_id,
        "subject_version": change.version,
        "operation": change.operation,
        "occurred_at": change.occurred_at.isoformat(),
        "actor": change.actor,
        "reason": change.reason,
        "old": change.old,
        "new": change.new,
    }
    return in_one_line(json.dumps(values, ensure_ascii=False))

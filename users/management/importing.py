"""Bringing users in from a file."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from core import bulk
from core.auth import Credential
from core.files.import_run import FileImport
from core.files.messages import Item, shown
from core.hmac_digests import hmac_digests
from core.operations import Call
from users import messages, services
from users.management.files import IMPORT


class Import(FileImport):
    """One run over the rows of a file of users.

    Args:
        actor: who brings them in.
        whole_rows: rows keep their hashes in the file of errors, so that they can be imported from there.
        send_resets: accounts without a password are mailed a token to set one.

    Attributes:
        without_password: how many of the accounts that were written have no password.
    """

    prefix = "user."

    def __init__(
        self,
        actor: Any,
        items: Iterator[Item],
        errors: Path,
        done: Callable[[], None],
        *,
        dry_run: bool = False,
        whole_rows: bool = False,
        send_resets: bool = False,
    ) -> None:
        super().__init__(items, errors, done, dry_run=dry_run)
        self.without_password = 0
        self._actor = actor
        self._whole_rows = whole_rows
        self._send_resets = send_resets

    def run(self) -> None:
        """Write the rows.

        Raises:
            PermissionDenied: the actor may not.
        """
        services.check_may_import(self._actor)
        self.run_to_its_end()

    def write(self, rows: Iterator[Any], done: Callable[[Sequence[bulk.BulkItem]], None]) -> None:
        bulk.write(
            Call(IMPORT, Credential(self._actor)),
            rows,
            messages.imported_fields,
            services.check_imported,
            partial(services.import_users, send_resets=self._send_resets),
            answer=services.import_answer,
            paths=messages.IMPORT_PATHS,
            done=done,
        )

    def prepared(self, item: Item) -> Any:
        """The message with a key, so that a second run knows it again."""
        message: Any = item.message
        if not message.request_id:
            # Keyed, as a plain hash of a row with a password hash would let anyone try what the row was.
            message.request_id = hmac_digests(message.SerializeToString(deterministic=True))[0].hex()
        return message

    def shown(self, item: Item) -> Any:
        return shown(item, IMPORT.method.input_type, masked=not self._whole_rows)

    def count(self, row: bulk.BulkItem) -> None:
        if not row.replayed and not row.instance.has_usable_password():
            self.without_password += 1

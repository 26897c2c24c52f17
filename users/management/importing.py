"""Import of users from a file."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from core import bulk
from core.actors import Actor
from core.auth import Credential
from core.files.import_run import FileImport
from core.files.messages import Item, json_values
from core.hmac_digests import hmac_digests
from core.operations import Call
from users import messages, services
from users.management.files import IMPORT


class Import(FileImport):
    """One import of the rows of a file of users.

    Args:
        actor: on whose behalf users are imported.
        whole_rows: whether failed rows keep their hashes in the file of errors, so that it can be imported.
        send_resets: whether accounts without a password are mailed a token to set one.

    Attributes:
        without_password: number of written accounts that have no password.
    """

    prefix = "user."

    def __init__(
        self,
        actor: Actor,
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
            PermissionDenied: the actor may not import users.
        """
        services.check_may_import(self._actor)
        self.run_to_its_end()

    def write(self, rows: Iterator[Any], done: Callable[[Sequence[bulk.BulkItem]], None]) -> None:
        bulk.write(
            Call(IMPORT, Credential(self._actor)),
            rows,
            messages.imported_fields,
            services.build_imported_users,
            partial(services.import_users, send_resets=self._send_resets),
            answer=services.import_answer,
            paths=messages.IMPORT_PATHS,
            done=done,
        )

    def prepare(self, item: Item) -> Any:
        """Return the message with an idempotency key, so that a second run recognizes it."""
        message: Any = item.message
        if not message.request_id:
            # A plain hash of a row with a password hash would allow guesses at the row, so the digest is keyed.
            message.request_id = hmac_digests(message.SerializeToString(deterministic=True))[0].hex()
        return message

    def json_values(self, item: Item) -> Any:
        return json_values(item, IMPORT.method.input_type, masked=not self._whole_rows)

    def count(self, row: bulk.BulkItem) -> None:
        if not row.replayed and not row.instance.has_usable_password():
            self.without_password += 1

"""Writing users to a file, as an import takes them."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from django.db import transaction

from core.files.messages import csv_writer, jsonl_writer
from users.management.files import CSV, exported_columns
from users.messages import imported_row
from users.passwords.imported_hashes import portable_form
from users.queries import every_person

_BATCH_SIZE = 1_000


def export_users(
    actor: Any, file: TextIO, file_format: str, *, with_password_hashes: bool, done: Callable[[int], Any]
) -> int:
    """Writes all accounts of people that the actor may see, as they are at one moment; gives how many.

    Args:
        done: told how many were written since the last time.
    """
    if file_format == CSV:
        write = csv_writer(exported_columns(with_password_hashes=with_password_hashes), file)
    else:
        write = jsonl_writer(file)
    count = 0
    # In a transaction the cursor stays with the server, and rows come as they are written.
    with transaction.atomic():
        for user in every_person(actor).iterator(chunk_size=_BATCH_SIZE):
            write(imported_row(user, actor, portable_form(user.password) if with_password_hashes else ""))
            count += 1
            if not count % _BATCH_SIZE:
                done(_BATCH_SIZE)
    done(count % _BATCH_SIZE)
    return count


@contextmanager
def written_whole(path: str) -> Iterator[TextIO]:
    """A new file that takes this path when it is whole, and is gone if it never is; `-` is standard output."""
    if path == "-":
        # Without Python's own translation of line ends and names of encodings.
        with open(sys.stdout.fileno(), "w", encoding="utf-8", newline="", closefd=False) as out:
            yield out
        return
    target = Path(path).resolve()
    # Made for its owner's eyes only.
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink()
        raise

"""Export of users to a file that an import can read."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from django.db import transaction

from core.actors import Actor
from core.files.messages import csv_writer, jsonl_writer
from users.management.files import CSV, exported_columns
from users.messages import imported_row
from users.passwords.imported_hashes import portable_form
from users.queries import every_person

_BATCH_SIZE = 1_000


def export_users(
    actor: Actor, file: TextIO, file_format: str, *, with_password_hashes: bool, done: Callable[[int], Any]
) -> int:
    """Write all accounts of people that the actor may see, in one snapshot, and return how many.

    Args:
        done: called with the number of accounts written since the last call.
    """
    if file_format == CSV:
        write = csv_writer(exported_columns(with_password_hashes=with_password_hashes), file)
    else:
        write = jsonl_writer(file)
    count = 0
    # In a transaction, Django uses a server-side cursor, so the rows are not all kept in memory.
    with transaction.atomic():
        for user in every_person(actor).iterator(chunk_size=_BATCH_SIZE):
            write(imported_row(user, actor, portable_form(user.password) if with_password_hashes else ""))
            count += 1
            if not count % _BATCH_SIZE:
                done(_BATCH_SIZE)
    done(count % _BATCH_SIZE)
    return count


@contextmanager
def atomic_file(path: str) -> Iterator[TextIO]:
    """Open a new file that replaces `path` when it is complete, and is deleted on an error; `-` is standard output."""
    if path == "-":
        # Opened again, so that line ends and the encoding do not depend on the environment.
        with open(sys.stdout.fileno(), "w", encoding="utf-8", newline="", closefd=False) as out:
            yield out
        return
    target = Path(path).resolve()
    # `mkstemp` lets only the owner read the file.
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

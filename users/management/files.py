"""Formats and columns of files of users."""

from pathlib import Path

from core.files.messages import Columns, columns_of
from core.operations import Operation, operations
from tandem.user.v1 import user_pb2
from users.handlers import user as handlers
from users.messages import IMPORT_PATHS

CSV, JSONL, JSON = "csv", "jsonl", "json"
#: Suffix of a file's name → its format.
SUFFIXES = {".csv": CSV, ".tsv": CSV, ".jsonl": JSONL, ".ndjson": JSONL, ".json": JSON}
PASSWORD_HASH = "password_hash"  # noqa: S105 - the name of a column

#: The operation whose requests the rows are.
IMPORT: Operation = next(
    operation
    for operation in operations(user_pb2.DESCRIPTOR.services_by_name["UserService"], handlers)
    if operation.rpc == "BulkImportUsers"
)


def columns() -> Columns:
    """Return the fields that an import reads, by their names as CSV columns: `email` for the path `user.email`."""
    imported = {*IMPORT_PATHS.values(), PASSWORD_HASH, "request_id"}
    return {
        ".".join(path).removeprefix("user."): (path, field)
        for path, field in columns_of(IMPORT.method.input_type)
        if not imported.isdisjoint((".".join(path), ".".join(path[:-1])))
    }


def exported_columns(*, with_password_hashes: bool) -> Columns:
    """Return the columns that an export writes. Of a telephone number, E.164 suffices."""
    omitted = {"request_id", "phone.country_code", "phone.national_number"}
    if not with_password_hashes:
        omitted.add(PASSWORD_HASH)
    return {name: column for name, column in columns().items() if name not in omitted}


def format_of(path: str, chosen: str | None) -> str | None:
    """Return the format of this file; None if it is unknown. The default for `-` is JSON Lines."""
    return chosen or (JSONL if path == "-" else SUFFIXES.get(Path(path).suffix.lower()))

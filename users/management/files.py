"""Files of users: what their rows are."""

from pathlib import Path

from core.files.messages import Columns, columns_of
from core.operations import Operation, operations
from tandem.user.v1 import user_pb2
from users.handlers import user as calls
from users.messages import IMPORT_PATHS

CSV, JSONL, JSON = "csv", "jsonl", "json"
#: The end of a file's name → its format.
SUFFIXES = {".csv": CSV, ".tsv": CSV, ".jsonl": JSONL, ".ndjson": JSONL, ".json": JSON}
PASSWORD_HASH = "password_hash"  # noqa: S105 - a name

#: Whose requests the rows are.
IMPORT: Operation = next(
    operation
    for operation in operations(user_pb2.DESCRIPTOR.services_by_name["UserService"], calls)
    if operation.rpc == "BulkImportUsers"
)


def columns() -> Columns:
    """What an import takes of a row, by the names of the CSV columns: paths without `user.`."""
    taken = {*IMPORT_PATHS.values(), PASSWORD_HASH, "request_id"}
    return {
        ".".join(path).removeprefix("user."): (path, field)
        for path, field in columns_of(IMPORT.method.input_type)
        if not taken.isdisjoint((".".join(path), ".".join(path[:-1])))
    }


def exported_columns(*, with_password_hashes: bool) -> Columns:
    """Those that an export fills: of a telephone number E.164, which says it all."""
    left_out = {"request_id", "phone.country_code", "phone.national_number"}
    if not with_password_hashes:
        left_out.add(PASSWORD_HASH)
    return {name: column for name, column in columns().items() if name not in left_out}


def format_of(path: str, chosen: str | None) -> str | None:
    """The format of this file, `-` being JSON Lines unless another is chosen; None if that cannot be told."""
    return chosen or (JSONL if path == "-" else SUFFIXES.get(Path(path).suffix.lower()))

"""Source for Firebase Authentication: files of `firebase auth:export`, in JSON or in CSV without a header."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from core.files.foreign import Input, Notes, Record, records_of_json, table
from core.files.messages import BadFile
from users.management.sources.accounts import ACTIVE, DEACTIVATED, Account, truth
from users.passwords.hash_notations import firebase_scrypt, from_base64

#: The columns of the CSV file. Those of the identity providers are not imported.
COLUMNS = (
    "localId", "email", "emailVerified", "passwordHash", "salt", "displayName", "photoUrl",
    *(f"{provider}{part}" for provider in ("google", "facebook", "twitter", "github")
      for part in ("Id", "Email", "DisplayName", "PhotoUrl")),
    "createdAt", "lastSignedInAt", "phoneNumber", "disabled", "customAttributes",
)  # fmt: skip
_MIN_COLUMNS = COLUMNS.index("phoneNumber") + 1
_PATHS = {
    "localid": "", "email": "email", "emailverified": "email_verified", "displayname": "", "photourl": "avatar_url",
    "createdat": "audit.created_at", "lastsignedinat": "last_login_at", "lastloginat": "last_login_at",
    "phonenumber": "phone.e164", "disabled": "", "passwordhash": "", "salt": "", "passwordupdatedat": "",
    "validsince": "", "lastrefreshat": "", "version": "",
}  # fmt: skip
_NAMES = {
    "signer_key": r"base64_signer_key", "salt_separator": r"base64_salt_separator", "rounds": r"rounds",
    "memory_cost": r"mem_cost",
}  # fmt: skip


@dataclass(frozen=True)
class Parameters:
    """Hash parameters of a project, as its console shows them ("Password hash parameters")."""

    signer_key: bytes
    salt_separator: bytes
    rounds: int
    memory_cost: int


def parameters(values: Mapping[str, Any]) -> Parameters | None:
    """Return the parameters in the options of the command line; None if all are empty.

    Raises:
        BadFile: a parameter is missing or malformed.
    """
    if not any(values.values()):
        return None
    if missing := [name for name in _NAMES if not values.get(name)]:
        raise BadFile(f"Firebase's hash parameters lack {', '.join(missing)}.")
    signer_key, separator = from_base64(str(values["signer_key"])), from_base64(str(values["salt_separator"]))
    try:
        rounds, memory_cost = int(values["rounds"]), int(values["memory_cost"])
    except (TypeError, ValueError):
        rounds = memory_cost = 0
    if not signer_key or separator is None or not 1 <= rounds <= 8 or not 1 <= memory_cost <= 14:
        raise BadFile(
            "Invalid Firebase hash parameters: keys must be base64, rounds 1 to 8, and the memory cost 1 to 14."
        )
    return Parameters(signer_key, separator, rounds, memory_cost)


def parameters_in(text: str) -> dict[str, Any]:
    """Read the parameters in the text of a file: JSON, or `hash_config { … }` as the console shows it."""
    try:
        values = json.loads(text)
    except ValueError:
        values = dict(re.findall(r"(\w+)\s*:\s*\"?([^\s,\"}]+)", text))
    if not isinstance(values, dict):
        values = {}
    values = values.get("hash_config", values)
    return {name: values.get(firebase_name, values.get(name)) for name, firebase_name in _NAMES.items()}


def records(file: Input, notes: Notes) -> Iterator[Record]:
    if file.begins_as_json:
        yield from records_of_json(file, "users")
        return
    has_rows = False
    for line, cells in table(file, notes):
        if is_row(cells):
            has_rows = True
            yield Record(line, dict(zip(COLUMNS, cells, strict=False)))
            continue
        message = f"Line {line} is not a row of Firebase's export, which has at least {_MIN_COLUMNS} columns."
        if not has_rows:
            raise BadFile(message)
        yield Record(line, {}, ValidationError(message, code="cells"))


def is_row(cells: list[str]) -> bool:
    """Return whether these cells may be a row of the CSV file."""
    return len(cells) >= _MIN_COLUMNS and cells[2].lower() in ("true", "false")


def take(hash_parameters: Parameters | None, values: Mapping[str, Any], account: Account) -> bool:
    account.take_all(values, _PATHS)
    account.name(values.get("displayName"))
    if truth(values.get("disabled")):
        account.take("status", DEACTIVATED)
    elif not truth(values.get("emailVerified")):
        # Firebase permits such an account to sign in.
        account.take("status", ACTIVE)
    hash_value, salt = from_base64(values.get("passwordHash") or ""), from_base64(values.get("salt") or "")
    if hash_parameters is not None and hash_value and salt is not None:
        account.take_password(firebase_scrypt(hash_value, salt, **vars(hash_parameters)))
    elif values.get("passwordHash"):
        account.leave("password_hash (its scheme cannot be checked)")
    return True

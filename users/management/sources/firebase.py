"""Firebase Authentication: what `firebase auth:export` writes, as JSON or as CSV without a heading."""

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

#: The columns of the CSV file; those of the identity providers have no place here.
COLUMNS = (
    "localId", "email", "emailVerified", "passwordHash", "salt", "displayName", "photoUrl",
    *(f"{provider}{part}" for provider in ("google", "facebook", "twitter", "github")
      for part in ("Id", "Email", "DisplayName", "PhotoUrl")),
    "createdAt", "lastSignedInAt", "phoneNumber", "disabled", "customAttributes",
)  # fmt: skip
_LEAST_COLUMNS = COLUMNS.index("phoneNumber") + 1
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
    """A project's hash parameters, which its console shows ("Password hash parameters")."""

    signer_key: bytes
    salt_separator: bytes
    rounds: int
    memory_cost: int


def parameters(given: Mapping[str, Any]) -> Parameters | None:
    """The parameters from the command line's options; None if none was given.

    Raises:
        BadFile: one is missing, or malformed.
    """
    if not any(given.values()):
        return None
    if missing := [name for name in _NAMES if not given.get(name)]:
        raise BadFile(f"Firebase's hash parameters lack {', '.join(missing)}.")
    signer_key, separator = from_base64(str(given["signer_key"])), from_base64(str(given["salt_separator"]))
    try:
        rounds, memory_cost = int(given["rounds"]), int(given["memory_cost"])
    except (TypeError, ValueError):
        rounds = memory_cost = 0
    if not signer_key or separator is None or not 1 <= rounds <= 8 or not 1 <= memory_cost <= 14:
        raise BadFile("Firebase's hash parameters: keys are in base64, rounds 1 to 8, the memory cost 1 to 14.")
    return Parameters(signer_key, separator, rounds, memory_cost)


def parameters_in(text: str) -> dict[str, Any]:
    """The parameters in a file: JSON, or `hash_config { … }` as the console shows it."""
    try:
        values = json.loads(text)
    except ValueError:
        values = dict(re.findall(r"(\w+)\s*:\s*\"?([^\s,\"}]+)", text))
    if not isinstance(values, dict):
        values = {}
    values = values.get("hash_config", values)
    return {ours: values.get(theirs, values.get(ours)) for ours, theirs in _NAMES.items()}


def records(file: Input, notes: Notes) -> Iterator[Record]:
    if file.begins_as_json:
        yield from records_of_json(file, "users")
        return
    known = False
    for line, cells in table(file, notes):
        if is_row(cells):
            known = True
            yield Record(line, dict(zip(COLUMNS, cells, strict=False)))
            continue
        message = f"Line {line} is no row of Firebase's export, which has at least {_LEAST_COLUMNS} columns."
        if not known:
            raise BadFile(message)
        yield Record(line, {}, ValidationError(message, code="cells"))


def is_row(cells: list[str]) -> bool:
    """Whether these may be a row of the CSV file."""
    return len(cells) >= _LEAST_COLUMNS and cells[2].lower() in ("true", "false")


def take(hash_parameters: Parameters | None, values: Mapping[str, Any], account: Account) -> bool:
    account.take_all(values, _PATHS)
    account.name(values.get("displayName"))
    if truth(values.get("disabled")):
        account.take("status", DEACTIVATED)
    elif not truth(values.get("emailVerified")):
        # Firebase lets such an account sign in.
        account.take("status", ACTIVE)
    made, salt = from_base64(values.get("passwordHash") or ""), from_base64(values.get("salt") or "")
    if hash_parameters is not None and made and salt is not None:
        account.take_password(firebase_scrypt(made, salt, **vars(hash_parameters)))
    elif values.get("passwordHash"):
        account.leave("password_hash (its scheme cannot be checked)")
    return True

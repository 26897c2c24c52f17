"""Exports of other systems: how to recognize them, find their records and convert these.

A source converts a record to a row of BulkImportUsers. Values for which our accounts have no field are omitted and
counted. Roles are only imported if `--map` requests it, because they permit other actions in another system.
"""

import csv
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError

from core import protojson
from core.files.foreign import Input, Notes, Record, key, lookup, records_of_json, records_of_table, table
from core.files.messages import BadFile, Item
from users.management.files import IMPORT, columns
from users.management.sources import applications, firebase, providers
from users.management.sources.accounts import Account

#: Function that copies a record's values to an account; it returns False if the record is not of a person.
Take = Callable[[Mapping[str, Any], Account], bool]


@dataclass(frozen=True)
class Source:
    """Another system.

    Attributes:
        label: name of its file, as in "This looks like …".
        records: function that finds the records in a file.
        take: function that converts a record to an account.
        names: the columns that its CSV files may have, by `key`; empty = its CSV files have no header.
        marks: sets of texts; a file of the system contains all texts of one set at its start. Those of a CSV file are
            the `key`s of the header.
    """

    label: str
    records: Callable[[Input, Notes], Iterator[Record]]
    take: Take
    names: Collection[str]
    marks: tuple[frozenset[str], ...]


def any_records(*inside: str) -> Callable[[Input, Notes], Iterator[Record]]:
    """Return a function that finds the records of a CSV file or a JSON document; see `records_of_json`."""

    def records(file: Input, notes: Notes) -> Iterator[Record]:
        if file.begins_as_json:
            return records_of_json(file, *inside)
        return records_of_table(table(file, notes))

    return records


def _take_own(values: Mapping[str, Any], account: Account) -> bool:
    """Copy the values of a file of an unknown system, whose columns `--map` or our own names identify."""
    names = columns()
    account.take_all(values, {key(name): name for name in names if name != "request_id"})
    return True


def _marks(*sets: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(marks.split()) for marks in sets)


MAPPED = Source("such a file", any_records("users", "items", "data"), _take_own, frozenset(map(key, columns())), ())
SOURCES = {
    "auth0": Source(
        "an Auth0 export", any_records(), providers.auth0, providers.AUTH0,
        _marks('"email_verified" "user_id"', '"Given Name" "Email"', '"passwordHash" "_id"', '"custom_password_hash"',
               "id givenname familyname email", "userid email emailverified", "id email emailverified nickname"),
    ),
    "keycloak": Source(
        "a Keycloak realm", any_records("users"), providers.keycloak, providers.KEYCLOAK,
        _marks('"realm" "users"', '"users" "createdTimestamp"', '"realm" "enabled"', '"credentialData"',
               '"username" "createdTimestamp"'),
    ),
    "firebase": Source(
        "a Firebase export", firebase.records, partial(firebase.take, None), (),
        _marks('"localId"'),
    ),
    "django": Source(
        "users of Django", applications.django_records, applications.django, applications.DJANGO,
        _marks('"model" "fields" "password"', "password username email datejoined", "password issuperuser isactive"),
    ),
    "wordpress": Source(
        "WordPress' wp_users", any_records(), applications.wordpress, applications.WORDPRESS,
        _marks("userlogin userpass useremail", "userlogin useremail", '"user_login" "user_email"'),
    ),
    "okta": Source(
        "an Okta export", any_records(), providers.okta, providers.OKTA,
        _marks('"profile" "login"', "login email firstname lastname", "userid firstname lastname login",
               "username primaryemail"),
    ),
    "google": Source(
        "a Google Workspace export", any_records(), providers.google, providers.GOOGLE,
        _marks("firstname lastname emailaddress", "emailaddress orgunitpath"),
    ),
    "supabase": Source(
        "Supabase's auth.users", any_records(), providers.supabase, providers.SUPABASE,
        _marks("encryptedpassword email", '"encrypted_password"'),
    ),
    "kratos": Source(
        "identities of Ory Kratos", any_records("identities"), providers.kratos, providers.KRATOS,
        _marks('"traits" "schema_id"', '"traits" "credentials"', '"identities" "traits"'),
    ),
}  # fmt: skip


def with_firebase_parameters(parameters: firebase.Parameters | None) -> Source:
    """Return Firebase's source with the project's parameters, without which passwords cannot be checked."""
    return replace(SOURCES["firebase"], take=partial(firebase.take, parameters))


def with_usermeta(file: Input, notes: Notes) -> Source:
    """Return WordPress' source with the values of its table `wp_usermeta`."""
    return replace(SOURCES["wordpress"], take=partial(applications.with_usermeta, applications.usermeta(file, notes)))


def recognised(head: bytes) -> str | None:
    """Return the system whose export starts with this text; None if it is unclear."""
    text = head.decode(errors="replace")
    if text.lstrip()[:1] in ("{", "["):
        found = {mark for source in SOURCES.values() for marks in source.marks for mark in marks if mark in text}
    else:
        first = text.lstrip("\r\n").splitlines()[0] if text.strip() else ""
        delimiter = max(",;\t|", key=first.count)
        try:
            cells = next(csv.reader([first], delimiter=delimiter), [])
        except csv.Error:
            return None
        if firebase.is_row(cells):
            return "firebase"
        found = {key(cell) for cell in cells}
    fitting = [(max(map(len, fit)), name) for name, source in SOURCES.items() if (fit := _fit(source, found))]
    return max(fitting)[1] if fitting else None


def _fit(source: Source, found: set[str]) -> list[frozenset[str]]:
    return [marks for marks in source.marks if marks <= found]


def fields_of(mapped: Mapping[str, str]) -> dict[str, str]:
    """Complete the names of fields of `--map`: `phone` is `phone.e164`, `language` is `profile.language`.

    Raises:
        BadFile: a field does not exist.
    """
    whole = [name for name in columns() if name != "request_id"]
    short = {name.rpartition(".")[2]: name for name in whole} | {"phone": "phone.e164"} | {name: name for name in whole}
    if unknown := sorted(set(mapped.values()) - short.keys()):
        raise BadFile(f"Unknown field: {', '.join(unknown)}. Choose from: {', '.join(whole)}.")
    return {name: short[field] for name, field in mapped.items()}


def items(source: Source, file: Input, mapped: Mapping[str, str], notes: Notes) -> Iterator[Item]:
    """Convert the records of a file to rows.

    Args:
        mapped: name or dotted path in a record → field. It takes precedence over the source's own conversion.
        notes: counts the values for which our accounts have no field.

    Raises:
        BadFile: raised by the iterator: the file is not of this source, or lacks a mapped column.
    """
    empty, checked = True, False
    for record in source.records(file, notes):
        if record.problem is not None:
            empty = False
            yield Item(record.place, record.problem, {})
            continue
        values = dict(record.values)
        if not checked and source.names and not file.begins_as_json:
            _check_columns(source, values, mapped)
        empty, checked = False, True
        mapped_values = {field: lookup(values, name) for name, field in mapped.items()}
        for name in mapped:
            values.pop(name, None)
        account = Account(notes)
        try:
            if not source.take(values, account):
                continue
            for field, value in mapped_values.items():
                account.take(field, value)
        except (AttributeError, LookupError, TypeError, ValueError):
            yield Item(record.place, ValidationError(f"This is not a record of {source.label}.", code="format"), {})
            continue
        yield _item(record.place, account.row)
    if empty:
        raise BadFile("The file contains no account.")


def own_array(file: Input) -> Iterator[Item]:
    """Return the rows of a JSON array in the format of our export."""
    for record in records_of_json(file):
        yield Item(record.place, record.problem, {}) if record.problem else _item(record.place, record.values)


def _check_columns(source: Source, values: Mapping[str, Any], mapped: Iterable[str]) -> None:
    """Raise BadFile unless the first row is a header. It may hold personal data, which must not be shown as columns."""
    if missing := [name for name in mapped if name not in values]:
        raise BadFile(f"The file has no column {', '.join(map(repr, missing))}, which --map names.")
    if not any(name in mapped or key(name) in source.names for name in values):
        raise BadFile(f"The first row is not a header of {source.label}: no cell is the name of a known column.")


def _item(place: int, row: dict[str, Any]) -> Item:
    try:
        return Item(place, protojson.from_json(IMPORT.request_class, row), row)
    except ValidationError as exc:
        return Item(place, exc, row)

"""Sources for tables of users: Django's and WordPress'."""

from collections.abc import Iterator, Mapping
from typing import Any

from core.files.foreign import Input, Notes, Record, key, records_of_json, records_of_table, table
from core.files.messages import BadFile
from users.management.sources.accounts import ACTIVE, DEACTIVATED, Account, truth

DJANGO = {
    "email": "email", "password": "password_hash", "firstname": "first_name", "lastname": "last_name",
    "datejoined": "audit.created_at", "lastlogin": "last_login_at", "username": "", "isactive": "", "id": "", "pk": "",
}  # fmt: skip
WORDPRESS = {
    "useremail": "email", "userpass": "password_hash", "displayname": "", "userlogin": "", "usernicename": "",
    "firstname": "first_name", "lastname": "last_name", "userurl": "profile.website", "description": "profile.bio",
    "locale": "profile.language", "userregistered": "audit.created_at", "useractivationkey": "", "userstatus": "",
    "id": "", "spam": "", "deleted": "", "nickname": "",
}  # fmt: skip


#: Keys of WordPress' table `wp_usermeta` that are imported.
USERMETA = ("first_name", "last_name", "nickname", "description", "locale")


def django_records(file: Input, notes: Notes) -> Iterator[Record]:
    """Return the records of a table of users in CSV, or of `dumpdata`, whose other objects are counted."""
    if not file.begins_as_json:
        yield from records_of_table(table(file, notes))
        return
    for record in records_of_json(file):
        fields = record.values.get("fields")
        if not isinstance(fields, dict):
            yield record
        elif "password" in fields and "email" in fields:
            yield Record(record.place, fields)
        else:
            notes[f"objects of {record.values.get('model')}"] += 1


def django(values: Mapping[str, Any], account: Account) -> bool:
    closed = truth(values.get("is_active")) is False
    # Rights that a user lacks, which are `f` in PostgreSQL's CSV, are not counted as omitted.
    values = {name: value for name, value in values.items() if not (name.startswith("is_") and truth(value) is False)}
    account.take_all(values, DJANGO)
    account.name("", *([values.get("username")] if not values.get("first_name") else []))
    account.take("status", DEACTIVATED if closed else ACTIVE)
    return True


def wordpress(values: Mapping[str, Any], account: Account) -> bool:
    values = {name: "" if str(value).startswith("0000-00-00") else value for name, value in values.items()}
    account.take_all(values, WORDPRESS)
    by_name = {name.lower(): value for name, value in values.items()}
    account.name(by_name.get("display_name"), by_name.get("user_login"))
    if truth(by_name.get("spam")) or truth(by_name.get("deleted")):
        account.take("status", DEACTIVATED)
    else:
        account.take("status", ACTIVE)
    return True


def usermeta(file: Input, notes: Notes) -> dict[str, dict[str, str]]:
    """Read the table `wp_usermeta`: user's id → key → value; keys that are not imported are counted.

    It is kept in memory, with a few keys per user, because its rows are in another order than the users.

    Raises:
        BadFile: the file is not such a table.
    """
    found: dict[str, dict[str, str]] = {}
    for record in records_of_table(table(file, notes)):
        values = {key(name): value for name, value in record.values.items()}
        if record.problem is not None:
            notes["rows of usermeta with more cells than the heading"] += 1
            continue
        if not {"userid", "metakey", "metavalue"} <= values.keys():
            raise BadFile("wp_usermeta must have the columns user_id, meta_key and meta_value.")
        if values["metakey"] in USERMETA:
            found.setdefault(values["userid"], {})[values["metakey"]] = values["metavalue"]
        elif values["metavalue"]:
            notes[f"usermeta {values['metakey']}"] += 1
    return found


def with_usermeta(found: Mapping[str, Mapping[str, str]], values: Mapping[str, Any], account: Account) -> bool:
    own = next((found.get(str(value), {}) for name, value in values.items() if key(name) == "id"), {})
    return wordpress({**own, **values}, account)

"""Conversion of an account of another system to a row of BulkImportUsers."""

import datetime
import re
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from core.db import ids
from core.files.foreign import Notes, key
from users.models import User
from users.passwords.imported_hashes import is_known_scheme

ACTIVE, PENDING, DEACTIVATED, SUSPENDED = "active", "pending_verification", "deactivated", "suspended"
#: Spellings of truth values, in lower case.
TRUTHS = {"true": True, "t": True, "yes": True, "1": True, "false": False, "f": False, "no": False, "0": False}
#: Accepted formats of times, besides ISO 8601.
_FORMATS = ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y", "%a %b %d %Y %H:%M:%S")
_SHORT_OFFSET = re.compile(r"(\d)\s*([+-]\d\d)$")
#: Numbers above it are milliseconds since 1970, numbers below it are seconds.
_MILLISECONDS_FROM = 100_000_000_000
#: Fields whose invalid values are omitted and counted, instead of failing the row.
_SECONDARY = {
    "avatar_url": "avatar_url", "profile.bio": "bio", "profile.gender": "gender", "profile.language": "language",
    "profile.currency": "currency", "profile.timezone": "timezone", "profile.company": "company",
    "profile.website": "website",
}  # fmt: skip
_MOMENTS = ("audit.created_at", "last_login_at")
_BOOLEANS = ("email_verified", "phone_verified")
_EMPTY: tuple[Any, ...] = (None, "", [], {}, False)


class Account:
    """Builder of the row of one account.

    Args:
        notes: counts the values for which our accounts have no field.

    Attributes:
        row: the request in JSON.
    """

    def __init__(self, notes: Notes) -> None:
        self.row: dict[str, Any] = {"user": {}}
        self._notes = notes

    def take(self, path: str, value: Any) -> None:
        """Set a field of the user, by its path, from any form of the other system. Empty values are skipped."""
        if isinstance(value, str):
            value = value.strip()
        if value is None or value in ("", [], {}):
            return
        if path == "password_hash":
            self.take_password(str(value))
            return
        converted = _convert(path, value)
        if converted is None:
            self.leave(f"{path} (not valid here)")
            return
        *parents, leaf = path.split(".")
        place = self.row["user"]
        for name in parents:
            place = place.setdefault(name, {})
        place[leaf] = converted

    def take_all(self, values: Mapping[str, Any], paths: Mapping[str, str]) -> None:
        """Set the values that have a path, skip those whose path is empty, and count the others by name.

        Args:
            paths: by `key` of the name.
        """
        for name, value in values.items():
            path = paths.get(key(name))
            if path:
                self.take(path, value)
            elif path is None and value not in _EMPTY:
                self.leave(name)

    def take_password(self, text: str) -> None:
        """Set the password's hash. A hash of a scheme that cannot be checked is omitted and counted."""
        if is_known_scheme(text):
            self.row["password_hash"] = text
        elif text.strip("*") and not text.startswith("!"):
            self.leave("password_hash (its scheme cannot be checked)")

    def leave(self, name: str) -> None:
        """Count a value that is omitted."""
        self._notes[name] += 1

    def name(self, *candidates: Any) -> None:
        """Set the display name to the first candidate that is not an e-mail address, because all users see names."""
        user = self.row["user"]
        whole = " ".join(filter(None, (user.get("first_name"), user.get("last_name"))))
        for candidate in (*candidates, whole):
            if isinstance(candidate, str) and candidate.strip() and "@" not in candidate:
                user["display_name"] = candidate.strip()[:200]
                return


def moment(value: Any) -> str | None:
    """Convert a time to its form in JSON, from ISO 8601, seconds or milliseconds since 1970, or `_FORMATS`.

    A time without an offset is in UTC. The result is None if the value is not a time.
    """
    if isinstance(value, dict):  # MongoDB's extended JSON.
        value = value.get("$date")
    try:
        if isinstance(value, str) and re.fullmatch(r"\d{9,14}", value):
            value = int(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if value > _MILLISECONDS_FROM else value
            return _format(datetime.datetime.fromtimestamp(seconds, datetime.UTC))
        return _format(_from_text(str(value).strip()))
    except (ValueError, OverflowError, OSError):
        return None


def truth(value: Any) -> bool | None:
    """Parse a truth value; None if it is not one."""
    if isinstance(value, bool):
        return value
    return TRUTHS.get(str(value).strip().lower())


def _from_text(text: str) -> datetime.datetime:
    text = _SHORT_OFFSET.sub(r"\1\2:00", text.removesuffix(" UTC")) if ":" in text else text
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        for form in _FORMATS:
            try:
                return datetime.datetime.strptime(text, form).replace(tzinfo=datetime.UTC)
            except ValueError:
                continue
        raise


def _format(at: datetime.datetime) -> str:
    at = at.replace(tzinfo=datetime.UTC) if at.tzinfo is None else at.astimezone(datetime.UTC)
    if at.year < 1900:
        raise ValueError
    return at.isoformat().replace("+00:00", "Z")


def _convert(path: str, value: Any) -> Any:
    """Convert a value to the field's form in JSON; None if it is not valid."""
    if path in _MOMENTS:
        return moment(value)
    if path in _BOOLEANS:
        return truth(value)
    if path == "id":
        user_id = ids.parsed(str(value))
        return user_id and str(user_id)
    if path == "profile.date_of_birth":
        at = moment(value)
        return at and at[:10]
    if path == "roles":
        parts = value if isinstance(value, list) else re.split(r"[,;|]", str(value))
        return [str(part).strip().lower() for part in parts if str(part).strip()]
    if path == "phone.e164":
        return _phone(str(value))
    if path == "profile.language":
        value = re.split(r"[-_]", str(value))[0].lower()
    if path in _SECONDARY:
        try:
            return _cleaned(_SECONDARY[path], str(value))
        except ValidationError:
            return None
    return value.lower() if path == "status" and isinstance(value, str) else str(value)


def _phone(text: str) -> str | None:
    try:
        number = f"+{text[2:]}" if text.startswith("00") else text
        return str(_cleaned("phone", number) or "") or None
    except ValidationError:
        return None


def _cleaned(name: str, value: str) -> Any:
    field: Any = User._meta.get_field(name)
    return field.clean(value, None) or None

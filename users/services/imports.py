"""Bulk import of users from other systems, with their password hashes."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.exceptions import PermissionDenied

from changes.queries import first_versions
from changes.services import acting
from core.actors import Actor
from core.bulk import ITEM_ERRORS, BulkItem, Chunk
from core.db import ids
from core.db.bulk_insert import insert_many
from core.db.integrity import translate_integrity_errors
from core.errors import AlreadyExists, Violation, invalid
from core.jobs import enqueue
from users import policies
from users.metrics import users_created
from users.models import Role, Status, User
from users.passwords.imported_hashes import is_known_scheme, stored_form
from users.services.checks import clean_new_user, local_part

#: Stored value of accounts without a password. All share it, because it matches no password.
_NO_PASSWORD = make_password(None)
_UNKNOWN = (
    "The scheme of this hash is not supported. Send a hash of bcrypt, Argon2, scrypt, PBKDF2, phpass, SHA-crypt, "
    "{SSHA}, Firebase, WordPress or ASP.NET Identity, or omit it."
)
_COSTLY = "This hash is truncated, or verifying it would take too much time or memory; omit it."


def check_may_import(actor: Actor) -> None:
    """Raise PermissionDenied unless the actor may import users, as administrators may."""
    if not policies.may_administer(actor):
        raise PermissionDenied("Only an administrator may import users.")


def build_imported_users(actor: Actor, many: Sequence[Mapping[str, Any]]) -> list[User | Exception]:
    """Build and check accounts, without saving them. Return the account, or its error, of each of `many`.

    The default of `status` is active if the e-mail is verified, else pending verification.

    Args:
        many: the fields of `User` and `password_hash` of each.

    Raises:
        PermissionDenied
    """
    check_may_import(actor)
    return [_built_or_error(actor, values) for values in many]


def import_users(actor: Actor, chunk: Chunk, *, send_resets: bool = False) -> None:
    """Write accounts that `build_imported_users` has built. A row that fails has a `problem`.

    Args:
        send_resets: whether open accounts without a password are mailed a token to set one. No other mail is sent.

    Raises:
        PermissionDenied
    """
    check_may_import(actor)
    with acting(actor, "import"):
        chunk.skip_replayed()
        _refuse_duplicates(chunk)
        users = {row.instance.pk: row.instance for row in chunk.pending if row.values.get("id")}
        for user_id, version in first_versions("user", users.keys()).items():
            users[user_id].version = version
        chunk.save(_save)
        if send_resets:
            for row in chunk.pending:
                if row.instance.is_active and not row.instance.has_usable_password():
                    enqueue("users.send_password_reset", email=row.instance.email)
    users_created.inc(len(chunk.pending))


def import_answer(user: User) -> bytes:
    """Return the response that is stored for the idempotency key of an imported row: the user's id."""
    return bytes(user.pk.bytes)


def _save(rows: Sequence[BulkItem]) -> None:
    try:
        with translate_integrity_errors(rows[0].instance) if len(rows) == 1 else nullcontext():
            insert_many(User, [row.instance for row in rows])
    except AlreadyExists as exc:
        exc.violations = (Violation("email", exc.reason.lower(), exc.message),)
        raise


def _built_or_error(actor: Actor, values: Mapping[str, Any]) -> User | Exception:
    try:
        return _build(actor, values)
    except ITEM_ERRORS as exc:
        return exc


def _build(actor: Actor, values: Mapping[str, Any]) -> User:
    fields = dict(values)
    password = _password(fields.pop("password_hash"))
    user_id = ids.parsed(text) if (text := fields.pop("id", "")) else ids.uuid7()
    if user_id is None:
        raise invalid("id", "invalid", "An id must be a UUID, as in 018f2d3c-...; omit it to get a new one.")
    fields.setdefault("roles", [Role.CUSTOMER])
    fields["display_name"] = fields.get("display_name") or local_part(fields.get("email", ""))
    verified = fields.get("email_verified")
    fields.setdefault("status", Status.ACTIVE if verified else Status.PENDING_VERIFICATION)
    author_id = actor.pk if isinstance(actor, User) else None
    user = User(id=user_id, password=password, created_by_id=author_id, updated_by_id=author_id, **fields)
    # Fields that are not given have valid defaults, except the e-mail.
    clean_new_user(user, only={"email", *fields})
    return user


def _password(imported: str) -> str:
    if not imported:
        return _NO_PASSWORD
    stored = stored_form(imported)
    if stored is None:
        raise invalid("password_hash", "invalid", _COSTLY if is_known_scheme(imported) else _UNKNOWN)
    return stored


def _refuse_duplicates(chunk: Chunk) -> None:
    """Refuse the rows whose e-mail or id already exists, in the database or earlier in the chunk."""
    rows = chunk.pending
    emails = set(User.objects.filter(email__in=[row.instance.email for row in rows]).values_list("email", flat=True))
    # Generated ids cannot exist yet.
    user_ids = [row.instance.pk for row in rows if row.values.get("id")]
    known = set(User.objects.filter(pk__in=user_ids).values_list("pk", flat=True))
    for row in rows:
        user = row.instance
        if user.email in emails:
            chunk.reject(row, AlreadyExists(User.already_exists["users_email_unique"].format(user)), field="email")
        elif user.pk in known:
            chunk.reject(row, AlreadyExists(f"User with ID '{user.pk}' already exists"), field="id")
        emails.add(user.email)
        known.add(user.pk)

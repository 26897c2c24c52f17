"""Changes of the addresses of a user."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from changes.services import acting
from core.actors import Actor
from core.db import ids
from core.db.saving import save_clean
from core.errors import Conflict
from core.field_paths import rename_fields
from core.preconditions import ANY_VERSION, ExpectedVersion
from users import queries
from users.models import DEFAULTS, AddressType, User, UserAddress
from users.services.accounts import user_to_change

MAX_ADDRESSES = 100


def add_address(actor: Actor, user_id: str, **fields: Any) -> UserAddress:
    """Add an address to the user. If it is a default, it replaces the former default.

    Raises:
        User.DoesNotExist, PermissionDenied, ValidationError
        Conflict: the user already has `MAX_ADDRESSES`.
    """
    with _changing_addresses(actor, user_id) as user:
        if user.addresses.count() >= MAX_ADDRESSES:
            raise Conflict(f"A user has at most {MAX_ADDRESSES} addresses; delete one first.")
        address = UserAddress(user=user, **fields, created_by_id=actor.pk, updated_by_id=actor.pk)
        _drop_defaults(actor, address, [name for name in DEFAULTS if fields.get(name)])
        return save_clean(address)


def update_address(
    actor: Actor,
    user_id: str,
    address_id: str,
    fields: dict[str, Any],
    *,
    expected_version: ExpectedVersion = ANY_VERSION,
) -> UserAddress:
    """Set these fields of an address. If it becomes a default, it replaces the former default.

    Raises:
        User.DoesNotExist, UserAddress.DoesNotExist, PermissionDenied, Stale, ValidationError
    """
    with _changing_addresses(actor, user_id) as user:
        address = _address_to_change(user, address_id, expected_version)
        _drop_defaults(actor, address, [name for name in DEFAULTS if fields.get(name)])
        return save_clean(address, also={"updated_by_id": actor.pk}, **fields)


def set_default_address(
    actor: Actor, user_id: str, address_id: str, use: int, *, expected_version: ExpectedVersion = ANY_VERSION
) -> UserAddress:
    """Make an address the default for this use (BOTH: for both uses), in place of the former default.

    Raises:
        User.DoesNotExist, UserAddress.DoesNotExist, PermissionDenied, Stale
        ValidationError: on `type`: the address is not for this use.
    """
    names = [name for name, of in DEFAULTS.items() if use in (of, AddressType.BOTH)]
    with rename_fields(dict.fromkeys(names, "type")):
        return update_address(actor, user_id, address_id, dict.fromkeys(names, True), expected_version=expected_version)


def delete_address(
    actor: Actor, user_id: str, address_id: str, *, expected_version: ExpectedVersion = ANY_VERSION
) -> None:
    """Delete an address of the user.

    Raises:
        User.DoesNotExist, UserAddress.DoesNotExist, PermissionDenied, Stale
    """
    with _changing_addresses(actor, user_id) as user:
        _address_to_change(user, address_id, expected_version).delete()


@contextmanager
def _changing_addresses(actor: Actor, user_id: str) -> Iterator[User]:
    """Open a transaction that changes the user's addresses, with the user's row locked and logged as changed."""
    queries.get_private(actor, user_id)
    with acting(actor, "address"):
        user = user_to_change(actor, user_id, ANY_VERSION)
        yield user
        # Addresses are part of the subject `user`, so subscribers must see a change of the user.
        User.objects.filter(pk=user.pk).update(updated_by_id=actor.pk)


def _address_to_change(user: User, address_id: str, expected_version: ExpectedVersion) -> UserAddress:
    wanted = ids.parsed(address_id)
    address = user.addresses.select_for_update().filter(pk=wanted).first() if wanted else None
    if address is None:
        raise UserAddress.DoesNotExist(f"Address not found: {address_id}")
    address.require_version(expected_version)
    return address


def _drop_defaults(actor: Actor, address: UserAddress, names: list[str]) -> None:
    """Clear these flags (`is_default_…`) on the user's other addresses, because this address takes them over."""
    for name in names:
        unset: dict[str, Any] = {name: False}
        for other in UserAddress.objects.filter(user=address.user_id, **{name: True}).exclude(pk=address.pk):
            save_clean(other, also={"updated_by_id": actor.pk}, **unset)

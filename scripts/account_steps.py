"""The steps of `try_grpc.py` around an account: addresses, preferences, password, imports."""

import secrets
from collections.abc import Callable
from functools import partial

from google.protobuf.field_mask_pb2 import FieldMask

from scripts.walk import UNKNOWN_ID, Walk, expect, show
from tandem.auth.v1 import auth_pb2
from tandem.client import Invalid, NotFound, Stale
from tandem.common.v1 import common_pb2
from tandem.user.v1 import user_pb2

BERLIN = common_pb2.Address(line1="Main Street 1", city="Berlin", postal_code="10115", country_code="DE")


def account_steps(walk: Walk) -> list[tuple[str, Callable[[], None]]]:
    """Return the steps in order, each with the rpc that it tests."""
    return [
        ("AddUserAddress", partial(add_address, walk)),
        ("ListUserAddresses", partial(list_addresses, walk)),
        ("UpdateUserAddress", partial(update_address, walk)),
        ("SetDefaultAddress", partial(set_default_address, walk)),
        ("DeleteUserAddress", partial(delete_address, walk)),
        ("GetUserPreferences", partial(get_preferences, walk)),
        ("UpdateUserPreferences", partial(update_preferences, walk)),
        ("ChangePassword", partial(change_password, walk)),
        ("BatchGetUsers", partial(batch_get_users, walk)),
        ("BulkImportUsers", partial(bulk_import_users, walk)),
    ]


def batch_get_users(walk: Walk) -> None:
    request = user_pb2.BatchGetUsersRequest(user_ids=[walk.user.id, UNKNOWN_ID])
    answer = walk.call(walk.users.BatchGetUsers, request)
    show("missing", ", ".join(answer.missing_ids))
    expect("the users", [user.id for user in answer.users], [walk.user.id])
    expect("the missing ids", list(answer.missing_ids), [UNKNOWN_ID])


def bulk_import_users(walk: Walk) -> None:
    emails = [f"try-{walk.mark}-import-{number}@example.com" for number in (1, 2)]
    rows = [
        user_pb2.BulkImportUsersRequest(user=user_pb2.User(email=email), request_id=f"{walk.mark}-{n}")
        for n, email in enumerate((*emails, "no address"))
    ]
    walk.emails.extend(emails)
    answer = walk.call(walk.users.BulkImportUsers, iter(rows))
    show("imported", str(answer.imported))
    expect("imported", answer.imported, 2)
    expect("bad rows", [(e.index, [v.field for v in e.field_violations]) for e in answer.errors], [(2, ["user.email"])])
    again = walk.call(walk.users.BulkImportUsers, iter(rows[:2]))
    expect("skipped the second time", (again.imported, again.skipped), (0, 2))


def add_address(walk: Walk) -> None:
    for label in ("Home", "Work"):
        sent = user_pb2.UserAddress(label=label, full_name="Tess Walker", address=BERLIN, is_default_shipping=True)
        made = walk.call(
            walk.users.AddUserAddress, user_pb2.AddUserAddressRequest(user_id=walk.user.id, address=sent)
        ).address
        show("id", made.id)
        expect("label and city", (made.label, made.address.city), (label, "Berlin"))
        expect("type", made.type, user_pb2.ADDRESS_TYPE_BOTH)
    nowhere = user_pb2.AddUserAddressRequest(user_id=walk.user.id, address=user_pb2.UserAddress(label="Nowhere"))
    message = walk.refused(Invalid, walk.users.AddUserAddress, nowhere)
    expect("the refusal names the city", "address.city" in message, True)


def list_addresses(walk: Walk) -> None:
    addresses = _addresses(walk)
    show("labels", ", ".join(address.label for address in addresses))
    expect("labels, oldest first", [address.label for address in addresses], ["Home", "Work"])
    expect("the default is the later", [address.is_default_shipping for address in addresses], [False, True])


def update_address(walk: Walk) -> None:
    home, _ = _pair(walk)
    request = user_pb2.UpdateUserAddressRequest(
        user_id=walk.user.id,
        address_id=home.id,
        address=user_pb2.UserAddress(label="Holidays"),
        update_mask=FieldMask(paths=["label"]),
    )
    changed = walk.call(walk.users.UpdateUserAddress, request, ("if-match", str(home.audit.version))).address
    show("label", changed.label)
    expect("label", changed.label, "Holidays")
    expect("version", changed.audit.version, home.audit.version + 1)
    walk.refused(Stale, walk.users.UpdateUserAddress, request, ("if-match", "1"))


def set_default_address(walk: Walk) -> None:
    home, _ = _pair(walk)
    request = user_pb2.SetDefaultAddressRequest(
        user_id=walk.user.id, address_id=home.id, type=user_pb2.ADDRESS_TYPE_SHIPPING
    )
    changed = walk.call(walk.users.SetDefaultAddress, request).address
    show("is_default_shipping", changed.is_default_shipping)
    expect("is_default_shipping", changed.is_default_shipping, True)
    expect("the other is not", [address.is_default_shipping for address in _addresses(walk)], [True, False])


def delete_address(walk: Walk) -> None:
    _, work = _pair(walk)
    request = user_pb2.DeleteUserAddressRequest(user_id=walk.user.id, address_id=work.id)
    walk.call(walk.users.DeleteUserAddress, request)
    show("address_id", work.id)
    expect("the addresses left", len(_addresses(walk)), 1)
    walk.refused(NotFound, walk.users.DeleteUserAddress, request)


def get_preferences(walk: Walk) -> None:
    request = user_pb2.GetUserPreferencesRequest(user_id=walk.user.id)
    preferences = walk.call(walk.users.GetUserPreferences, request).preferences
    show("email.security_alerts", preferences.email.security_alerts)
    expect("email.security_alerts", preferences.email.security_alerts, True)


def update_preferences(walk: Walk) -> None:
    request = user_pb2.UpdateUserPreferencesRequest(
        user_id=walk.user.id,
        preferences=user_pb2.UserPreferences(email=user_pb2.EmailPreferences(newsletter=True)),
        update_mask=FieldMask(paths=["email.newsletter", "email.order_updates"]),
    )
    email = walk.call(walk.users.UpdateUserPreferences, request).preferences.email
    show("email.newsletter", email.newsletter)
    expect("newsletter and order_updates", (email.newsletter, email.order_updates), (True, False))


def change_password(walk: Walk) -> None:
    password = secrets.token_urlsafe(24)
    request = user_pb2.ChangePasswordRequest(user_id=walk.user.id, new_password=password)
    walk.call(walk.users.ChangePassword, request)
    login = auth_pb2.LoginRequest(email=walk.user.email, password=password)
    tokens = walk.call(walk.client.auth.Login, login)
    expect("token_type", tokens.token_type, "bearer")
    weak = user_pb2.ChangePasswordRequest(user_id=walk.user.id, new_password="short")
    walk.refused(Invalid, walk.users.ChangePassword, weak)


def _addresses(walk: Walk) -> list[user_pb2.UserAddress]:
    request = user_pb2.ListUserAddressesRequest(user_id=walk.user.id)
    return list(walk.call(walk.users.ListUserAddresses, request).addresses)


def _pair(walk: Walk) -> list[user_pb2.UserAddress]:
    """Return the two addresses that this walk has added."""
    addresses = _addresses(walk)
    expect("the number of addresses", len(addresses), 2)
    return addresses

from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from tandem.common.v1.common_pb2 import Address
from tandem.user.v1 import user_pb2
from tandem.user.v1.user_pb2 import UpdateUserAddressRequest, UserAddress
from tests.support.factories import UserAddressFactory
from tests.support.transports import Failed, Transport
from users.models import User

UPDATE = "UserService/UpdateUserAddress"


def update(of: Any, mask: list[str], **fields: Any) -> UpdateUserAddressRequest:
    return UpdateUserAddressRequest(
        user_id="me", address_id=str(of.pk), address=UserAddress(**fields), update_mask=FieldMask(paths=mask)
    )


def test_only_masked_fields_are_updated(api: Transport, ann: User) -> None:
    home = UserAddressFactory(user=ann, state="BE")
    request = update(
        home, ["label", "address"], label="Work", address=Address(line1="2", city="Bonn", country_code="DE")
    )
    answer = api.answer(UPDATE, request, actor=ann)
    made = answer.message.address
    assert made.label == "Work"
    assert made.address.city == "Bonn"
    assert made.address.state == ""
    assert made.full_name == "Ann Other"
    assert made.audit.version == answer.version == 2


def test_a_default_moves(api: Transport, ann: User) -> None:
    old, new = UserAddressFactory(user=ann, is_default_billing=True), UserAddressFactory(user=ann)
    assert api(
        UPDATE, update(new, ["is_default_billing"], is_default_billing=True), actor=ann
    ).address.is_default_billing
    old.refresh_from_db()
    assert not old.is_default_billing


def test_default_address_keeps_its_use(api: Transport, ann: User) -> None:
    home = UserAddressFactory(user=ann, is_default_shipping=True)
    with pytest.raises(Failed) as failed:
        api(UPDATE, update(home, ["type"], type=user_pb2.ADDRESS_TYPE_BILLING), actor=ann)
    assert failed.value.fields == {"is_default_shipping": "invalid"}


def test_bad_paths_and_values_are_named(api: Transport, ann: User) -> None:
    home = UserAddressFactory(user=ann)
    for mask, fields, expected in (
        (["user_id"], {}, {"user_id": "read_only"}),
        (
            ["address"],
            {},
            {"address.line1": "required", "address.city": "required", "address.country_code": "required"},
        ),
    ):
        with pytest.raises(Failed) as failed:
            api(UPDATE, update(home, mask, **fields), actor=ann)
        assert failed.value.fields == expected


def test_a_stale_version_changes_nothing(api: Transport, ann: User) -> None:
    home = UserAddressFactory(user=ann)
    with pytest.raises(Failed) as failed:
        api(UPDATE, update(home, ["label"], label="Work"), actor=ann, if_match="5")
    assert failed.value.metadata == {"current_version": "1"}


@pytest.mark.parametrize("address_id", ["nonsense", "01890000-0000-7000-8000-000000000000"])
def test_an_unknown_address_is_not_found(api: Transport, ann: User, bob: User, address_id: str) -> None:
    request = UpdateUserAddressRequest(user_id="me", address_id=address_id, address=UserAddress(label="x"))
    with pytest.raises(Failed) as failed:
        api(UPDATE, request, actor=ann)
    assert (failed.value.reason, failed.value.message) == ("NOT_FOUND", f"Address not found: {address_id}")


def test_an_address_of_another_user_is_not_found(api: Transport, ann: User, bob: User) -> None:
    with pytest.raises(Failed) as failed:
        api(UPDATE, update(UserAddressFactory(user=bob), ["label"], label="x"), actor=ann)
    assert failed.value.reason == "NOT_FOUND"

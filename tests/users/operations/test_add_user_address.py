import pytest

from changes.models import Change
from tandem.common.v1.common_pb2 import Address, PhoneNumber
from tandem.user.v1 import user_pb2
from tandem.user.v1.user_pb2 import AddUserAddressRequest, UserAddress
from tests.support.factories import UserAddressFactory
from tests.support.transports import Failed, Transport
from users.models import User

ADD = "UserService/AddUserAddress"
BERLIN = Address(line1=" Main Street 1 ", city="Berlin", postal_code="10115", country_code="DE")


def address(**fields: object) -> UserAddress:
    return UserAddress(**{"label": "Home", "full_name": "Ann O'Brien", "address": BERLIN} | fields)  # type: ignore[arg-type]


def test_address_is_added(api: Transport, ann: User) -> None:
    sent = address(phone=PhoneNumber(e164="+493012345678"), delivery_instructions="Ring\ntwice.")
    answer = api.answer(ADD, AddUserAddressRequest(user_id="me", address=sent), actor=ann)
    made = answer.message.address
    assert made.user_id == str(ann.pk)
    assert made.label == "Home"
    assert made.address.line1 == "Main Street 1"
    assert made.address.city == "Berlin"
    assert made.type == user_pb2.ADDRESS_TYPE_BOTH
    assert made.phone.national_number == "3012345678"
    assert made.audit.version == 1
    assert answer.version == 1
    assert made.audit.created_by == str(ann.pk)


def test_the_user_counts_it_as_a_change(api: Transport, ann: User) -> None:
    api(ADD, AddUserAddressRequest(user_id="me", address=address()), actor=ann)
    ann.refresh_from_db()
    assert ann.version == 2
    assert Change.objects.filter(subject_id=ann.pk).latest("id").actor == str(ann.pk)


def test_a_new_default_takes_the_place_of_the_old(api: Transport, ann: User) -> None:
    old = UserAddressFactory(user=ann, is_default_shipping=True, is_default_billing=True)
    sent = address(is_default_shipping=True)
    assert api(ADD, AddUserAddressRequest(user_id="me", address=sent), actor=ann).address.is_default_shipping
    old.refresh_from_db()
    assert not old.is_default_shipping
    assert old.is_default_billing
    assert old.version == 2


def test_every_invalid_field_is_named(api: Transport, ann: User) -> None:
    sent = UserAddress(
        full_name="x" * 201, address=Address(city="a\0b", country_code="XX", postal_code="x" * 21),
        type=user_pb2.ADDRESS_TYPE_BILLING, is_default_shipping=True,
    )  # fmt: skip
    with pytest.raises(Failed) as failed:
        api(ADD, AddUserAddressRequest(user_id="me", address=sent), actor=ann)
    assert failed.value.fields == {
        "label": "required",
        "full_name": "max_length",
        "address.line1": "required",
        "address.city": "control_characters",
        "address.country_code": "country",
        "address.postal_code": "max_length",
        "is_default_shipping": "invalid",
    }
    assert not ann.addresses.exists()


def test_number_of_addresses_is_limited(api: Transport, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("users.services.addresses.MAX_ADDRESSES", 1)
    api(ADD, AddUserAddressRequest(user_id="me", address=address()), actor=ann)
    with pytest.raises(Failed) as failed:
        api(ADD, AddUserAddressRequest(user_id="me", address=address()), actor=ann)
    assert failed.value.reason == "CONFLICT"


def test_the_same_key_adds_one(api: Transport, ann: User) -> None:
    request = AddUserAddressRequest(user_id="me", address=address())
    first = api(ADD, request, actor=ann, idempotency_key="k-1")
    assert api(ADD, request, actor=ann, idempotency_key="k-1") == first
    assert ann.addresses.count() == 1


def test_an_unknown_user_is_not_found(api: Transport, ann: User) -> None:
    with pytest.raises(Failed) as failed:
        api(ADD, AddUserAddressRequest(user_id="nonsense", address=address()), actor=ann)
    assert failed.value.message == "User not found: nonsense"

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from tandem.user.v1 import user_pb2
from tandem.user.v1.user_pb2 import SetDefaultAddressRequest
from tests.support.factories import UserAddressFactory
from tests.support.transports import Failed, Transport
from users.models import AddressType, User, UserAddress

SET = "UserService/SetDefaultAddress"


def set_default(address: UserAddress, use: int) -> SetDefaultAddressRequest:
    return SetDefaultAddressRequest(user_id="me", address_id=str(address.pk), type=use)  # type: ignore[arg-type]


def test_the_default_moves_for_that_use_alone(api: Transport, ann: User) -> None:
    old = UserAddressFactory(user=ann, is_default_shipping=True, is_default_billing=True)
    new = UserAddressFactory(user=ann)
    made = api(SET, set_default(new, user_pb2.ADDRESS_TYPE_SHIPPING), actor=ann).address
    assert (made.is_default_shipping, made.is_default_billing) == (True, False)
    old.refresh_from_db()
    assert (old.is_default_shipping, old.is_default_billing) == (False, True)
    made = api(SET, set_default(new, user_pb2.ADDRESS_TYPE_BOTH), actor=ann).address
    assert made.is_default_billing


def test_an_address_that_is_not_for_this_use(api: Transport, ann: User) -> None:
    old = UserAddressFactory(user=ann, is_default_billing=True)
    shipping = UserAddressFactory(user=ann, type=AddressType.SHIPPING)
    for use in (user_pb2.ADDRESS_TYPE_BILLING, user_pb2.ADDRESS_TYPE_BOTH):
        with pytest.raises(Failed) as failed:
            api(SET, set_default(shipping, use), actor=ann)
        assert failed.value.fields == {"type": "invalid"}
    old.refresh_from_db()
    assert old.is_default_billing


def test_the_use_is_required(api: Transport, ann: User) -> None:
    with pytest.raises(Failed) as failed:
        api(SET, set_default(UserAddressFactory(user=ann), 0), actor=ann)
    assert failed.value.fields == {"type": "required"}


def test_concurrent_calls_leave_one_default(committing_api: Transport, ann: User) -> None:
    addresses = UserAddressFactory.create_batch(6, user=ann)
    committing_api.bearer(ann)

    def make_default(address: UserAddress) -> None:
        try:
            committing_api(SET, set_default(address, user_pb2.ADDRESS_TYPE_BOTH), actor=ann)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(make_default, addresses * 3))
    assert ann.addresses.filter(is_default_shipping=True, is_default_billing=True).count() == 1

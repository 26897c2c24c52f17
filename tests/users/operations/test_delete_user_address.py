import pytest

from tandem.user.v1.user_pb2 import DeleteUserAddressRequest
from tests.support.factories import UserAddressFactory
from tests.support.transports import Failed, Transport
from users.models import User

DELETE = "UserService/DeleteUserAddress"


def test_deleted_address_is_not_found(api: Transport, ann: User) -> None:
    home = UserAddressFactory(user=ann)
    request = DeleteUserAddressRequest(user_id="me", address_id=str(home.pk))
    api(DELETE, request, actor=ann)
    assert not ann.addresses.exists()
    with pytest.raises(Failed) as failed:
        api(DELETE, request, actor=ann)
    assert failed.value.message == f"Address not found: {home.pk}"


def test_a_stale_version_deletes_nothing(api: Transport, ann: User) -> None:
    home = UserAddressFactory(user=ann)
    with pytest.raises(Failed) as failed:
        api(DELETE, DeleteUserAddressRequest(user_id="me", address_id=str(home.pk)), actor=ann, if_match="2")
    assert failed.value.reason == "STALE"
    assert ann.addresses.exists()

from tandem.user.v1 import user_pb2
from tandem.user.v1.user_pb2 import ListUserAddressesRequest
from tests.support.factories import UserAddressFactory
from tests.support.transports import Transport
from users.models import AddressType, User

LIST = "UserService/ListUserAddresses"


def test_oldest_first_and_by_use(api: Transport, ann: User, bob: User) -> None:
    for type_ in (AddressType.SHIPPING, AddressType.BILLING, AddressType.BOTH):
        UserAddressFactory(user=ann, type=type_, label=type_.name)
    UserAddressFactory(user=bob)
    for use, expected in (
        (user_pb2.ADDRESS_TYPE_UNSPECIFIED, ["SHIPPING", "BILLING", "BOTH"]),
        (user_pb2.ADDRESS_TYPE_SHIPPING, ["SHIPPING", "BOTH"]),
        (user_pb2.ADDRESS_TYPE_BILLING, ["BILLING", "BOTH"]),
        (user_pb2.ADDRESS_TYPE_BOTH, ["BOTH"]),
    ):
        addresses = api(LIST, ListUserAddressesRequest(user_id="me", type=use), actor=ann).addresses
        assert [address.label for address in addresses] == expected

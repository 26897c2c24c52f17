"""As whom a caller counts: the address, read off what a proxy wrote or the connection, in one spelling."""

from typing import Any

import pytest

from access.models import Session
from core.addresses import caller_key, canonical, client_address
from core.execution import principal
from core.models import IdempotencyRecord
from core.operations import Call
from tandem.auth.v1.auth_pb2 import LoginRequest
from tandem.user.v1.user_pb2 import CreateUserRequest, RequestPasswordResetRequest
from tests.support.transports import OPERATIONS, Failed, Transport
from users.models import User

PROXY = "10.0.0.1"


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("203.0.113.8", "203.0.113.8"),
        (" 203.0.113.8\t", "203.0.113.8"),
        ("203.0.113.8:50000", "203.0.113.8"),
        ("203.0.113.8:_obfuscated", "203.0.113.8"),
        ('"203.0.113.8:50000"', "203.0.113.8"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ('"[2001:db8::1]:443"', "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:443", "fe80::1"),
        ("::ffff:203.0.113.8", "203.0.113.8"),
        ("::ffff:cb00:7108", "203.0.113.8"),
        ("0:0:0:0:0:FFFF:203.0.113.8", "203.0.113.8"),
        ("[::ffff:203.0.113.8]:50000", "203.0.113.8"),
        ("64:ff9b::203.0.113.8", "64:ff9b::cb00:7108"),
    ],
)
def test_an_address_has_one_spelling(written: str, address: str) -> None:
    assert canonical(written) == address


@pytest.mark.parametrize(
    "written",
    [
        "", "unknown", "_hidden", "localhost", "x" * 300, "203.0.113.8" + ":1" * 200, "203.0.113.8:port",
        "203.0.113.8:123456", "203.0.113", "203.0.113.256", "203.000.113.008", "3405803784", "0xcb.0.113.8",
        "٢٠٣.0.113.8", "2001:db8::1::", "[2001:db8::1", "[203.0.113.8]]", "[]:1", "\0", "203.0.113.8\0",
        "203.0.113.8/32", "for=203.0.113.8",
    ],
)  # fmt: skip
def test_text_that_is_no_address_counts_as_the_peer(written: str) -> None:
    assert canonical(written) == ""
    assert client_address(PROXY, written, 1) == PROXY


@pytest.mark.parametrize(
    ("sent", "proxies", "address"),
    [
        (None, 1, PROXY),
        ("", 1, PROXY),
        (" , ,", 1, PROXY),
        ("203.0.113.8", 0, PROXY),
        ("198.51.100.7, 203.0.113.8:5", 1, "203.0.113.8"),
        ("198.51.100.7, 203.0.113.8, 10.0.0.2", 2, "203.0.113.8"),
        ("203.0.113.8, , ", 1, "203.0.113.8"),
        ("203.0.113.8", 3, "203.0.113.8"),
        ("203.0.113.8, unknown", 1, PROXY),
        (["198.51.100.7", "203.0.113.8"], 1, "203.0.113.8"),
        (["198.51.100.7, 203.0.113.8", "10.0.0.2"], 2, "203.0.113.8"),
        ([], 1, PROXY),
    ],
)
def test_only_entries_that_trusted_proxies_added_count(sent: Any, proxies: int, address: str) -> None:
    assert client_address(PROXY, sent, proxies) == address


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("::ffff:10.0.0.1", PROXY),
        ("10.0.0.1:4000", PROXY),
        ("[2001:db8::1]:4000", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("", ""),
    ],
)
def test_the_peer_has_one_spelling_too(peer: str, address: str) -> None:
    assert client_address(peer, None, 0) == address
    assert client_address(peer, "unknown", 1) == address


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.8", "203.0.113.8"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:ffff:ffff:ffff", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("::1", "::/64"),
        ("64:ff9b::cb00:7108", "203.0.113.8"),
        ("::ffff:0:203.0.113.8", "203.0.113.8"),
        ("2002:cb00:7108:1::1", "203.0.113.8"),
        ("2002:cb00:7108:2::1", "203.0.113.8"),
        ("", ""),
    ],
)
def test_ipv6_is_counted_by_its_64_prefix_and_mapped_ipv4_as_ipv4(address: str, key: str) -> None:
    assert caller_key(address) == key


#: Each group is one caller.
ONE_CALLER = [
    [f"203.0.113.8:{50_000 + n}" for n in range(4)],
    ["203.0.113.8", "::ffff:203.0.113.8", "::FFFF:cb00:7108", '"203.0.113.8"'],
    [f"2001:db8::{n}" for n in range(1, 5)],
    ["2001:db8::1", "2001:DB8:0::1", "[2001:db8::1]", "[2001:db8::2]:443"],
    ["unknown", "_hidden", "x" * 300, "203.0.113.8.1"],
]


@pytest.fixture
def behind_a_proxy(settings: Any) -> None:
    settings.TRUSTED_PROXIES = settings.GRPC_TRUSTED_PROXIES = 1


@pytest.mark.usefixtures("behind_a_proxy")
class TestOneCallerIsLimitedAsOne:
    @pytest.mark.parametrize("spellings", ONE_CALLER)
    def test_login_is_limited_by_network(self, api: Transport, settings: Any, spellings: list[str]) -> None:
        settings.LOGINS_PER_ADDRESS = 3
        for number, spelling in enumerate(spellings):
            request = LoginRequest(email=f"user{number}@example.com", password="wrong")
            with pytest.raises(Failed) as failed:
                api("AuthService/Login", request, forwarded_for=spelling)
            assert failed.value.reason == ("UNAUTHENTICATED" if number < 3 else "RATE_LIMITED")
        other = LoginRequest(email="other@example.com", password="wrong")
        with pytest.raises(Failed, match="UNAUTHENTICATED"):
            api("AuthService/Login", other, forwarded_for="198.51.100.7")

    @pytest.mark.parametrize("spellings", ONE_CALLER)
    def test_account_is_limited_by_network(self, api: Transport, settings: Any, spellings: list[str]) -> None:
        settings.LOGINS_PER_ACCOUNT = 3
        reasons = []
        for spelling in spellings:
            with pytest.raises(Failed) as failed:
                request = LoginRequest(email="ann@example.com", password="wrong")
                api("AuthService/Login", request, forwarded_for=spelling)
            reasons.append(failed.value.reason)
        assert reasons == ["UNAUTHENTICATED"] * 3 + ["RATE_LIMITED"]

    @pytest.mark.parametrize("spellings", ONE_CALLER)
    def test_sign_up_is_limited_by_network(self, api: Transport, settings: Any, spellings: list[str]) -> None:
        settings.SIGNUPS_PER_HOUR = 3
        for number, spelling in enumerate(spellings[:3]):
            request = CreateUserRequest(email=f"user{number}@example.com")
            api("UserService/CreateUser", request, forwarded_for=spelling)
        with pytest.raises(Failed, match="RATE_LIMITED"):
            request = CreateUserRequest(email="last@example.com")
            api("UserService/CreateUser", request, forwarded_for=spellings[3])
        assert not User.objects.filter(email="last@example.com").exists()

    @pytest.mark.parametrize("spellings", ONE_CALLER)
    def test_password_resets_are_limited_by_network(self, api: Transport, settings: Any, spellings: list[str]) -> None:
        settings.RESETS_PER_ADDRESS = 3
        for number, spelling in enumerate(spellings[:3]):
            request = RequestPasswordResetRequest(email=f"user{number}@example.com")
            api("UserService/RequestPasswordReset", request, forwarded_for=spelling)
        with pytest.raises(Failed, match="RATE_LIMITED"):
            request = RequestPasswordResetRequest(email="last@example.com")
            api("UserService/RequestPasswordReset", request, forwarded_for=spellings[3])

    def test_idempotency_keys_belong_to_a_network(self, api: Transport) -> None:
        request = CreateUserRequest(email="new@example.com")
        first = api.answer("UserService/CreateUser", request, idempotency_key="k", forwarded_for="[2001:db8::1]:5000")
        again = api.answer("UserService/CreateUser", request, idempotency_key="k", forwarded_for="2001:DB8::2")
        assert (again.message.user.id, again.replayed) == (first.message.user.id, True)
        assert IdempotencyRecord.objects.count() == 1
        with pytest.raises(Failed, match="ALREADY_EXISTS"):
            api("UserService/CreateUser", request, idempotency_key="k", forwarded_for="2001:db8:0:1::1")


@pytest.mark.usefixtures("behind_a_proxy")
def test_a_session_shows_the_whole_address_in_its_one_spelling(api: Transport, ann: User) -> None:
    ann.set_password("correct horse battery")
    ann.save(update_fields=["password"])
    request = LoginRequest(email="ann@example.com", password="correct horse battery")
    for written in ("[2001:DB8::5]:443", "::ffff:203.0.113.8", "unknown"):
        api("AuthService/Login", request, forwarded_for=written)
    assert list(Session.objects.order_by("id").values_list("address", flat=True)) == [
        "2001:db8::5", "203.0.113.8", "127.0.0.1",
    ]  # fmt: skip


@pytest.mark.parametrize(("http", "grpc", "believed"), [(1, 0, "rest"), (0, 1, "grpc")])
def test_each_transport_believes_its_own_proxies(
    api: Transport, ann: User, settings: Any, http: int, grpc: int, believed: str
) -> None:
    settings.TRUSTED_PROXIES, settings.GRPC_TRUSTED_PROXIES = http, grpc
    ann.set_password("correct horse battery")
    ann.save(update_fields=["password"])
    request = LoginRequest(email="ann@example.com", password="correct horse battery")
    api("AuthService/Login", request, forwarded_for="203.0.113.8")
    assert Session.objects.get().address == ("203.0.113.8" if api.name == believed else "127.0.0.1")


def test_open_streams_of_one_network_are_one_caller_s() -> None:
    operation = OPERATIONS["UserService/CreateUser"]
    owners = {principal(Call(operation, address=address)) for address in ("2001:db8::1", "2001:db8::2")}
    assert owners == {"anonymous 2001:db8::/64"}

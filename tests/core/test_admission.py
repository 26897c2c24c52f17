"""The admission of a call: who calls, which budget pays for it, and what the call's report has of it."""

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from core.auth import ANONYMOUS, Credential
from core.errors import Unauthenticated
from core.execution import admit, authorize, execute, identify
from core.limits import charging
from core.limits.charging import LimitExceeded
from core.observability.call_log import Report, http_meter
from core.operations import Call
from tandem.user.v1.user_pb2 import GetUserRequest
from tests.support.transports import OPERATIONS
from users.models import User

GET_USER, LOGIN = OPERATIONS["UserService/GetUser"], OPERATIONS["AuthService/Login"]
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture(autouse=True)
def limited(settings: Any) -> Iterator[None]:
    settings.RATE_LIMIT_ANONYMOUS, settings.RATE_LIMIT_USER = 3, 20
    yield
    charging.forget()


def report() -> Report:
    return Report(http_meter("GET", "test"), "a request")


def refuse() -> Credential:
    raise Unauthenticated("Revoked.")


def refused(run: Callable[[], object]) -> str:
    with pytest.raises(Unauthenticated) as caught:
        run()
    return caught.value.message


def no_address() -> str:
    raise AssertionError("The address of a caller with credentials is not needed.")


def test_an_admitted_call_is_charged_to_its_user(db: None, ann: User) -> None:
    credential, one, other = Credential(ann), report(), report()
    assert admit(one, GET_USER, lambda: credential, no_address) is credential
    assert admit(other, GET_USER, lambda: credential, no_address, cost=7) is credential
    assert one.principal == other.principal == ann.pk
    assert one.budget is not None
    assert other.budget is not None
    assert (one.budget.budget.kind, one.budget.remaining) == ("user", 20 - GET_USER.cost)
    assert other.budget.remaining == 20 - GET_USER.cost - 7


def test_a_call_with_a_refused_credential_is_charged_to_its_address() -> None:
    one, free = report(), report()
    assert refused(lambda: admit(one, GET_USER, refuse, lambda: HERE)) == "Revoked."
    assert one.principal is None
    assert one.budget is not None
    assert (one.budget.budget.kind, one.budget.remaining) == ("anonymous", 2)
    assert refused(lambda: admit(free, GET_USER, refuse, lambda: HERE, cost=0)) == "Revoked."
    assert free.budget is None
    for _ in range(2):
        refused(lambda: admit(report(), GET_USER, refuse, lambda: HERE))
    with pytest.raises(LimitExceeded):
        admit(report(), GET_USER, refuse, lambda: HERE)
    assert refused(lambda: admit(report(), GET_USER, refuse, lambda: ELSEWHERE)) == "Revoked."


def test_a_charged_call_may_still_lack_its_authorization(db: None, ann: User) -> None:
    key, one = Credential(ann, scopes=frozenset(("tasks:read",))), report()
    with pytest.raises(PermissionDenied, match="lacks the scope users:read"):
        admit(one, GET_USER, lambda: key, no_address)
    assert one.budget is not None
    assert one.budget.remaining == 20 - GET_USER.cost


def test_one_refusal_a_second_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic() + 2  # Other tests may have had a refusal a moment ago.
    monkeypatch.setattr(charging, "time", SimpleNamespace(monotonic=lambda: now))
    silent = []
    for seconds in (0, 0, 0, 0, 0.5, 0.5):
        now += seconds
        one = report()
        try:
            admit(one, LOGIN, lambda: ANONYMOUS, lambda: HERE)
        except LimitExceeded:
            silent.append(one.silent)
        else:
            assert one.silent is False
    assert silent == [False, True, False]


def test_a_call_without_a_transport_is_charged_once() -> None:
    def call(address: str) -> Call:
        return Call(GET_USER, address=address)

    first = call(HERE)
    for _ in range(5):
        assert refused(lambda: execute(first, GetUserRequest())) == "Sign in first: this call needs credentials."
    assert first.is_charged is True
    for _ in range(2):
        refused(lambda: execute(call(HERE), GetUserRequest()))
    with pytest.raises(LimitExceeded):
        execute(call(HERE), GetUserRequest())
    refused(lambda: execute(call(ELSEWHERE), GetUserRequest()))


def test_a_certificate_identifies_a_caller_without_authorization(db: None) -> None:
    uris = ["spiffe://example/unknown"]
    known = identify(GET_USER, None, uris)
    sentence = "No service account has the client certificate spiffe://example/unknown."
    assert (known.actor.is_authenticated, known.refusal) == (False, sentence)
    # An operation that needs an account is refused with the reason.
    assert refused(lambda: authorize(GET_USER, known)) == sentence
    assert identify(GET_USER, None) is ANONYMOUS
    assert refused(lambda: identify(GET_USER, "Bearer wrong", uris)) != sentence

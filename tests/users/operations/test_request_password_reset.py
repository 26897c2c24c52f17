from typing import Any

import pytest

from core.models import Job
from tandem.user.v1.user_pb2 import RequestPasswordResetRequest, RequestPasswordResetResponse, ResetPasswordRequest
from tests.jobs import mails, token_in
from tests.support.transports import Failed, Transport
from users.models import Status, User

REQUEST = "UserService/RequestPasswordReset"
ANSWER = RequestPasswordResetResponse(
    sent=True, message="If this e-mail address has an account, a mail with a token will be sent to it."
)


def test_mailed_token_resets_the_password(api: Transport, ann: User) -> None:
    assert api(REQUEST, RequestPasswordResetRequest(email=" ANN@example.com ")) == ANSWER
    (mail,) = mails()
    assert (mail.to, mail.subject) == (["ann@example.com"], "Reset your password")
    api("UserService/ResetPassword", ResetPasswordRequest(token=token_in(mail), new_password="staple battery horse"))
    ann.refresh_from_db()
    assert ann.check_password("staple battery horse")


def test_answer_does_not_reveal_whether_an_account_exists(api: Transport, ann: User) -> None:
    assert api(REQUEST, RequestPasswordResetRequest(email="nobody@example.com")) == ANSWER
    assert mails() == []


def test_known_and_unknown_cost_the_same_queries(
    api: Transport, ann: User, django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(10) as first:
        api(REQUEST, RequestPasswordResetRequest(email="nobody@example.com"))
    with django_assert_num_queries(len(first)) as second:
        api(REQUEST, RequestPasswordResetRequest(email="ann@example.com"))
    assert [query["sql"].split()[0] for query in first] == [query["sql"].split()[0] for query in second]
    assert not any("users_user" in query["sql"] for query in second)


@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.SUSPENDED, Status.BANNED])
def test_a_closed_account_gets_no_mail(api: Transport, ann: User, status: Status) -> None:
    User.objects.filter(pk=ann.pk).update(status=status)
    assert api(REQUEST, RequestPasswordResetRequest(email="ann@example.com")) == ANSWER
    assert mails() == []


def test_a_service_account_gets_no_mail(api: Transport, ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(is_service=True)
    assert api(REQUEST, RequestPasswordResetRequest(email="ann@example.com")) == ANSWER
    assert mails() == []


@pytest.mark.parametrize(("email", "code"), [("", "required"), ("nonsense", "email"), ("a\0@example.com", "email")])
def test_invalid_address_is_rejected(api: Transport, email: str, code: str) -> None:
    with pytest.raises(Failed) as failed:
        api(REQUEST, RequestPasswordResetRequest(email=email))
    assert failed.value.fields.keys() == {"email"}
    if "\0" not in email:
        assert failed.value.fields == {"email": code}
    assert Job.objects.count() == 0


@pytest.mark.parametrize("email", ["ann@example.com", "nobody@example.com"])
def test_requests_are_limited_per_account_even_if_unknown(api: Transport, ann: User, settings: Any, email: str) -> None:
    settings.MAILS_PER_ACCOUNT = 2
    for spelt in (email, email.upper()):
        api(REQUEST, RequestPasswordResetRequest(email=spelt))
    with pytest.raises(Failed, match="RATE_LIMITED"):
        api(REQUEST, RequestPasswordResetRequest(email=email))
    assert api(REQUEST, RequestPasswordResetRequest(email="another@example.com")) == ANSWER


def test_requests_are_limited_per_address(api: Transport, settings: Any) -> None:
    settings.RESETS_PER_ADDRESS = 2
    for number in range(2):
        api(REQUEST, RequestPasswordResetRequest(email=f"user{number}@example.com"))
    with pytest.raises(Failed, match="RATE_LIMITED"):
        api(REQUEST, RequestPasswordResetRequest(email="user3@example.com"))
    assert Job.objects.count() == 2


def test_a_newer_token_makes_the_older_void(api: Transport, ann: User) -> None:
    sent = []
    for _ in range(2):
        api(REQUEST, RequestPasswordResetRequest(email="ann@example.com"))
        sent += mails()
    first, second = map(token_in, sent)
    with pytest.raises(Failed, match="INVALID"):
        api("UserService/ResetPassword", ResetPasswordRequest(token=first, new_password="staple battery horse"))
    api("UserService/ResetPassword", ResetPasswordRequest(token=second, new_password="staple battery horse"))


def test_the_same_key_sends_one_mail(api: Transport, ann: User) -> None:
    for replayed in (False, True):
        answer = api.answer(REQUEST, RequestPasswordResetRequest(email="ann@example.com"), idempotency_key="k-1")
        assert (answer.message, answer.replayed) == (ANSWER, replayed)
    assert len(mails()) == 1

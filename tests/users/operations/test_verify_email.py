from datetime import timedelta
from typing import Any

import pytest

from core.db.ids import uuid7
from core.models import Job
from tandem.user.v1 import user_pb2
from tandem.user.v1.user_pb2 import ConfirmEmailVerificationRequest, CreateUserRequest, VerifyEmailRequest
from tests.jobs import mails, run_jobs, token_in
from tests.support.transports import Failed, Transport
from users.models import MailedToken, Status, TokenPurpose, User
from users.services import mailed_tokens

VERIFY = "UserService/VerifyEmail"
CONFIRM = "UserService/ConfirmEmailVerification"


def test_token_is_mailed_to_the_caller(api: Transport, ann: User) -> None:
    answer = api(VERIFY, VerifyEmailRequest(user_id="me"), actor=ann)
    assert answer.sent
    assert answer.message == "A mail with a token will be sent."
    (mail,) = mails()
    assert mail.to == ["ann@example.com"]
    assert mail.subject == "Confirm your e-mail address"
    ((html, kind),) = mail.alternatives
    assert kind == "text/html"
    assert token_in(mail) in html
    assert api(CONFIRM, ConfirmEmailVerificationRequest(token=token_in(mail))).user_id == str(ann.pk)


def test_support_may_have_it_sent(api: Transport, ann: User, support: User) -> None:
    assert api(VERIFY, VerifyEmailRequest(user_id=str(ann.pk)), actor=support).sent
    assert [mail.to for mail in mails()] == [["ann@example.com"]]


def test_another_may_not(api: Transport, ann: User, bob: User) -> None:
    with pytest.raises(Failed, match="FORBIDDEN"):
        api(VERIFY, VerifyEmailRequest(user_id=str(ann.pk)), actor=bob)
    with pytest.raises(Failed, match="NOT_FOUND"):
        api(VERIFY, VerifyEmailRequest(user_id="nobody"), actor=bob)
    assert mails() == []


def test_a_verified_address_gets_no_mail(api: Transport, ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(email_verified=True)
    answer = api(VERIFY, VerifyEmailRequest(user_id="me"), actor=ann)
    assert not answer.sent
    assert "already verified" in answer.message
    assert Job.objects.count() == 0


@pytest.mark.parametrize("status", [Status.DEACTIVATED, Status.SUSPENDED, Status.BANNED])
def test_a_closed_account_gets_no_mail(api: Transport, ann: User, administrator: User, status: Status) -> None:
    api(VERIFY, VerifyEmailRequest(user_id=str(ann.pk)), actor=administrator)
    User.objects.filter(pk=ann.pk).update(status=status)
    assert not api(VERIFY, VerifyEmailRequest(user_id=str(ann.pk)), actor=administrator).sent
    assert mails() == [], "it was closed after the mail was asked for"


def test_address_verified_in_between_gets_no_mail(api: Transport, ann: User) -> None:
    api(VERIFY, VerifyEmailRequest(user_id="me"), actor=ann)
    User.objects.filter(pk=ann.pk).update(email_verified=True)
    assert mails() == []


def test_account_deleted_before_its_mail_gets_none(ann: User) -> None:
    User.objects.filter(pk=ann.pk).delete()
    assert mailed_tokens.issue(ann, TokenPurpose.VERIFY_EMAIL, uuid7()) is None


def test_a_newer_token_makes_the_older_void(api: Transport, ann: User) -> None:
    api(VERIFY, VerifyEmailRequest(user_id="me"), actor=ann)
    (first,) = mails()
    api(VERIFY, VerifyEmailRequest(user_id="me"), actor=ann)
    (second,) = mails()
    assert token_in(first) != token_in(second)
    with pytest.raises(Failed, match="INVALID"):
        api(CONFIRM, ConfirmEmailVerificationRequest(token=token_in(first)))
    assert api(CONFIRM, ConfirmEmailVerificationRequest(token=token_in(second))).verified


def test_an_older_mail_that_comes_late_is_not_sent(api: Transport, ann: User) -> None:
    for _ in range(2):
        api(VERIFY, VerifyEmailRequest(user_id="me"), actor=ann)
    older, newer = Job.objects.order_by("id")
    Job.objects.filter(pk=older.pk).update(next_try_at=older.next_try_at + timedelta(days=1))
    (sent,) = mails()
    assert str(newer.pk) in sent.extra_headers["Message-ID"]
    Job.objects.filter(pk=older.pk).update(next_try_at=older.next_try_at)
    assert mails() == []
    assert api(CONFIRM, ConfirmEmailVerificationRequest(token=token_in(sent))).verified


def test_mails_are_limited_per_account(api: Transport, ann: User, support: User, settings: Any) -> None:
    settings.MAILS_PER_ACCOUNT = 2
    for actor in (ann, support):
        api(VERIFY, VerifyEmailRequest(user_id=str(ann.pk)), actor=actor)
    with pytest.raises(Failed, match="RATE_LIMITED"):
        api(VERIFY, VerifyEmailRequest(user_id=str(ann.pk)), actor=support)
    assert len(mails()) == 2


def test_every_new_account_gets_a_mail(api: Transport, administrator: User) -> None:
    for actor, email in ((None, "one@example.com"), (administrator, "two@example.com")):
        user = api("UserService/CreateUser", CreateUserRequest(email=email), actor=actor).user
        (mail,) = mails()
        assert mail.to == [email]
        api(CONFIRM, ConfirmEmailVerificationRequest(token=token_in(mail)))
        assert User.objects.get(pk=user.id).status == Status.ACTIVE == user_pb2.USER_STATUS_ACTIVE


def test_an_account_that_is_refused_gets_no_mail(api: Transport, ann: User) -> None:
    with pytest.raises(Failed, match="ALREADY_EXISTS"):
        api("UserService/CreateUser", CreateUserRequest(email=ann.email))
    assert mails() == []


def test_a_mail_that_is_sent_again_is_the_same(api: Transport, ann: User) -> None:
    api(VERIFY, VerifyEmailRequest(user_id="me"), actor=ann)
    (first,) = mails()
    Job.objects.update(ended_at=None, arguments={"user_id": str(ann.pk)})
    (again,) = mails()
    assert again.extra_headers["Message-ID"] == first.extra_headers["Message-ID"]
    assert token_in(again) == token_in(first)
    assert "http" not in first.body, "no pages are known to link to"
    assert api(CONFIRM, ConfirmEmailVerificationRequest(token=token_in(first))).verified


def test_the_link_leads_to_the_front_end(api: Transport, ann: User, settings: Any) -> None:
    settings.PUBLIC_URL = "https://tandem.example.com"
    api(VERIFY, VerifyEmailRequest(user_id="me"), actor=ann)
    (mail,) = mails()
    link = f"https://tandem.example.com/verify-email#token={token_in(mail)}"
    assert link in mail.body
    assert f'href="{link}"' in mail.alternatives[0][0]


def test_mail_contains_no_text_of_the_caller(api: Transport) -> None:
    lure = "http://evil.example/win-money click"
    request = CreateUserRequest(
        email="victim+evil.example/win@example.com", display_name=lure, first_name=lure, last_name=lure
    )
    api("UserService/CreateUser", request)
    (mail,) = mails()
    assert mail.to == ["victim+evil.example/win@example.com"]
    for text in (mail.body, mail.alternatives[0][0], mail.subject):
        assert "evil" not in text
        assert "click" not in text
    assert mail.body.startswith("Hello,\n")
    assert "<p>Hello,</p>" in mail.alternatives[0][0]


def test_no_token_is_stored(api: Transport, ann: User) -> None:
    api(VERIFY, VerifyEmailRequest(user_id="me"), actor=ann)
    before = str(list(Job.objects.values()))
    (mail,) = mails()
    kept = before + str(list(Job.objects.values())) + str(list(MailedToken.objects.values()))
    assert token_in(mail) not in kept
    assert Job.objects.get().arguments == {}


def test_deleted_user_gets_no_mail(api: Transport, ann: User) -> None:
    api(VERIFY, VerifyEmailRequest(user_id="me"), actor=ann)
    ann.delete()
    assert mails() == []
    assert run_jobs() == 0
    assert not Job.objects.get().failed

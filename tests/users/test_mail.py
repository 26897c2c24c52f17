"""Mails that are really sent: by a worker of its own, over SMTP, to a mail server on a real port."""

import re
import signal
from collections.abc import Callable, Iterator
from email.message import EmailMessage

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AnonymousUser

from changes.models import Change
from core.models import Job
from tandem.auth.v1.auth_pb2 import LoginRequest
from tandem.user.v1.user_pb2 import (
    ConfirmEmailVerificationRequest,
    CreateUserRequest,
    RequestPasswordResetRequest,
    ResetPasswordRequest,
)
from tests.jobs import text_of, token_in
from tests.support.factories import UserFactory
from tests.support.servers import free_port, until
from tests.support.smtp import MailServer, mail_server
from tests.support.transports import Failed, Transport
from tests.support.worker_process import Worker, shorten_leases, workers
from users.models import MailedToken, User
from users.services import create_user

pytestmark = pytest.mark.real_server

OLD, NEW = "correct horse battery", "staple battery horse"
PUBLIC_URL = "https://tandem.example.com"

Start = Callable[..., Worker]


@pytest.fixture
def smtp() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def start(transactional_db: None) -> Iterator[Start]:
    with workers() as start:
        yield start


@pytest.fixture
def ann(transactional_db: None) -> User:
    return UserFactory(
        email="ann@example.com", display_name="Ann O'Neil", password=make_password(OLD), email_verified=True
    )


def mail_to(smtp: MailServer, address: str, count: int = 1) -> EmailMessage:
    """Wait for this many mails to the address, and return the newest."""
    until(lambda: len(smtp.to(address)) >= count, f"{count} mails come to {address}")
    assert len(smtp.to(address)) == count
    return smtp.to(address)[-1]


def test_a_password_is_reset_by_the_mail_that_was_sent(
    committing_api: Transport, start: Start, smtp: MailServer, ann: User
) -> None:
    api = committing_api
    worker = start(EMAIL_URL=smtp.url, PUBLIC_URL=PUBLIC_URL, DEFAULT_FROM_EMAIL="Tandem <hello@example.com>",
                   LOG_LEVEL="DEBUG")  # fmt: skip
    for email in ("nobody@example.com", "ann@example.com"):
        assert api("UserService/RequestPasswordReset", RequestPasswordResetRequest(email=email)).sent
    mail = mail_to(smtp, "ann@example.com")
    token = token_in(mail)
    assert (mail["From"], mail["Subject"]) == ("Tandem <hello@example.com>", "Reset your password")
    assert re.fullmatch(r"<[0-9a-f-]{36}@example\.com>", mail["Message-ID"])
    assert "Hello Ann O'Neil," in text_of(mail)
    assert f"{PUBLIC_URL}/reset-password#token={token}" in text_of(mail)
    assert mail.get_content_type() == "multipart/alternative"

    reset = ResetPasswordRequest(token=token, new_password=NEW)
    api("UserService/ResetPassword", reset)
    assert api("AuthService/Login", LoginRequest(email=ann.email, password=NEW)).access_token
    with pytest.raises(Failed, match="INVALID"):
        api("UserService/ResetPassword", reset)
    notice = mail_to(smtp, "ann@example.com", count=2)
    assert notice["Subject"] == "Your password was changed"
    assert smtp.to("nobody@example.com") == []

    until(lambda: not Job.objects.filter(ended_at=None).exists(), "all jobs are done")
    kept = [worker.output_text, *(str(list(model.objects.values())) for model in (Change, Job, MailedToken))]
    for secret in (token, OLD, NEW):
        assert not any(secret in text for text in kept)
    assert "users.send_password_reset DONE" in worker.output_text


def test_an_address_is_verified_by_the_mail_that_was_sent(
    committing_api: Transport, start: Start, smtp: MailServer
) -> None:
    start(DEBUG="true", EMAIL_URL=smtp.url, HTTP_PORT="8123")
    user = committing_api("UserService/CreateUser", CreateUserRequest(email="new@example.com")).user
    mail = mail_to(smtp, "new@example.com")
    # A development server has the pages itself.
    assert f"http://localhost:8123/verify-email#token={token_in(mail)}" in text_of(mail)
    request = ConfirmEmailVerificationRequest(token=token_in(mail))
    assert committing_api("UserService/ConfirmEmailVerification", request).user_id == user.id


def register(count: int) -> list[str]:
    """Create accounts below the transports; return their addresses."""
    emails = [f"new{number}@example.com" for number in range(count)]
    for email in emails:
        create_user(AnonymousUser(), email=email, address="127.0.0.1")
    return emails


def test_a_worker_killed_in_the_middle_loses_no_mail(start: Start, smtp: MailServer) -> None:
    worker = start("--threads", "1", EMAIL_URL=smtp.url)
    killed: list[EmailMessage] = []

    def kill_after_three(mail: EmailMessage) -> None:
        # The server has taken the mail, and the worker will never know.
        if len(smtp.received) == 3:
            worker.process.send_signal(signal.SIGKILL)
            worker.process.wait()
            killed.append(mail)

    smtp.when_received = kill_after_three
    emails = register(8)
    until(lambda: bool(killed), "the worker is killed")
    shorten_leases(seconds=0)
    start("--threads", "1", EMAIL_URL=smtp.url)
    until(lambda: not Job.objects.filter(ended_at=None).exists(), "all are sent")
    assert {mail["To"] for mail in smtp.received} == set(emails)
    assert len(smtp.received) == len(emails) + 1, "only the one in flight is repeated"
    first, again = smtp.to(killed[0]["To"])
    assert first["Message-ID"] == again["Message-ID"]
    assert token_in(first) == token_in(again)
    assert len({mail["Message-ID"] for mail in smtp.received}) == len(emails)


def test_mail_survives_a_kill_before_the_server_accepts_it(start: Start, smtp: MailServer) -> None:
    worker = start("--threads", "1", EMAIL_URL=smtp.url)
    smtp.answer_to_recipient = "250 ok"
    smtp.before_recipient = worker.kill
    emails = register(2)
    until(lambda: worker.process.poll() is not None, "the worker is killed")
    assert smtp.received == []
    smtp.before_recipient = lambda: None
    shorten_leases(seconds=0)
    start("--threads", "1", EMAIL_URL=smtp.url)
    until(lambda: not Job.objects.filter(ended_at=None).exists(), "all are sent")
    assert sorted(mail["To"] for mail in smtp.received) == emails


def test_a_mail_server_that_is_down_is_tried_again(start: Start) -> None:
    port = free_port()
    worker = start(EMAIL_URL=f"smtp://127.0.0.1:{port}")
    (email,) = register(1)
    until(lambda: Job.objects.get().attempts == 2, "it is tried twice")
    until(lambda: Job.objects.get().state == "waiting", "it waits for the next try")
    assert "ConnectionRefusedError" in Job.objects.get().last_error
    shown = [line for line in worker.logged() if line.get("operation") == "users.send_verification"]
    assert {(line["level"], line["code"], line["reason"]) for line in shown} == {
        ("WARNING", "RETRY", "ConnectionRefusedError")
    }
    with mail_server(port) as smtp:
        mail_to(smtp, email)
        until(lambda: Job.objects.get().state == "done", "it is done")
    assert Job.objects.get().attempts >= 3


@pytest.mark.parametrize(
    ("answer", "state"), [("550 no such user", "failed"), ("451 come back later", "waiting")], ids=["550", "451"]
)
def test_answer_of_the_mail_server_decides_on_a_retry(start: Start, smtp: MailServer, answer: str, state: str) -> None:
    smtp.answer_to_recipient = answer
    start(EMAIL_URL=smtp.url)
    register(1)
    until(lambda: Job.objects.get().last_error != "", "it was refused")
    job = Job.objects.get()
    assert (job.state, job.attempts) == (state, 1)
    assert answer.partition(" ")[2] in job.last_error
    assert smtp.received == []


def test_worker_prints_mails_in_development(start: Start) -> None:
    worker = start(DEBUG="true")
    register(1)
    until(lambda: "Subject: Confirm your e-mail address" in worker.output_text, "the mail is printed")
    until(lambda: "To: new0@example.com" in worker.output_text, "with its address")


def test_worker_prints_no_mail_outside_development(start: Start) -> None:
    # What a mail holds is secret, and what is printed is kept. It goes to the machine's own mail server.
    assert settings.EMAIL_URL == "smtp://localhost:25"
    worker = start(DEBUG="false", EMAIL_URL="")
    register(1)
    until(lambda: Job.objects.get().attempts > 0, "it is tried")
    assert "Subject:" not in worker.output_text

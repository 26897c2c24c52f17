"""One mailbox, one account: by whichever way an address comes in, and where mails to it go."""

import importlib
import logging
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import make_password
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from core import mail
from core.jobs import PermanentFailure
from core.models import RateWindow
from tandem.auth.v1.auth_pb2 import LoginRequest
from tandem.example.v1.example_pb2 import CreateUserRequest as CreateExampleUserRequest
from tandem.user.v1.user_pb2 import (
    BulkImportUsersRequest,
    CreateUserRequest,
    GetUserByEmailRequest,
    GetUserRequest,
    RequestPasswordResetRequest,
    ResetPasswordRequest,
    SearchUsersRequest,
    UpdateUserRequest,
)
from tandem.user.v1.user_pb2 import User as UserMessage
from tests.jobs import mails, token_in
from tests.support.factories import UserFactory
from tests.support.smtp import mail_server
from tests.support.transports import Failed, Transport
from users.models import MailedToken, TokenPurpose, User
from users.queries import find_by_email

PASSWORD = "correct horse battery"
FORM = "ada@xn--bcher-kva.example"
SPELLINGS = ["Ada@bücher.example", FORM, "ada@BU\u0308CHER.example", '"ada"@bücher。example', "ada@ｂücher.example"]
TAKEN = f"User with email {FORM} already exists"


@pytest.fixture
def ada(db: Any) -> User:
    return UserFactory(email="ada@bücher.example", password=make_password(PASSWORD))


def test_a_new_account_has_the_canonical_address(api: Transport) -> None:
    user = api("UserService/CreateUser", CreateUserRequest(email="Ada@Bücher.example")).user
    assert (user.email, user.display_name) == (FORM, "Ada")
    assert User.objects.get().email == FORM


@pytest.mark.parametrize("spelled", SPELLINGS)
def test_a_second_spelling_makes_no_second_account(
    api: Transport, ada: User, administrator: User, spelled: str
) -> None:
    other = UserFactory(email="other@example.com")
    calls: list[tuple[str, Any]] = [
        ("UserService/CreateUser", CreateUserRequest(email=spelled)),
        ("ExampleService/CreateUser", CreateExampleUserRequest(name="Ada", email=spelled)),
        ("UserService/UpdateUser", UpdateUserRequest(user_id=str(other.pk), user=UserMessage(email=spelled))),
    ]
    for rpc, request in calls:
        with pytest.raises(Failed) as failed:
            api(rpc, request, actor=administrator)
        assert (failed.value.reason, failed.value.message) == ("ALREADY_EXISTS", TAKEN)
    row = BulkImportUsersRequest(user=UserMessage(email=spelled))
    answer = api("UserService/BulkImportUsers", [row], actor=administrator)
    assert (answer.imported, [e.field_violations[0].message for e in answer.errors]) == (0, [TAKEN])
    assert User.objects.filter(email=FORM).get() == ada


def test_import_writes_the_first_of_equivalent_addresses(api: Transport, administrator: User) -> None:
    rows = [BulkImportUsersRequest(user=UserMessage(email=spelled)) for spelled in SPELLINGS]
    answer = api("UserService/BulkImportUsers", rows, actor=administrator)
    assert (answer.imported, [error.index for error in answer.errors]) == (1, [1, 2, 3, 4])


@pytest.mark.parametrize("spelled", SPELLINGS)
def test_each_spelling_finds_the_account(api: Transport, ada: User, administrator: User, spelled: str) -> None:
    found = api("UserService/GetUserByEmail", GetUserByEmailRequest(email=spelled), actor=administrator).user
    assert found.id == str(ada.pk)
    answer = api("UserService/SearchUsers", SearchUsersRequest(query=spelled), actor=administrator)
    assert ([user.id for user in answer.users], answer.pagination.total_count) == ([str(ada.pk)], 1)
    assert api("AuthService/Login", LoginRequest(email=spelled, password=PASSWORD)).access_token
    assert api("UserService/RequestPasswordReset", RequestPasswordResetRequest(email=spelled)).sent
    (sent,) = mails()
    assert sent.to == [FORM]
    assert find_by_email(spelled) == ada


def test_spellings_share_the_limits_of_login_and_reset(api: Transport, ada: User, settings: Any) -> None:
    settings.LOGINS_PER_ACCOUNT, settings.MAILS_PER_ACCOUNT = 3, 3
    for spelled in SPELLINGS[:3]:
        with pytest.raises(Failed, match="UNAUTHENTICATED"):
            api("AuthService/Login", LoginRequest(email=spelled, password="wrong"))
        api("UserService/RequestPasswordReset", RequestPasswordResetRequest(email=spelled))
    for call in (
        lambda: api("AuthService/Login", LoginRequest(email=SPELLINGS[3], password="wrong")),
        lambda: api("UserService/RequestPasswordReset", RequestPasswordResetRequest(email=SPELLINGS[3])),
    ):
        with pytest.raises(Failed, match="RATE_LIMITED"):
            call()
    assert RateWindow.objects.filter(key__startswith="login account").count() == 1


def test_another_spelling_of_ones_own_address_changes_nothing(api: Transport, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(email_verified=True)
    request = UpdateUserRequest(user_id="me", user=UserMessage(email="ADA@bücher.example"))
    user = api("UserService/UpdateUser", request, actor=ada).user
    assert (user.email, user.email_verified, mails()) == (FORM, True, [])


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("jürgen@example.com", "before the @"),
        ("ſam@example.com", "before the @"),
        ("ada\u200b@example.com", "before the @"),
        ("ada@😀.example", "IDNA 2008"),
        ("ada@example.com.", "Enter an e-mail address."),
    ],
)
def test_undeliverable_address_creates_no_account(api: Transport, address: str, hint: str) -> None:
    with pytest.raises(Failed) as failed:
        api("UserService/CreateUser", CreateUserRequest(email=address))
    assert (failed.value.reason, failed.value.fields) == ("INVALID", {"email": "email"})
    assert hint in failed.value.message
    assert not User.objects.exists()


def test_mail_to_an_idna_2008_domain_is_delivered(api: Transport) -> None:
    api("UserService/CreateUser", CreateUserRequest(email="victim@faß.example"))
    api("UserService/RequestPasswordReset", RequestPasswordResetRequest(email="victim@faß.example"))
    assert [sent.to for sent in mails()] == [["victim@xn--fa-hia.example"]] * 2


@pytest.mark.parametrize(
    ("to", "recipient"),
    [
        ("victim@faß.example", "victim@xn--fa-hia.example"),
        ('"A b"@example.com', '"a b"@example.com'),
        ("ada@[::1]", "ada@[ipv6:::1]"),
    ],
)
def test_an_old_rows_address_is_mailed_to_in_its_canonical_form(settings: Any, to: str, recipient: str) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.DEFAULT_FROM_EMAIL = "Tandem <hello@straße.example>"
    with mail_server() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        mail.send("password_changed", job_id=uuid4(), to=to, subject="Hello", name="A", email=to, at=timezone.now())
        (received,) = server.received
    assert (received["To"], received["From"]) == (recipient, "Tandem <hello@xn--strae-oqa.example>")
    assert received["Message-ID"].endswith("@xn--strae-oqa.example>")


def test_no_mail_is_sent_to_another_mailbox_than_the_address_names(mailoutbox: list[Any]) -> None:
    for address in ("jürgen@example.com", "ſam@example.com", "ada@😀.example"):
        with pytest.raises(PermanentFailure, match="No mail can be sent to this address"):
            mail.send("password_changed", job_id=uuid4(), to=address, subject="", name="A", email="", at=timezone.now())
    assert mailoutbox == []


def test_the_development_identity_may_be_spelled_otherwise(api: Transport, ada: User, settings: Any) -> None:
    settings.DEBUG, settings.DEV_AUTH_AS = True, SPELLINGS[0]
    assert api("UserService/GetUser", GetUserRequest(user_id="me")).user.id == str(ada.pk)


@pytest.mark.django_db
def test_a_superuser_is_made_once_by_all_spellings(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    with pytest.raises(CommandError, match="already taken"):
        call_command("createsuperuser", interactive=False, email=SPELLINGS[0], stdout=StringIO())
    call_command("createsuperuser", interactive=False, email="Root@faß.example", stdout=StringIO())
    assert User.objects.get(is_superuser=True).email == "root@xn--fa-hia.example"


@pytest.mark.django_db
class TestOldRows:
    """Rows from before addresses had one form."""

    def old(self, email: str, days: int, **fields: Any) -> User:
        user = UserFactory(password=make_password(PASSWORD), created_at=timezone.now() - timedelta(days=days), **fields)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE users_user SET email = %s WHERE id = %s", [email, user.pk])
        return user

    def migrate(self) -> None:
        before = MigrationLoader(connection).project_state(("users", "0005_staff_and_service_indexes")).apps
        migration = importlib.import_module("users.migrations.0006_canonical_emails")
        migration.use_canonical_form(before, connection.schema_editor())

    def email(self, user: User) -> str:
        return User.objects.values_list("email", flat=True).get(pk=user.pk)

    def test_migration_canonicalizes_a_single_address_and_keeps_its_token(self) -> None:
        alone, plain = self.old("ada@bücher.example", 3), self.old("bob@example.com", 2)
        token = MailedToken(id=uuid4(), user=alone, purpose=TokenPurpose.RESET_PASSWORD, token_hash=b"1" * 32)
        token.expires_at = timezone.now()
        token.save()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE users_mailedtoken SET email = 'ada@bücher.example'")
        self.migrate()
        assert (self.email(alone), self.email(plain)) == (FORM, "bob@example.com")
        token.refresh_from_db()
        assert token.email == FORM

    def test_migration_reports_accounts_with_one_mailbox_and_keeps_all(
        self, api: Transport, caplog: pytest.LogCaptureFixture
    ) -> None:
        oldest = self.old("ada@bücher.example", 9)
        verified = self.old("ada@xn--bcher-kva.example", 8, email_verified=True)
        other, first = self.old('"eve"@faß.example', 5, email_verified=False), self.old("eve@faß.example", 6)
        lost = self.old("ada@😀.example", 1)
        with caplog.at_level(logging.WARNING):
            self.migrate()
        assert [self.email(user) for user in (oldest, verified)] == ["ada@bücher.example", FORM]
        assert [self.email(user) for user in (other, first)] == ['"eve"@faß.example', "eve@xn--fa-hia.example"]
        reported = {frozenset(str(arg) for arg in record.args or ()) for record in caplog.records}
        assert reported == {
            frozenset({str(verified.pk), str(oldest.pk)}), frozenset({str(first.pk), str(other.pk)}),
            frozenset({str(lost.pk)}),
        }  # fmt: skip
        # Each is signed in to as before, by its own spelling.
        for spelled, user in (("Ada@bücher.example", oldest), (FORM, verified), ("ada@😀.example", lost)):
            assert find_by_email(spelled) == user
            assert api("AuthService/Login", LoginRequest(email=spelled, password=PASSWORD)).access_token
        api("UserService/RequestPasswordReset", RequestPasswordResetRequest(email="ada@bücher.example"))
        reset = ResetPasswordRequest(token=token_in(mails()[-1]), new_password="staple battery horse")
        api("UserService/ResetPassword", reset)
        oldest.refresh_from_db()
        assert oldest.check_password("staple battery horse")
        self.migrate()
        assert [self.email(user) for user in (oldest, verified)] == ["ada@bücher.example", FORM]

from typing import Any

import pytest
from django.contrib.auth.hashers import check_password

from changes.models import Change
from tandem.common.v1.common_pb2 import PhoneNumber
from tandem.user.v1 import user_pb2
from tandem.user.v1.user_pb2 import CreateUserRequest
from tests.support.factories import UserFactory
from tests.support.transports import Failed, Transport
from users.models import User

CREATE = "UserService/CreateUser"


def test_new_account_waits_for_verification(api: Transport, administrator: User) -> None:
    request = CreateUserRequest(
        email="Jo.Bloggs@Example.com",
        password="correct horse battery",
        first_name=" Jo ",
        last_name="Bloggs",
        phone=PhoneNumber(e164="+14155551234"),
    )
    answer = api.answer(CREATE, request, actor=administrator)
    user = answer.message.user
    assert user.email == "jo.bloggs@example.com"
    assert user.display_name == "Jo.Bloggs"
    assert user.first_name == "Jo"
    assert user.status == user_pb2.USER_STATUS_PENDING_VERIFICATION
    assert list(user.roles) == [user_pb2.USER_ROLE_CUSTOMER]
    assert user.phone.country_code == "+1"
    assert user.phone.national_number == "4155551234"
    assert user.phone.e164 == "+14155551234"
    assert not user.email_verified
    assert user.audit.version == answer.version == 1
    assert user.audit.created_by == user.audit.updated_by == str(administrator.pk)
    assert not user.HasField("last_login_at")
    stored = User.objects.get(pk=user.id)
    assert check_password("correct horse battery", stored.password)
    assert stored.password.startswith("argon2$argon2id$")


def test_registration_needs_no_credential(api: Transport) -> None:
    user = api(CREATE, CreateUserRequest(email="new@example.com", password="correct horse battery")).user
    assert user.email == "new@example.com"
    assert user.audit.created_by == ""


def test_the_log_knows_it_without_the_password(api: Transport) -> None:
    user = api(CREATE, CreateUserRequest(email="new@example.com", password="correct horse battery")).user
    change = Change.objects.get(subject_type="user", subject_id=user.id)
    assert change.new["email"] == "new@example.com"
    assert "password" not in change.new
    assert change.actor == "anonymous"


def test_an_account_without_a_password_cannot_log_in(api: Transport) -> None:
    user = api(CREATE, CreateUserRequest(email="new@example.com")).user
    assert not User.objects.get(pk=user.id).has_usable_password()


def test_every_invalid_field_is_named(api: Transport) -> None:
    request = CreateUserRequest(
        email="nonsense",
        password="short",
        first_name="x" * 101,
        last_name="a\0b",
        display_name="d" * 201,
        phone=PhoneNumber(e164="12"),
    )
    with pytest.raises(Failed) as failed:
        api(CREATE, request)
    # The telephone number cannot be read at all, so the rules are not reached.
    assert failed.value.reason == "INVALID"
    assert failed.value.fields == {"phone": "phone"}
    request.ClearField("phone")
    with pytest.raises(Failed) as failed:
        api(CREATE, request)
    assert failed.value.fields == {
        "email": "email",
        "password": "password_too_short",
        "first_name": "max_length",
        "last_name": "control_characters",
        "display_name": "max_length",
    }
    assert User.objects.count() == 0


def test_a_bad_email_is_not_blamed_on_the_name_made_of_it(api: Transport) -> None:
    with pytest.raises(Failed) as failed:
        api(CREATE, CreateUserRequest(email="a\0b@example.com"))
    assert set(failed.value.fields) == {"email"}


@pytest.mark.parametrize("email", ["", "   "])
def test_the_email_is_required(api: Transport, email: str) -> None:
    with pytest.raises(Failed) as failed:
        api(CREATE, CreateUserRequest(email=email))
    assert failed.value.reason == "INVALID"
    assert failed.value.fields["email"] == "required"
    assert failed.value.messages["email"] == "Email is required"


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("too short", "password_too_short"),
        ("12345678901", "password_entirely_numeric"),
        ("password123", "password_too_common"),
        ("ann.other@example.com", "password_too_similar"),
        ("x" * 1025, "password_too_long"),
    ],
)
def test_a_weak_password_is_refused(api: Transport, password: str, code: str) -> None:
    with pytest.raises(Failed) as failed:
        api(CREATE, CreateUserRequest(email="ann.other@example.com", password=password))
    assert failed.value.fields == {"password": code}


@pytest.mark.parametrize(
    "about",
    [
        {"email": "ann.other@example.com", "first_name": "Alexander "},
        {"email": "ann.other@example.com", "display_name": " Alexander"},
        {"email": " alexander.2024@example.com"},
    ],
)
def test_password_is_compared_with_the_trimmed_fields(api: Transport, about: dict[str, str]) -> None:
    with pytest.raises(Failed) as failed:
        api(CREATE, CreateUserRequest(password="alexander.2024", **about))
    assert failed.value.fields == {"password": "password_too_similar"}


def test_email_that_differs_only_in_case_already_exists(api: Transport, ann: User) -> None:
    before = User.objects.count()
    with pytest.raises(Failed) as failed:
        api(CREATE, CreateUserRequest(email="ANN@example.com"))
    assert failed.value.reason == "ALREADY_EXISTS"
    assert failed.value.message == "User with email ann@example.com already exists"
    assert User.objects.count() == before


def test_a_refusal_uses_no_number(api: Transport, administrator: User) -> None:
    first = User.objects.get(pk=api(CREATE, CreateUserRequest(email="one@example.com")).user.id)
    for email in ("one@example.com", "nonsense"):
        with pytest.raises(Failed):
            api(CREATE, CreateUserRequest(email=email))
    second = User.objects.get(pk=api(CREATE, CreateUserRequest(email="two@example.com")).user.id)
    assert second.number == first.number + 1


def test_roles_are_for_administrators(api: Transport, ann: User, administrator: User) -> None:
    request = CreateUserRequest(email="new@example.com", roles=[user_pb2.USER_ROLE_SELLER, user_pb2.USER_ROLE_SUPPORT])
    for actor in (None, ann):
        with pytest.raises(Failed) as failed:
            api(CREATE, request, actor=actor)
        assert failed.value.reason == "FORBIDDEN"
    assert list(api(CREATE, request, actor=administrator).user.roles) == list(request.roles)


def test_signup_can_be_closed(api: Transport, settings: object, ann: User, administrator: User) -> None:
    settings.ALLOW_SIGNUP = False  # type: ignore[attr-defined]
    request = CreateUserRequest(email="new@example.com")
    for actor in (None, ann):
        with pytest.raises(Failed) as failed:
            api(CREATE, request, actor=actor)
        assert failed.value.reason == "FORBIDDEN"
    assert api(CREATE, request, actor=administrator).user.email == "new@example.com"


def test_registrations_are_limited_per_address(api: Transport, settings: object, ann: User) -> None:
    settings.SIGNUPS_PER_HOUR = 2  # type: ignore[attr-defined]
    for number in range(2):
        api(CREATE, CreateUserRequest(email=f"new{number}@example.com"))
    with pytest.raises(Failed) as failed:
        api(CREATE, CreateUserRequest(email="new3@example.com"))
    assert failed.value.reason == "RATE_LIMITED"
    assert api(CREATE, CreateUserRequest(email="new3@example.com"), actor=ann).user.email == "new3@example.com"


def test_signed_in_users_are_limited_each(
    api: Transport, settings: Any, ann: User, bob: User, administrator: User
) -> None:
    settings.SIGNUPS_PER_HOUR = 2

    def create(number: int, actor: User, key: str | None = None) -> str:
        try:
            api(CREATE, CreateUserRequest(email=f"new{number}@example.com"), actor=actor, idempotency_key=key)
        except Failed as failed:
            return failed.reason
        return "OK"

    # A refusal counts as well, so that who has an account cannot be asked without end; also under an idempotency key.
    create(0, administrator)
    assert [create(0, ann, key=f"k-{number}") for number in range(3)] == ["ALREADY_EXISTS"] * 2 + ["RATE_LIMITED"]
    assert [create(number, bob) for number in (1, 2, 3)] == ["OK", "OK", "RATE_LIMITED"]
    assert [create(number, administrator) for number in range(4, 8)] == ["OK"] * 4


def test_signed_in_users_behind_one_address_are_limited_together(api: Transport, settings: Any) -> None:
    settings.SIGNUPS_PER_HOUR = 1
    outcomes = []
    for number in range(6):
        try:
            api(CREATE, CreateUserRequest(email=f"new{number}@example.com"), actor=UserFactory())
            outcomes.append("OK")
        except Failed as failed:
            outcomes.append(failed.reason)
    assert outcomes == ["OK"] * 5 + ["RATE_LIMITED"]


@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        (PhoneNumber(country_code="+49", national_number="3012345678"), "+493012345678"),
        (PhoneNumber(country_code="49", national_number="30 1234 5678"), "+493012345678"),
        (PhoneNumber(e164="+49 30 12345678"), "+493012345678"),
        (PhoneNumber(), ""),
    ],
)
def test_a_phone_number_comes_in_either_form(api: Transport, phone: PhoneNumber, expected: str) -> None:
    user = api(CREATE, CreateUserRequest(email="new@example.com", phone=phone)).user
    assert user.phone.e164 == expected
    assert user.HasField("phone") == bool(expected)


def test_contradictory_parts_of_a_phone_number_are_rejected(api: Transport) -> None:
    phone = PhoneNumber(country_code="+49", national_number="3012345678", e164="+14155551234")
    with pytest.raises(Failed) as failed:
        api(CREATE, CreateUserRequest(email="new@example.com", phone=phone))
    assert failed.value.fields == {"phone": "phone"}


def test_the_same_key_makes_one_account(api: Transport, administrator: User) -> None:
    request = CreateUserRequest(email="new@example.com", password="correct horse battery")
    first = api.answer(CREATE, request, actor=administrator, idempotency_key="k-1")
    again = api.answer(CREATE, request, actor=administrator, idempotency_key="k-1")
    assert again.message == first.message
    assert (first.replayed, again.replayed) == (False, True)
    request.email = "other@example.com"
    with pytest.raises(Failed) as failed:
        api(CREATE, request, actor=administrator, idempotency_key="k-1")
    assert failed.value.reason == "IDEMPOTENCY_KEY_REUSED"
    assert User.objects.filter(email__endswith="@example.com").exclude(pk=administrator.pk).count() == 1


def test_a_key_belongs_to_its_caller(api: Transport, administrator: User, ann: User) -> None:
    request = CreateUserRequest(email="new@example.com")
    api(CREATE, request, actor=administrator, idempotency_key="k-1")
    with pytest.raises(Failed) as failed:
        api(CREATE, request, actor=ann, idempotency_key="k-1")
    assert failed.value.reason == "ALREADY_EXISTS"


def test_an_error_is_not_kept_for_its_key(api: Transport, administrator: User) -> None:
    with pytest.raises(Failed):
        api(CREATE, CreateUserRequest(email="nonsense"), actor=administrator, idempotency_key="k-1")
    answer = api.answer(CREATE, CreateUserRequest(email="new@example.com"), actor=administrator, idempotency_key="k-1")
    assert not answer.replayed


def test_a_malformed_key_is_refused(api: Transport, administrator: User) -> None:
    with pytest.raises(Failed) as failed:
        api(CREATE, CreateUserRequest(email="new@example.com"), actor=administrator, idempotency_key="x" * 256)
    assert failed.value.fields == {"idempotency_key": "invalid"}

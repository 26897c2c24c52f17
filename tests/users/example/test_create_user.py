import pytest

from tandem.example.v1.example_pb2 import CreateUserRequest
from tests.jobs import mails
from tests.support.transports import Failed, Transport
from users.models import User

CREATE = "ExampleService/CreateUser"


def test_account_is_created_without_a_password(api: Transport) -> None:
    user = api(CREATE, CreateUserRequest(name=" Zoe ", email="ZOE@example.com")).user
    assert (user.name, user.email) == ("Zoe", "zoe@example.com")
    stored = User.objects.get(number=user.id)
    assert not stored.has_usable_password()
    assert user.updated_at == int(stored.updated_at.timestamp())
    assert [mail.to for mail in mails()] == [["zoe@example.com"]]


@pytest.mark.parametrize(
    ("name", "email", "fields"),
    [("", "", ["name", "email"]), ("Zoe", " ", ["email"]), ("", "zoe@example.com", ["name"])],
)
def test_name_and_email_are_required(api: Transport, name: str, email: str, fields: list[str]) -> None:
    with pytest.raises(Failed) as failed:
        api(CREATE, CreateUserRequest(name=name, email=email))
    assert failed.value.fields == dict.fromkeys(fields, "required")
    assert failed.value.message == "Name and email are required"


def test_existing_email_is_rejected(api: Transport, ann: User) -> None:
    with pytest.raises(Failed) as failed:
        api(CREATE, CreateUserRequest(name="Ann", email="Ann@example.com"))
    assert failed.value.reason == "ALREADY_EXISTS"
    assert failed.value.message == "User with email ann@example.com already exists"


def test_an_overlong_name_is_named_as_the_contract_names_it(api: Transport) -> None:
    with pytest.raises(Failed) as failed:
        api(CREATE, CreateUserRequest(name="x" * 201, email="zoe@example.com"))
    assert failed.value.fields == {"name": "max_length"}

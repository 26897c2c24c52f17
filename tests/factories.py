"""Rows for scenes; factory-boy where a scene needs many."""

import factory

from access.models import ApiKey
from access.tokens import api_key_text, hash_of
from meetings.models import Meeting
from tasks.models import Task
from users.models import Role, Status, User, UserAddress

SECRET = "a-secret-of-a-key_with-an-underscore"


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"user{n}@example.com")
    display_name = factory.Sequence(lambda n: f"User {n}")
    status = Status.ACTIVE
    roles = [Role.CUSTOMER]
    password = "!"


class AdministratorFactory(UserFactory):
    email = factory.Sequence(lambda n: f"administrator{n}@example.com")
    display_name = "Administrator"
    roles = [Role.ADMIN]
    is_staff = True
    number = None


class SupportFactory(UserFactory):
    display_name = "Support"
    roles = [Role.SUPPORT]


class ServiceFactory(UserFactory):
    display_name = "Service"
    number = None
    is_service = True


class ApiKeyFactory(factory.django.DjangoModelFactory):
    """A key whose secret is `SECRET`; see `bearer_of`."""

    class Meta:
        model = ApiKey

    name = "Nightly report"
    scopes = ["users:read"]
    secret_hash = hash_of(SECRET)


def bearer_of(key: ApiKey) -> str:
    """The `Authorization` of a key that `ApiKeyFactory` made."""
    return "Bearer " + api_key_text(key, SECRET)


class UserAddressFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = UserAddress

    label = factory.Sequence(lambda n: f"Home {n}")
    full_name = "Ann Other"
    line1 = "Main Street 1"
    city = "Berlin"
    country_code = "DE"


class TaskFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Task

    title = factory.Sequence(lambda n: f"Task {n}")


class MeetingFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Meeting

    title = factory.Sequence(lambda n: f"Meeting {n}")
    owner = factory.SubFactory(UserFactory)

"""Rows for scenes; factory-boy where a scene needs many."""

import factory

from users.models import Role, Status, User, UserAddress


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


class UserAddressFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = UserAddress

    label = factory.Sequence(lambda n: f"Home {n}")
    full_name = "Ann Other"
    line1 = "Main Street 1"
    city = "Berlin"
    country_code = "DE"

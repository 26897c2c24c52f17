"""Constants that the model repeats because the contract does."""

import pytest
from django.db.models import IntegerChoices
from google.protobuf.descriptor import EnumDescriptor

from core.protojson.enums import names
from tandem.user.v1 import user_pb2
from users.messages import PROFILE, WRITABLE
from users.models import Role, Status


@pytest.mark.parametrize(
    ("choices", "enum"), [(Status, user_pb2.UserStatus.DESCRIPTOR), (Role, user_pb2.UserRole.DESCRIPTOR)]
)
def test_choices_are_the_contracts_enum(choices: type[IntegerChoices], enum: EnumDescriptor) -> None:
    assert {choice.value: choice.name.lower() for choice in choices} == names(enum)


def test_the_profile_is_the_contracts_profile() -> None:
    assert set(PROFILE) == set(user_pb2.UserProfile.DESCRIPTOR.fields_by_name)


def test_writable_fields_exist() -> None:
    fields = user_pb2.User.DESCRIPTOR.fields_by_name
    assert {path.partition(".")[0] for path in WRITABLE} <= set(fields)

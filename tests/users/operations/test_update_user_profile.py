import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from tandem.user.v1.user_pb2 import UpdateUserProfileRequest, UserProfile
from tests.support.transports import Failed, Transport
from users.models import User

UPDATE = "UserService/UpdateUserProfile"


def test_only_masked_fields_are_updated(api: Transport, ann: User) -> None:
    profile = UserProfile(bio="Hello", company="ACME")
    request = UpdateUserProfileRequest(user_id="me", profile=profile, update_mask=FieldMask(paths=["bio", "company"]))
    answer = api.answer(UPDATE, request, actor=ann)
    assert (answer.message.user.profile, answer.version) == (profile, 2)
    request = UpdateUserProfileRequest(user_id="me", update_mask=FieldMask(paths=["bio"]))
    assert api(UPDATE, request, actor=ann).user.profile == UserProfile(company="ACME")


def test_bad_fields_are_named_as_the_profile_names_them(api: Transport, ann: User) -> None:
    request = UpdateUserProfileRequest(user_id="me", profile=UserProfile(currency="EURO", website="ftp://example.com"))
    with pytest.raises(Failed) as failed:
        api(UPDATE, request, actor=ann)
    assert failed.value.fields == {"currency": "max_length", "website": "url"}


def test_a_stale_version_changes_nothing(api: Transport, ann: User) -> None:
    request = UpdateUserProfileRequest(user_id="me", profile=UserProfile(bio="Hello"))
    with pytest.raises(Failed) as failed:
        api(UPDATE, request, actor=ann, if_match="9")
    assert failed.value.reason == "STALE"


def test_others_are_for_administrators(api: Transport, ann: User, bob: User, administrator: User) -> None:
    request = UpdateUserProfileRequest(user_id=str(bob.pk), profile=UserProfile(bio="Hello"))
    with pytest.raises(Failed) as failed:
        api(UPDATE, request, actor=ann)
    assert failed.value.reason == "FORBIDDEN"
    assert api(UPDATE, request, actor=administrator).user.profile.bio == "Hello"

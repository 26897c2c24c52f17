from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from changes.models import Change
from tandem.common.v1.common_pb2 import Date, PhoneNumber
from tandem.user.v1 import user_pb2
from tandem.user.v1.user_pb2 import UpdateUserRequest, UserProfile
from tandem.user.v1.user_pb2 import User as UserMessage
from tests.jobs import mails
from tests.support.transports import Failed, Transport
from users.models import Role, Status, User

UPDATE = "UserService/UpdateUser"


def update(user: User | str, mask: list[str] | None = None, **fields: Any) -> UpdateUserRequest:
    request = UpdateUserRequest(user_id=str(getattr(user, "pk", user)), user=UserMessage(**fields))
    if mask is not None:
        request.update_mask.CopyFrom(FieldMask(paths=mask))
    return request


def test_only_masked_fields_are_updated(api: Transport, ann: User) -> None:
    answer = api.answer(UPDATE, update(ann, ["first_name"], first_name="Anna"), actor=ann)
    user = answer.message.user
    assert user.first_name == "Anna"
    assert user.last_name == "Other"
    assert user.audit.version == 2
    assert answer.version == 2
    assert user.audit.updated_by == str(ann.pk)
    ann.refresh_from_db()
    assert (ann.first_name, ann.version) == ("Anna", 2)


def test_a_named_field_that_is_unset_is_emptied(api: Transport, ann: User) -> None:
    api(UPDATE, update(ann, ["profile.bio", "last_name"], profile=UserProfile(bio="Hello.\nWorld.")), actor=ann)
    ann.refresh_from_db()
    assert (ann.bio, ann.last_name) == ("Hello.\nWorld.", "")
    api(UPDATE, update(ann, ["profile.bio"]), actor=ann)
    ann.refresh_from_db()
    assert ann.bio == ""


def test_without_a_mask_it_sets_what_is_set(api: Transport, ann: User) -> None:
    request = update(ann, None, first_name="Anna", profile=UserProfile(company="ACME"))
    user = api(UPDATE, request, actor=ann).user
    assert user.first_name == "Anna"
    assert user.last_name == "Other"
    assert user.profile.company == "ACME"


def test_every_writable_field_can_be_written(api: Transport, ann: User) -> None:
    profile = UserProfile(
        bio="b", date_of_birth=Date(year=1990, month=2, day=28), gender="f", language="de", currency="EUR",
        timezone="Europe/Berlin", company="c", website="https://example.com/", social_links={"x": "https://x.com/ann"},
    )  # fmt: skip
    request = update(
        ann,
        ["first_name", "last_name", "display_name", "phone", "avatar_url", "email", "profile"],
        first_name="O'Brien",
        last_name='<b>"',
        display_name="D",
        phone=PhoneNumber(e164="+14155551234"),
        avatar_url="https://example.com/a.png",
        email="Anna@example.com",
        profile=profile,
    )
    user = api(UPDATE, request, actor=ann).user
    assert user.first_name == "O'Brien"
    assert user.last_name == '<b>"'
    assert user.display_name == "D"
    assert user.email == "ann@example.com"
    assert user.profile == profile


def test_unchanged_email_sends_no_mail(api: Transport, ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(email_verified=True)
    request = update(ann, ["email", "first_name"], email="ANN@example.com", first_name="Anna")
    assert api(UPDATE, request, actor=ann).user.email_verified
    assert mails() == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("id", "read_only"),
        ("audit", "read_only"),
        ("email_verified", "read_only"),
        ("last_login_at", "read_only"),
    ],
)
def test_a_path_that_cannot_be_written_is_named(api: Transport, ann: User, path: str, code: str) -> None:
    with pytest.raises(Failed) as failed:
        api(UPDATE, update(ann, [path, "first_name"], first_name="Anna"), actor=ann)
    assert (failed.value.reason, failed.value.fields) == ("INVALID", {path: code})
    ann.refresh_from_db()
    assert ann.first_name == "Ann"


def test_every_bad_field_is_named_by_its_path(api: Transport, ann: User) -> None:
    profile = UserProfile(
        bio="x" * 1001, language="german", currency="XXQ", timezone="Mars/Olympus", website="javascript:alert(1)",
        date_of_birth=Date(year=2023, month=2, day=28), social_links={"": "https://example.com"},
    )  # fmt: skip
    request = update(ann, ["display_name", "avatar_url", "profile"], avatar_url="nonsense", profile=profile)
    with pytest.raises(Failed) as failed:
        api(UPDATE, request, actor=ann)
    assert failed.value.fields == {
        "display_name": "required",
        "avatar_url": "url",
        "profile.bio": "max_length",
        "profile.language": "max_length",
        "profile.currency": "currency",
        "profile.timezone": "timezone",
        "profile.website": "url",
        "profile.social_links": "max_length",
    }
    ann.refresh_from_db()
    assert ann.version == 1


def test_a_stale_version_changes_nothing(api: Transport, ann: User) -> None:
    api(UPDATE, update(ann, ["first_name"], first_name="Anna"), actor=ann, if_match='"1"')
    with pytest.raises(Failed) as failed:
        api(UPDATE, update(ann, ["first_name"], first_name="Anni"), actor=ann, if_match="1")
    assert failed.value.reason == "STALE"
    assert failed.value.metadata == {"current_version": "2"}
    ann.refresh_from_db()
    assert ann.first_name == "Anna"


@pytest.mark.parametrize(
    "if_match", ["", " ", ",", "nonsense", "-1", "1, 2", '"1', '"1" "2"', '*, "1"', "W/1", 'w/"1"', '"a"b"', '"1";"2"']
)
def test_a_malformed_version_is_refused(api: Transport, ann: User, if_match: str) -> None:
    with pytest.raises(Failed) as failed:
        api(UPDATE, update(ann, ["first_name"], first_name="Anna"), actor=ann, if_match=if_match)
    assert failed.value.fields == {"if_match": "invalid"}


def test_unchanged_values_write_nothing(api: Transport, ann: User) -> None:
    before = Change.objects.count()
    assert api(UPDATE, update(ann, ["first_name"], first_name=" Ann "), actor=ann).user.audit.version == 1
    assert Change.objects.count() == before


def test_others_are_for_administrators(
    api: Transport, ann: User, bob: User, support: User, administrator: User
) -> None:
    request = update(bob, ["first_name"], first_name="Bert")
    for actor in (ann, support):
        with pytest.raises(Failed) as failed:
            api(UPDATE, request, actor=actor)
        assert failed.value.reason == "FORBIDDEN"
    assert api(UPDATE, request, actor=administrator).user.first_name == "Bert"


def test_roles_and_status_are_for_administrators(api: Transport, ann: User, administrator: User) -> None:
    for fields in ({"roles": [user_pb2.USER_ROLE_SELLER]}, {"status": user_pb2.USER_STATUS_BANNED}):
        with pytest.raises(Failed) as failed:
            api(UPDATE, update(ann, list(fields), **fields), actor=ann)
        assert failed.value.reason == "FORBIDDEN"
        user = api(UPDATE, update(ann, list(fields), **fields), actor=administrator).user
        for name, value in fields.items():
            assert getattr(user, name) == value


def test_received_user_can_be_sent_back(api: Transport, ann: User) -> None:
    """Without a mask what cannot be written is left alone, so that read, change, write works."""
    got = api("UserService/GetUser", user_pb2.GetUserRequest(user_id="me"), actor=ann).user
    got.first_name = "Anna"
    writable = UserMessage(
        first_name=got.first_name, last_name=got.last_name, display_name=got.display_name, email=got.email,
        status=got.status, roles=got.roles,
    )  # fmt: skip
    assert api(UPDATE, UpdateUserRequest(user_id="me", user=writable), actor=ann).user.first_name == "Anna"


@pytest.mark.parametrize("fields", [{"roles": [Role.CUSTOMER]}, {"status": Status.BANNED}])
def test_the_last_administrator_stays_one(api: Transport, administrator: User, fields: dict[str, Any]) -> None:
    with pytest.raises(Failed) as failed:
        api(UPDATE, update(administrator, list(fields), **fields), actor=administrator)
    assert failed.value.reason == "CONFLICT"


def test_a_ban_ends_the_sessions(api: Transport, ann: User, administrator: User) -> None:
    api("UserService/GetUser", user_pb2.GetUserRequest(user_id="me"), actor=ann)
    api(UPDATE, update(ann, ["status"], status=Status.BANNED), actor=administrator)
    api(UPDATE, update(ann, ["status"], status=Status.ACTIVE), actor=administrator)
    with pytest.raises(Failed) as failed:
        api("UserService/GetUser", user_pb2.GetUserRequest(user_id="me"), actor=ann)
    assert failed.value.reason == "UNAUTHENTICATED"


def test_a_malformed_id_is_not_found(api: Transport, ann: User) -> None:
    with pytest.raises(Failed) as failed:
        api(UPDATE, update("nonsense", ["first_name"], first_name="x"), actor=ann)
    assert failed.value.message == "User not found: nonsense"

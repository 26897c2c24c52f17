import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from tandem.user.v1.user_pb2 import EmailPreferences, PushPreferences, UpdateUserPreferencesRequest, UserPreferences
from tests.support.transports import Failed, Transport
from users.models import User

UPDATE = "UserService/UpdateUserPreferences"


def update(mask: list[str], **parts: object) -> UpdateUserPreferencesRequest:
    preferences = UserPreferences(**parts)  # type: ignore[arg-type]
    return UpdateUserPreferencesRequest(user_id="me", preferences=preferences, update_mask=FieldMask(paths=mask))


def test_only_masked_fields_are_updated(api: Transport, ann: User) -> None:
    request = update(["email.promotions", "email.order_updates"], email=EmailPreferences(promotions=True))
    email = api(UPDATE, request, actor=ann).preferences.email
    assert email.promotions
    assert not email.order_updates
    assert email.security_alerts
    ann.refresh_from_db()
    assert ann.preferences == {"email.promotions": True, "email.order_updates": False}
    assert ann.version == 2


def test_a_part_as_a_whole(api: Transport, ann: User) -> None:
    part = PushPreferences(enabled=True, messages=True)
    request = update(["push.enabled", "push.order_updates", "push.price_alerts", "push.messages"], push=part)
    assert api(UPDATE, request, actor=ann).preferences.push == part


def test_an_unknown_path_is_named(api: Transport, ann: User) -> None:
    with pytest.raises(Failed) as failed:
        api(UPDATE, update(["email.moon"]), actor=ann)
    assert failed.value.fields == {"email.moon": "unknown"}


def test_a_stale_version_changes_nothing(api: Transport, ann: User) -> None:
    request = update(["push.enabled"], push=PushPreferences(enabled=True))
    with pytest.raises(Failed, match="STALE"):
        api(UPDATE, request, actor=ann, if_match="4")

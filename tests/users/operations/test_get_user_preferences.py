from tandem.user.v1 import user_pb2
from tandem.user.v1.user_pb2 import GetUserPreferencesRequest
from tests.support.transports import Transport
from users.models import PREFERENCES, User


def test_every_preference_has_a_value(api: Transport, ann: User) -> None:
    preferences = api("UserService/GetUserPreferences", GetUserPreferencesRequest(user_id="me"), actor=ann).preferences
    assert (preferences.email.security_alerts, preferences.email.promotions) == (True, False)
    assert preferences.privacy.searchable
    assert preferences.HasField("sms")


def test_the_defaults_are_complete() -> None:
    parts = user_pb2.UserPreferences.DESCRIPTOR.fields
    assert set(PREFERENCES) == {f"{part.name}.{field.name}" for part in parts for field in part.message_type.fields}

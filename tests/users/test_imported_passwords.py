"""Passwords that came with an import, however the person's keyboard composes their letters."""

import unicodedata

import bcrypt
import pytest

from tandem.auth.v1.auth_pb2 import LoginRequest
from tandem.user.v1.user_pb2 import BulkImportUsersRequest
from tandem.user.v1.user_pb2 import User as UserMessage
from tests.support.transports import Transport
from users.models import User

PASSWORD = "Käse und Crème brûlée"


@pytest.mark.parametrize("hashed_as", ["NFC", "NFD"])
def test_an_imported_password_is_right_as_it_was_hashed(api: Transport, administrator: User, hashed_as: str) -> None:
    typed = unicodedata.normalize(hashed_as, PASSWORD)
    row = BulkImportUsersRequest(
        user=UserMessage(email="eve@example.com"),
        password_hash=bcrypt.hashpw(typed.encode(), bcrypt.gensalt(4)).decode(),
    )
    assert api("UserService/BulkImportUsers", [row], actor=administrator).imported == 1
    assert api("AuthService/Login", LoginRequest(email="eve@example.com", password=typed)).access_token
    # From then on the other form will do, too.
    for form in ("NFC", "NFD"):
        other = unicodedata.normalize(form, PASSWORD)
        assert api("AuthService/Login", LoginRequest(email="eve@example.com", password=other)).access_token

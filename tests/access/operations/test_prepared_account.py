"""An account that a stranger prepared for the owner of an address is lost to the stranger with the owner's reset."""

import pytest
from django.test import Client
from django.urls import reverse

from tandem.auth.v1 import auth_pb2
from tandem.user.v1 import user_pb2
from tests.jobs import mails, token_in
from tests.support.transports import Failed, Transport
from users.models import User

EMAIL, OLD, NEW = "victim@example.com", "correct horse battery", "another horse battery"
ME = user_pb2.GetUserRequest(user_id="me")


def sent_to(address: str) -> str:
    (mail,) = [mail for mail in mails() if mail.to == [address]]
    return token_in(mail)


def test_prepared_credentials_do_not_survive_the_reset(api: Transport) -> None:
    api("UserService/CreateUser", user_pb2.CreateUserRequest(email=EMAIL, password=OLD))
    mails()
    session = api("AuthService/Login", auth_pb2.LoginRequest(email=EMAIL, password=OLD))
    bearer = f"Bearer {session.access_token}"
    request = auth_pb2.CreateApiKeyRequest(name="Mine", scopes=["users:read"])
    key = api("AuthService/CreateApiKey", request, authorization=bearer)
    moved = user_pb2.UpdateUserRequest(user_id="me", user=user_pb2.User(email="thief@example.com"))
    api("UserService/UpdateUser", moved, authorization=bearer)
    theft = sent_to("thief@example.com")
    User.objects.update(is_staff=True)
    site = Client()
    site.post(reverse("admin:login"), {"username": EMAIL, "password": OLD}, HTTP_HOST="localhost")
    assert site.get(reverse("admin:index"), HTTP_HOST="localhost").status_code == 200

    api("UserService/RequestPasswordReset", user_pb2.RequestPasswordResetRequest(email=EMAIL))
    api("UserService/ResetPassword", user_pb2.ResetPasswordRequest(token=sent_to(EMAIL), new_password=NEW))

    for authorization in (bearer, f"Bearer {key.secret}"):
        with pytest.raises(Failed, match="UNAUTHENTICATED"):
            api("UserService/GetUser", ME, authorization=authorization)
    with pytest.raises(Failed, match="UNAUTHENTICATED"):
        api("AuthService/RefreshToken", auth_pb2.RefreshTokenRequest(refresh_token=session.refresh_token))
    with pytest.raises(Failed, match="UNAUTHENTICATED"):
        api("AuthService/Login", auth_pb2.LoginRequest(email=EMAIL, password=OLD))
    with pytest.raises(Failed, match="INVALID"):
        api("UserService/ConfirmEmailVerification", user_pb2.ConfirmEmailVerificationRequest(token=theft))
    assert site.get(reverse("admin:index"), HTTP_HOST="localhost").status_code == 302
    assert User.objects.get().email == EMAIL
    assert api("AuthService/Login", auth_pb2.LoginRequest(email=EMAIL, password=NEW)).access_token

"""HTTP clients that hold a session."""

from typing import Any

from django.test import Client

from access.models import Session
from access.tokens import access_token
from users.models import User

JSON = "application/json"


def client_of(user: User) -> Client:
    bearer = f"Bearer {access_token(Session.objects.create(user=user))}"
    return Client(raise_request_exception=False, HTTP_HOST="localhost", headers={"Authorization": bearer})


def path_of(task: Any) -> str:
    return f"/api/v1/tasks/{task.pk}"

"""Clients of the REST API, and a task."""

from typing import Any

import pytest
from django.test import Client

from tests.support.factories import TaskFactory
from tests.support.http_clients import client_of
from users.models import User


@pytest.fixture
def http(administrator: User) -> Client:
    return client_of(administrator)


@pytest.fixture
def public(db: None) -> Client:
    return Client(raise_request_exception=False, HTTP_HOST="localhost")


@pytest.fixture
def task(administrator: User) -> Any:
    return TaskFactory(created_by=administrator, title="A", labels=["x"], metadata={"a": "1"})

"""Operations for the tests of the JSON rules, and requests as HTTP calls."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from access import handlers as access_calls
from core import protojson
from core.errors import problem_of
from core.operations import Operation, operations
from tandem.auth.v1 import auth_pb2
from tandem.example.v1 import example_pb2
from tandem.user.v1 import user_pb2
from users.handlers import example as example_calls
from users.handlers import user as user_calls

SERVED = [
    *operations(user_pb2.DESCRIPTOR.services_by_name["UserService"], user_calls),
    *operations(example_pb2.DESCRIPTOR.services_by_name["ExampleService"], example_calls),
    *operations(auth_pb2.DESCRIPTOR.services_by_name["AuthService"], access_calls),
]
BY_NAME = {operation.name: operation for operation in SERVED}
UPDATE_USER = BY_NAME["user.v1.UserService/UpdateUser"]
LIST_USERS = BY_NAME["user.v1.UserService/ListUsers"]
SEARCH_USERS = BY_NAME["user.v1.UserService/SearchUsers"]
GET_USER = BY_NAME["user.v1.UserService/GetUser"]
GET_USER_BY_NUMBER = BY_NAME["example.ExampleService/GetUser"]


def codes(call: Callable[..., Any], *arguments: Any) -> dict[str, str]:
    """Read an invalid request; return field → code of the broken rule. Every message ends with a full stop."""
    with pytest.raises(ValidationError) as failed:
        call(*arguments)
    problem = problem_of(failed.value)
    assert all(violation.message.endswith(".") for violation in problem.violations)
    return {violation.field: violation.code for violation in problem.violations}


def read(operation: Operation, body: Any = b"", query: str = "", **path_values: str) -> Any:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return protojson.read_request(operation, path_values, query, sent)


def update(body: Any) -> user_pb2.UpdateUserRequest:
    return read(UPDATE_USER, body, user_id="me")

"""Limits on the size, the rate and the duration of requests, the same over both transports."""

import json
from collections.abc import Iterator
from typing import Any

import grpc
from django.core.exceptions import ValidationError
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

from core.errors import MAX_VIOLATIONS, invalid, problem_of
from core.rest import problems as over_http
from core.rpc import problems as over_grpc
from tandem.auth.v1.auth_pb2 import LoginRequest
from tandem.task.v1.task_pb2 import CreateTaskRequest
from tandem.user.v1.user_pb2 import (
    CreateUserRequest,
    UpdateUserProfileRequest,
    UpdateUserRequest,
    User,
    UserProfile,
    UserRole,
)
from tests.support.grpc_transport import CallContext, GrpcTransport
from tests.support.rest_transport import RestTransport
from tests.support.transports import OPERATIONS, Transport
from users.models import User as UserModel

MEGABYTE = 1024 * 1024


def test_a_request_has_a_megabyte_at_most(api: Transport, ann: UserModel) -> None:
    almost = CreateTaskRequest(title="t", description="x" * (MEGABYTE - 100))
    assert api.failure("TaskService/CreateTask", almost, actor=ann).fields == {"description": "max_length"}
    failed = api.failure("TaskService/CreateTask", CreateTaskRequest(title="t" * (MEGABYTE + 1)), actor=ann)
    assert failed.reason == "TOO_LARGE"
    assert failed.message == "The request is larger than 1 MB, the maximum for this operation."
    failed = api.failure("AuthService/Login", LoginRequest(email="a@example.com", password="x" * MEGABYTE))
    assert failed.reason == "TOO_LARGE"


def test_unauthorized_caller_learns_nothing_of_the_request(api: Transport, ann: UserModel) -> None:
    request = CreateTaskRequest(title="t" * (MEGABYTE + 1))
    assert api.failure("TaskService/CreateTask", request).reason == "UNAUTHENTICATED"
    nonsense = UpdateUserRequest(user_id=str(ann.pk), user=User(email="nonsense"))
    assert api.failure("UserService/UpdateUser", nonsense).reason == "UNAUTHENTICATED"
    assert api.failure("TaskService/BulkCreateTasks", [request]).reason == "UNAUTHENTICATED"


def test_no_message_of_an_unauthorized_caller_is_received_over_grpc(db: None) -> None:
    received = []

    def messages() -> Iterator[bytes]:
        received.append("asked for")
        yield b"\xff"

    for operation in OPERATIONS.values():
        if operation.public or operation.answers_stream:
            continue
        context = CallContext(())
        GrpcTransport().handlers[f"/{operation.name}"].stream_unary(messages(), context)
        assert (context.code(), received) == (grpc.StatusCode.UNAUTHENTICATED, []), operation.name


def test_a_message_of_a_stream_has_a_megabyte_at_most(api: Transport, ann: UserModel) -> None:
    sent = [CreateTaskRequest(title=title) for title in ("first", "t" * (MEGABYTE + 1), "third")]
    answer = api("TaskService/BulkCreateTasks", sent, actor=ann)
    assert (answer.success_count, [error.index for error in answer.errors]) == (2, [1])
    assert answer.errors[0].error_message == "The message is larger than 1 MB."


def test_a_call_that_comes_too_late_is_not_begun(api: Transport, ann: UserModel, settings: Any) -> None:
    settings.MAX_CALL_SECONDS = -1
    failed = api.failure("TaskService/CreateTask", CreateTaskRequest(title="late"), actor=ann)
    assert (failed.reason, failed.message) == ("DEADLINE_EXCEEDED", "The deadline of this call has passed.")


def test_only_the_first_of_many_violations_are_listed() -> None:
    faults = ValidationError({f"labels.{n}": ValidationError(f"Bad {n}.", code="choice") for n in range(1_000)})
    problem = problem_of(faults)
    assert [violation.field for violation in problem.violations] == [f"labels.{n}" for n in range(MAX_VIOLATIONS)]
    assert problem.message.endswith("Only the first 100 of 1000 errors are listed.")
    document = json.loads(over_http.response(problem).content)
    assert (len(document["errors"]), document["more_violations"]) == (MAX_VIOLATIONS, "900")
    status = Status.FromString(over_grpc.status_details(problem))
    found = {detail.TypeName(): detail.value for detail in status.details}
    listed = BadRequest.FromString(found["google.rpc.BadRequest"]).field_violations
    info = ErrorInfo.FromString(found["google.rpc.ErrorInfo"])
    assert len(listed) + int(info.metadata["more_violations"]) == 1_000
    assert problem_of(invalid("x", "choice", "Bad.")).metadata == {}


def test_number_of_further_violations_is_reported(ann: UserModel) -> None:
    client, body = RestTransport().client, {f"key{n}": 1 for n in range(1_000)}
    headers = {"authorization": RestTransport().bearer(ann)}
    response = client.generic("POST", "/api/v1/tasks", json.dumps(body).encode(), "application/json", headers=headers)
    document = json.loads(response.content)
    assert (response.status_code, len(document["errors"]), document["more_violations"]) == (400, 50, "950")
    assert document["detail"].endswith("Only the first 50 of 1000 errors are listed.")


def test_a_message_has_a_limited_number_of_values(api: Transport, ann: UserModel) -> None:
    """Each costs memory and time, however few bytes it takes; those in lists and in messages of lists count."""
    roles = [UserRole.USER_ROLE_CUSTOMER] * 10_001
    failed = api.failure("UserService/CreateUser", CreateUserRequest(email="zoe@example.com", roles=roles))
    assert (failed.reason, failed.fields) == ("INVALID", {"": "json"})
    assert failed.message == "A message may have 10,000 values, counting those in lists and objects."
    links = {f"link{n}": "https://x.example" for n in range(10_001)}
    profile = UpdateUserProfileRequest(user_id="me", profile=UserProfile(social_links=links))
    assert api.failure("UserService/UpdateUserProfile", profile, actor=ann).fields == {"": "json"}
    sent = [CreateTaskRequest(title="first"), CreateTaskRequest(title="second", labels=[""] * 400_000)]
    answer = api("TaskService/BulkCreateTasks", sent, actor=ann)
    assert (answer.success_count, [error.index for error in answer.errors]) == (1, [1])


def test_a_mask_of_very_many_paths_is_refused_over_grpc(ann: UserModel) -> None:
    request = UpdateUserRequest(user_id="me", update_mask=FieldMask(paths=[""] * 400_000))
    assert GrpcTransport().failure("UserService/UpdateUser", request, actor=ann).fields == {"": "json"}

"""REST, gRPC and the protocols of browsers give equal results: two calls of each operation over all three."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from google.protobuf.descriptor import FieldDescriptor

from core.actors import Actor
from core.operations import Operation
from tests.support.grpc_transport import GrpcTransport
from tests.support.rest_transport import RestTransport
from tests.support.transports import OPERATIONS, Failed, Transport
from tests.support.web_transport import WebTransport
from users.models import User

UNKNOWN_ID = "0198a3c0-0000-7000-8000-000000000000"
#: Reads whose answers have times of the call, as those of writes have.
OF_THE_MOMENT = {"UserService/HealthCheck", "AuthService/ListSessions"}
#: Operations of one request that an administrator calls with success, by their path alone.
SUCCEEDING = 20


@pytest.fixture
def transports(db: None) -> list[Transport]:
    return [GrpcTransport(), RestTransport(), WebTransport()]


def calls() -> Iterator[tuple[str, Operation, Any]]:
    """Yield each operation with one request, with a request that names something where its path does."""
    for name, operation in OPERATIONS.items():
        if operation.takes_stream:
            continue
        request: Any = operation.request_class()
        for field in operation.http.path_fields:
            is_text = operation.method.input_type.fields_by_name[field].type == FieldDescriptor.TYPE_STRING
            setattr(request, field, ("me" if field == "user_id" else UNKNOWN_ID) if is_text else 1)
        yield name, operation, request


def outcome(transport: Transport, name: str, request: Any, actor: Actor | None) -> Any:
    """Return the answer or the failure of a call, whose writes are rolled back."""
    try:
        with transaction.atomic():
            answer = transport(name, request, actor=actor)
            transaction.set_rollback(True)
            return answer
    except Failed as exc:
        return exc.reason, exc.message, exc.violations, exc.metadata


def test_every_operation_gives_the_same_over_all_transports(transports: list[Transport], administrator: User) -> None:
    succeeded, failed, differing = 0, 0, []
    for transport in transports:
        transport.bearer(administrator)  # Its session is not rolled back.
    for name, operation, request in calls():
        if operation.is_feed:
            continue  # The answer of a test's transport is only that it was opened.
        for actor in (administrator, None):
            grpc, rest, web = (outcome(transport, name, request, actor) for transport in transports)
            is_failure = isinstance(grpc, tuple)
            succeeded, failed = succeeded + (not is_failure), failed + is_failure
            if (operation.writes or name in OF_THE_MOMENT) and not is_failure:
                grpc, rest, web = type(grpc), type(rest), type(web)
            if web != grpc:
                differing.append((name, "web", web, grpc))
            if not is_failure and rest != grpc:
                differing.append((name, "rest", rest, grpc))
    assert [name for name, *_ in differing] == [], differing
    assert (succeeded > SUCCEEDING, failed > 100) == (True, True), (succeeded, failed)

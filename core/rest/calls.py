"""Calls of operations as HTTP requests describe them: the caller, and the headers that hold for every operation."""

from django.http import HttpRequest

from core.addresses import http_client_address
from core.auth import Credential
from core.execution import idempotency_key, is_atomic
from core.operations import Call, Operation
from core.preconditions import ANY_VERSION, expected_version


def call_of(operation: Operation, credential: Credential, request: HttpRequest, *, exact_count: bool) -> Call:
    """Return the call, which was charged to its caller's budget when it was admitted.

    Raises:
        ValidationError: on If-Match, If-None-Match or Idempotency-Key.
    """
    headers = request.META
    return Call(
        operation,
        credential=credential,
        address=http_client_address(headers),
        user_agent=headers.get("HTTP_USER_AGENT", ""),
        expected_version=expected_version(headers.get("HTTP_IF_MATCH"), headers.get("HTTP_IF_NONE_MATCH"))
        if operation.writes
        else ANY_VERSION,
        idempotency_key=idempotency_key(headers.get("HTTP_IDEMPOTENCY_KEY")),
        exact_count=exact_count,
        atomic=is_atomic(headers.get("HTTP_X_BULK_MODE")),
        is_charged=True,
    )

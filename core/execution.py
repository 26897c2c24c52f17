"""Execution of operations: the caller's authorization, preconditions and idempotency. Both transports use it."""

import re
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from django.db import Error
from google.protobuf.message import Message

from core import idempotency, rate_limits
from core.addresses import caller_key
from core.auth import ANONYMOUS, Credential, authenticate, authenticate_certificate, scope_lacking
from core.db.outages import is_database_away
from core.errors import Unauthenticated, invalid
from core.limits.charging import LimitExceeded, charge, check, is_refusal_logged
from core.observability.call_log import Report
from core.operations import Call, Operation


def identify(
    operation: Operation | None, authorization: str | None, certificate_uris: Collection[str] = ()
) -> Credential:
    """Authenticate the caller of this operation.

    Args:
        certificate_uris: those of the client's certificate. It identifies the caller if there is no `authorization`.

    The caller is anonymous if the database is unavailable and the operation works without it.

    Raises:
        Unauthenticated: see `core.auth.authenticate`.
    """
    try:
        if certificate_uris and not authorization:
            return authenticate_certificate(certificate_uris)
        return authenticate(authorization)
    except Error as exc:
        if operation is None or not operation.works_without_database or not is_database_away(exc):
            raise
        return ANONYMOUS


def admit(
    report: Report,
    operation: Operation,
    caller: Callable[[], Credential],
    address: Callable[[], str],
    *,
    cost: int | None = None,
) -> Credential:
    """Identify the caller of a call, charge the call to the caller's budget, and authorize it.

    Every transport calls this once for each call, before it reads the request. A call whose credential is refused is
    charged to its address.

    Args:
        report: of the call; gets the caller, and the state of the budget, which the transport shows to the client.
        caller: identifies the caller, as `identify` does.
        address: returns the caller's address, as `core.addresses.client_address`.
        cost: in place of the operation's.

    Raises:
        Unauthenticated, PermissionDenied: the call is not permitted.
        LimitExceeded: the budget does not cover the call.
    """
    try:
        credential = caller()
    except Unauthenticated:
        _charge(report, operation, ANONYMOUS, address, cost)
        raise
    report.principal = credential.actor.pk
    _charge(report, operation, credential, address, cost)
    return authorize(operation, credential)


def _charge(
    report: Report, operation: Operation, credential: Credential, address: Callable[[], str], cost: int | None
) -> None:
    report.budget = charge(operation, credential, address, cost=cost)
    try:
        check(report.budget)
    except LimitExceeded:
        # Each refusal is counted, but only one a second is logged: a flood must not fill the log.
        report.silent = not is_refusal_logged()
        raise


def execute(call: Call, request: Message) -> Message:
    """Run a unary operation for this caller. Both transports use this function.

    Raises:
        Unauthenticated: the caller is not authenticated, and the operation is not public.
        PermissionDenied: the caller's API key lacks the scope.
        LimitExceeded: see `admit`; the transport has not charged the call.
        RequestInProgress, IdempotencyKeyReused: see `core.idempotency`.
        Exception: any exception of the service; `core.errors.problem_of` maps it.
    """
    operation = call.operation
    authorize_call(call)
    if operation.preconditions_in_body:
        _read_preconditions(call, request)
    _check_precondition(call)
    if not (call.idempotency_key and operation.writes and not operation.secret):
        with rate_limits.recount_after_rollback():
            return operation.function(call, request)  # type: ignore[no-any-return]
    answer = operation.response_class()

    def effect() -> bytes:
        answer.CopyFrom(operation.function(call, request))
        return answer.SerializeToString(deterministic=True)

    with rate_limits.recount_after_rollback():
        kept, call.replayed = idempotency.once(
            principal=principal(call),
            operation=operation.name,
            key=call.idempotency_key,
            request=_canonical(call, request),
            effect=effect,
            subject=lambda: operation.replay.subject(call, request, answer) if operation.replay else None,
        )
    if call.replayed:
        answer = operation.response_class.FromString(kept)
        if operation.replay:
            answer = operation.replay.show(call, request, answer)
    return answer


def principal(call: Call) -> str:
    """Return the principal that the call's idempotency keys belong to."""
    return str(call.actor.pk) if call.actor.is_authenticated else f"anonymous {caller_key(call.address)}"


def open_stream(call: Call, request: Any) -> Any:
    """Run an operation that takes or answers a stream.

    Args:
        request: the request message, or items.

    Returns:
        The handler's result: a response message, an iterator over them, or a Feed.

    Raises:
        Exception: as `execute`; an iterator raises while it is iterated over.
    """
    authorize_call(call)
    _check_precondition(call)
    return call.operation.function(call, request)


def authorize_call(call: Call) -> None:
    """Authorize the caller of a call, and charge the call unless its transport has.

    Raises:
        Unauthenticated, PermissionDenied, LimitExceeded: see `admit`.
    """
    if not call.is_charged:
        check(charge(call.operation, call.credential, lambda: call.address))
        call.is_charged = True
    call.credential = authorize(call.operation, call.credential)


def authorize(operation: Operation, credential: Credential) -> Credential:
    """Authorize the caller. Return the effective credential.

    Raises:
        Unauthenticated, PermissionDenied: the call is not permitted.
    """
    if credential.scopes is not None and credential.scopes.isdisjoint((operation.scope, operation.other_scope)):
        if not operation.public:
            raise scope_lacking(operation.scope)
        # The key's holder may call what is public, but anonymously: a key grants nothing beyond its scopes.
        credential = ANONYMOUS
    if not (operation.public or credential.actor.is_authenticated):
        raise Unauthenticated(credential.refusal or "Sign in first: this call needs credentials.")
    return credential


def _read_preconditions(call: Call, request: Any) -> None:
    """Read the message's version and idempotency key into the call, which may have them from headers too."""
    if "version" in call.operation.preconditions_in_body and (version := request.version):
        if version < 0:
            raise invalid("version", "range", "Versions start at 1.")
        if call.expected_version.one_of is not None and version not in call.expected_version.one_of:
            raise invalid("version", "mismatch", "The message and If-Match name different versions.")
        call.expected_version = replace(call.expected_version, one_of=frozenset((version,)))
    if "request_id" in call.operation.preconditions_in_body and request.request_id:
        key = idempotency_key(request.request_id, "request_id")
        if call.idempotency_key not in ("", key):
            raise invalid("request_id", "mismatch", "The message and Idempotency-Key name different keys.")
        call.idempotency_key = key


def _canonical(call: Call, request: Message) -> bytes:
    """Return the request as bytes that are the same whether its preconditions were sent as headers or as fields."""
    content = type(request)()
    content.CopyFrom(request)
    for name in call.operation.preconditions_in_body:
        content.ClearField(name)
    changes = {name: sorted(change.entries.items()) for name, change in sorted(call.map_changes.items())}
    options = call.expected_version.canonical() + (repr(changes).encode() if changes else b"")
    return content.SerializeToString(deterministic=True) + options


def _check_precondition(call: Call) -> None:
    """Reject a precondition on an object without versions. If there is a version, the service compares it."""
    operation = call.operation
    if operation.writes and not operation.checks_version:
        # A path that ends with a field names one object, which exists or the call fails anyway.
        call.expected_version.check_without_version(exists=operation.http.path.endswith("}"))


def idempotency_key(value: str | None, field: str = "idempotency_key") -> str:
    """Read `Idempotency-Key`: 1 to 255 printable ASCII characters; empty if the caller sent none."""
    if value is None:
        return ""
    key = value.strip().strip('"')
    if not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        raise invalid(field, "invalid", "An idempotency key has 1 to 255 printable ASCII characters.")
    return key


def is_atomic(value: str | None) -> bool:
    """Return whether `X-Bulk-Mode` is `atomic`; the caller may send no other value."""
    if value not in (None, "atomic"):
        raise invalid("x-bulk-mode", "choice", "Choose one of: atomic.")
    return value is not None

"""Errors of calls: one class for each reason that the server returns (docs/integrate/errors.md)."""

from __future__ import annotations

import json
from typing import Any, Mapping, NamedTuple
from urllib.parse import unquote

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo

from tandem import status_details


class FieldError(NamedTuple):
    """A violation in one field of the request.

    Attributes:
        field: its path, with dots between the parts; empty = the request as a whole.
        reason: the rule that it violates, such as `REQUIRED`.
        message: a sentence for people.
    """

    field: str
    reason: str
    message: str


class TandemError(Exception):
    """A call failed.

    Attributes:
        reason: the cause, as a constant for programs.
        message: the cause, as a sentence for people.
        code: the gRPC status code.
        fields: the invalid fields, if any.
        metadata: further data for programs.
        retry_after: seconds after which to retry; None = the server did not specify it.
        request_id: under which the server has logged the call; empty = the server did not return it.
        from_server: whether the server returned the error, not the connection or a proxy.
    """

    reason = "UNKNOWN"

    def __init__(
        self,
        message: str,
        *,
        code: grpc.StatusCode = grpc.StatusCode.UNKNOWN,
        reason: str = "",
        fields: tuple[FieldError, ...] = (),
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        request_id: str = "",
        from_server: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason or type(self).reason
        self.fields = fields
        self.metadata = dict(metadata or {})
        self.retry_after = retry_after
        self.request_id = request_id
        self.from_server = from_server

    def __str__(self) -> str:
        return "\n    ".join(
            [f"{self.reason}: {self.message}", *(f"{field.field}: {field.message}" for field in self.fields)]
        )


class Invalid(TandemError):
    """The request is not valid; `fields` lists the violations."""

    reason = "INVALID"


class UnsupportedMediaType(Invalid):
    """The body, or an uploaded file, has a type that the server does not accept."""

    reason = "UNSUPPORTED_MEDIA_TYPE"


class CursorInvalid(Invalid):
    """The cursor is malformed, ahead of the log, or belongs to another operation or filter."""

    reason = "CURSOR_INVALID"


class CursorExpired(TandemError):
    """The changes after the cursor are no longer kept."""

    reason = "CURSOR_EXPIRED"


class EpochChanged(TandemError):
    """The cursor belongs to another log, or the caller's permissions have changed since."""

    reason = "EPOCH_CHANGED"


class Unauthenticated(TandemError):
    """The credential is missing, invalid or expired."""

    reason = "UNAUTHENTICATED"


class Forbidden(TandemError):
    """The caller is not permitted to do this."""

    reason = "FORBIDDEN"


class NotFound(TandemError):
    """The resource does not exist, or the caller may not see it."""

    reason = "NOT_FOUND"


class AlreadyExists(TandemError):
    """The resource exists already."""

    reason = "ALREADY_EXISTS"


class Conflict(TandemError):
    """The state of the resource does not permit this."""

    reason = "CONFLICT"


class Stale(TandemError):
    """The resource was modified concurrently, so the write was refused."""

    reason = "STALE"

    @property
    def current_version(self) -> int:
        """Current version of the resource; 0 if the server did not return it."""
        return int(self.metadata.get("current_version", 0))


class RequestInProgress(TandemError):
    """The first request with this idempotency key is still running."""

    reason = "REQUEST_IN_PROGRESS"


class IdempotencyKeyReused(TandemError):
    """The idempotency key was used with another request."""

    reason = "IDEMPOTENCY_KEY_REUSED"


class TooLarge(TandemError):
    """The request is larger than the server accepts."""

    reason = "TOO_LARGE"


class RangeNotSatisfiable(TandemError):
    """The requested part of a file begins after its end."""

    reason = "RANGE_NOT_SATISFIABLE"


class Locked(TandemError):
    """Another request is sending a chunk of this upload. `upload_recording` and `upload_document` wait for it."""

    reason = "LOCKED"


class UnsupportedVersion(TandemError):
    """The server speaks another version of the protocol of resumable uploads (tus)."""

    reason = "UNSUPPORTED_VERSION"


class ChecksumMismatch(TandemError):
    """A chunk of an upload was damaged in transit; it may be sent again."""

    reason = "CHECKSUM_MISMATCH"


class QuotaExceeded(TandemError):
    """The caller's stored and announced uploads exceed the quota of a user."""

    reason = "QUOTA_EXCEEDED"


class InsufficientStorage(TandemError):
    """The server currently has too little disk space for this."""

    reason = "INSUFFICIENT_STORAGE"


class RateLimited(TandemError):
    """Too many calls, attempts or open streams; or the caller reads a stream too slowly."""

    reason = "RATE_LIMITED"


class NotServed(TandemError):
    """The server does not know this operation."""

    reason = "METHOD_NOT_ALLOWED"


class Cancelled(TandemError):
    """The call was cancelled."""

    reason = "CANCELLED"


class DeadlineExceeded(TandemError):
    """There was no response within the call's timeout. A write may have been executed nevertheless."""

    reason = "DEADLINE_EXCEEDED"


class Unavailable(TandemError):
    """The server cannot be reached, is stopping, or has lost its database; or the circuit is open."""

    reason = "UNAVAILABLE"

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message, **{"code": grpc.StatusCode.UNAVAILABLE, **facts})


class Internal(TandemError):
    """An internal error of the server; include `metadata["error_id"]` when reporting it."""

    reason = "INTERNAL"


_BY_REASON: dict[str, type[TandemError]] = {
    kind.reason: kind
    for kind in (
        Invalid, UnsupportedMediaType, CursorInvalid, CursorExpired, EpochChanged, Unauthenticated, Forbidden, NotFound,
        AlreadyExists, Conflict, Stale, RequestInProgress, IdempotencyKeyReused, TooLarge, RangeNotSatisfiable, Locked,
        UnsupportedVersion, ChecksumMismatch, QuotaExceeded, InsufficientStorage, RateLimited, NotServed, Cancelled,
        DeadlineExceeded, Unavailable, Internal,
    )
}  # fmt: skip

# For errors without a reason, which come from the transport or a proxy, not from the server.
_BY_CODE: dict[grpc.StatusCode, type[TandemError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: Invalid,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: Forbidden,
    grpc.StatusCode.UNIMPLEMENTED: NotServed,
    grpc.StatusCode.CANCELLED: Cancelled,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.INTERNAL: Internal,
}


def error_of(error: Any) -> TandemError:
    """Return the typed error for a call's `grpc.RpcError`. The caller raises it from the original."""
    code: grpc.StatusCode = error.code()
    # A tuple, because `Metadata` of grpc.aio is not an ordinary mapping.
    metadata = tuple(error.trailing_metadata() or ())
    trailing = dict(metadata)
    info, bad_request, retry = ErrorInfo(), BadRequest(), RetryInfo()
    status_details.read(metadata, info, bad_request, retry)
    kind = _BY_REASON.get(info.reason) or _BY_CODE.get(code, TandemError)
    return kind(
        error.details() or "",
        code=code,
        reason=info.reason,
        # The oldest supported googleapis-common-protos has no `reason`.
        fields=tuple(
            FieldError(violation.field, getattr(violation, "reason", ""), violation.description)
            for violation in bad_request.field_violations
        ),
        metadata=info.metadata,
        retry_after=retry.retry_delay.ToNanoseconds() / 1e9 if retry.HasField("retry_delay") else None,
        request_id=str(trailing.get("x-request-id", "")),
        from_server=bool(info.reason),
    )


# The status codes of gRPC for those of HTTP (docs/integrate/errors.md).
_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    405: grpc.StatusCode.UNIMPLEMENTED,
    409: grpc.StatusCode.FAILED_PRECONDITION,
    410: grpc.StatusCode.OUT_OF_RANGE,
    412: grpc.StatusCode.FAILED_PRECONDITION,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    415: grpc.StatusCode.INVALID_ARGUMENT,
    416: grpc.StatusCode.OUT_OF_RANGE,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    423: grpc.StatusCode.ABORTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    460: grpc.StatusCode.DATA_LOSS,
    499: grpc.StatusCode.CANCELLED,
    500: grpc.StatusCode.INTERNAL,
    502: grpc.StatusCode.UNAVAILABLE,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
    507: grpc.StatusCode.RESOURCE_EXHAUSTED,
}


def problem_of(status: int, headers: Mapping[str, str], body: bytes) -> TandemError:
    """Return the typed error for a response over HTTP: `application/problem+json`, or that of a proxy.

    Args:
        headers: with names in lower case.
    """
    try:
        problem = json.loads(body)
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    reason, code = str(problem.get("reason", "")), _CODES.get(status, grpc.StatusCode.UNKNOWN)
    kind = _BY_REASON.get(reason) or (TandemError if reason else _BY_CODE.get(code, TandemError))
    waits = headers.get("retry-after", "")
    return kind(
        str(problem.get("detail") or f"The server answered {status}."),
        code=code,
        reason=reason,
        fields=tuple(
            FieldError(_field(error.get("pointer", "")), error.get("code", "").upper(), error.get("detail", ""))
            for error in problem.get("errors", ())
        ),
        retry_after=float(waits) if waits.isdecimal() else None,
        request_id=str(problem.get("request_id", "")),
        from_server=bool(reason),
    )


def _field(pointer: str) -> str:
    """Return the path of a field for a JSON pointer as a URI fragment."""
    parts = unquote(pointer.lstrip("#")).split("/")[1:]
    return ".".join(part.replace("~1", "/").replace("~0", "~") for part in parts)

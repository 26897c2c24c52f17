"""Errors of calls: one class for each reason that the server returns (docs/integrate/errors.md)."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

_DETAILS = "grpc-status-details-bin"


class FieldError(NamedTuple):
    """What is wrong with one field of the request.

    Attributes:
        field: its path, dots between the parts; empty = the request as a whole.
        reason: the rule that it breaks, as `REQUIRED`.
        message: a sentence for people.
    """

    field: str
    reason: str
    message: str


class TandemError(Exception):
    """A call failed.

    Attributes:
        reason: why, as a word for programs.
        message: why, as a sentence for people.
        code: the gRPC status code.
        fields: the fields to blame, if any.
        metadata: more for programs.
        retry_after: seconds after which it is worth another try; None = the server says nothing of that.
        request_id: under which the server has logged the call; empty if it did not say.
        from_server: the server itself has said so, not the connection or something on the way.
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
    """The request is not valid; `fields` says where."""

    reason = "INVALID"


class CursorInvalid(Invalid):
    """The cursor is malformed, ahead of the log, or of another operation or filter."""

    reason = "CURSOR_INVALID"


class CursorExpired(TandemError):
    """What follows the cursor is no longer kept."""

    reason = "CURSOR_EXPIRED"


class EpochChanged(TandemError):
    """The cursor is of another log, or the caller's rights are others since."""

    reason = "EPOCH_CHANGED"


class Unauthenticated(TandemError):
    """No credential, or one that is not good, or not good any more."""

    reason = "UNAUTHENTICATED"


class Forbidden(TandemError):
    """The caller may not do this."""

    reason = "FORBIDDEN"


class NotFound(TandemError):
    """There is no such thing, or the caller may not see it."""

    reason = "NOT_FOUND"


class AlreadyExists(TandemError):
    """There is one already."""

    reason = "ALREADY_EXISTS"


class Conflict(TandemError):
    """The thing is in the wrong state for this."""

    reason = "CONFLICT"


class Stale(TandemError):
    """A lost update, averted: somebody else wrote first."""

    reason = "STALE"

    @property
    def current_version(self) -> int:
        """The version that the thing has now; 0 if the server did not say."""
        return int(self.metadata.get("current_version", 0))


class RequestInProgress(TandemError):
    """The first request with this idempotency key is still running."""

    reason = "REQUEST_IN_PROGRESS"


class IdempotencyKeyReused(TandemError):
    """The idempotency key was used with another request."""

    reason = "IDEMPOTENCY_KEY_REUSED"


class TooLarge(TandemError):
    """The request is larger than the server takes."""

    reason = "TOO_LARGE"


class ChecksumMismatch(TandemError):
    """A piece of an upload was damaged on its way; it may be sent again."""

    reason = "CHECKSUM_MISMATCH"


class QuotaExceeded(TandemError):
    """The caller stores, or has announced, as much as one user may."""

    reason = "QUOTA_EXCEEDED"


class InsufficientStorage(TandemError):
    """The server's disk has no room for it just now."""

    reason = "INSUFFICIENT_STORAGE"


class RateLimited(TandemError):
    """Too many calls, tries or open streams, or a stream that is read too slowly."""

    reason = "RATE_LIMITED"


class NotServed(TandemError):
    """The server does not know this operation."""

    reason = "METHOD_NOT_ALLOWED"


class Cancelled(TandemError):
    """The call was cancelled."""

    reason = "CANCELLED"


class DeadlineExceeded(TandemError):
    """No answer within the call's timeout. A write may have happened all the same."""

    reason = "DEADLINE_EXCEEDED"


class Unavailable(TandemError):
    """The server cannot be reached, is stopping, or is without its database; or the circuit is open."""

    reason = "UNAVAILABLE"

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message, **{"code": grpc.StatusCode.UNAVAILABLE, **facts})


class Internal(TandemError):
    """A fault of the server's; `metadata["error_id"]` is what to report."""

    reason = "INTERNAL"


_BY_REASON: dict[str, type[TandemError]] = {
    kind.reason: kind
    for kind in (
        Invalid, CursorInvalid, CursorExpired, EpochChanged, Unauthenticated, Forbidden, NotFound, AlreadyExists,
        Conflict, Stale, RequestInProgress, IdempotencyKeyReused, TooLarge, ChecksumMismatch, QuotaExceeded,
        InsufficientStorage, RateLimited, NotServed, Cancelled, DeadlineExceeded, Unavailable, Internal,
    )
}  # fmt: skip

# Where no reason came along: the transport or a proxy speaks, not the server.
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
    """The typed error of a `grpc.RpcError` that a call ended with; the caller raises it from that one."""
    code: grpc.StatusCode = error.code()
    trailing = dict(error.trailing_metadata() or ())
    info, bad_request, retry = ErrorInfo(), BadRequest(), RetryInfo()
    for detail in Status.FromString(trailing.get(_DETAILS, b"")).details:
        # Each is unpacked into the message that it is, if it is one of these.
        detail.Unpack(info) or detail.Unpack(bad_request) or detail.Unpack(retry)
    kind = _BY_REASON.get(info.reason) or _BY_CODE.get(code, TandemError)
    return kind(
        error.details() or "",
        code=code,
        reason=info.reason,
        # `reason` is younger than the oldest googleapis-common-protos that will do.
        fields=tuple(
            FieldError(violation.field, getattr(violation, "reason", ""), violation.description)
            for violation in bad_request.field_violations
        ),
        metadata=info.metadata,
        retry_after=retry.retry_delay.ToNanoseconds() / 1e9 if retry.HasField("retry_delay") else None,
        request_id=str(trailing.get("x-request-id", "")),
        from_server=bool(info.reason),
    )

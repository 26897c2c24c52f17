"""The table of failures: what services raise, and what both transports return for it.

Services raise Django's own exceptions (`ValidationError`, `PermissionDenied`, `Model.DoesNotExist`) or one of the
failures below; `problem_of` turns any exception into a `Problem`, which each transport renders in its own form.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.core.exceptions import (
    NON_FIELD_ERRORS,
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    ValidationError,
)
from google.rpc import code_pb2

from core.db.outages import is_database_away, is_statement_ended
from core.field_paths import FieldPath, parts_of


class ErrorSpec(NamedTuple):
    """One row of the table."""

    http_status: int
    grpc_code: int
    title: str


#: How many violations a problem lists.
MAX_VIOLATIONS = 100

INVALID = "INVALID"
INTERNAL = "INTERNAL"

TABLE: dict[str, ErrorSpec] = {
    "INVALID": ErrorSpec(400, code_pb2.INVALID_ARGUMENT, "The request is not valid"),
    "CURSOR_INVALID": ErrorSpec(400, code_pb2.INVALID_ARGUMENT, "Invalid cursor"),
    "UNAUTHENTICATED": ErrorSpec(401, code_pb2.UNAUTHENTICATED, "Not authenticated"),
    "FORBIDDEN": ErrorSpec(403, code_pb2.PERMISSION_DENIED, "Not allowed"),
    "NOT_FOUND": ErrorSpec(404, code_pb2.NOT_FOUND, "Not found"),
    "METHOD_NOT_ALLOWED": ErrorSpec(405, code_pb2.UNIMPLEMENTED, "Method not allowed"),
    "ALREADY_EXISTS": ErrorSpec(409, code_pb2.ALREADY_EXISTS, "Already exists"),
    "CONFLICT": ErrorSpec(409, code_pb2.FAILED_PRECONDITION, "Not possible in this state"),
    "REQUEST_IN_PROGRESS": ErrorSpec(409, code_pb2.ABORTED, "The same request is in progress"),
    "CURSOR_EXPIRED": ErrorSpec(410, code_pb2.OUT_OF_RANGE, "Cursor expired"),
    "STALE": ErrorSpec(412, code_pb2.ABORTED, "Modified concurrently"),
    "EPOCH_CHANGED": ErrorSpec(412, code_pb2.FAILED_PRECONDITION, "Epoch changed"),
    "UNSUPPORTED_VERSION": ErrorSpec(412, code_pb2.FAILED_PRECONDITION, "Unsupported protocol version"),
    "TOO_LARGE": ErrorSpec(413, code_pb2.RESOURCE_EXHAUSTED, "Too large"),
    "UNSUPPORTED_MEDIA_TYPE": ErrorSpec(415, code_pb2.INVALID_ARGUMENT, "Unsupported media type"),
    "RANGE_NOT_SATISFIABLE": ErrorSpec(416, code_pb2.OUT_OF_RANGE, "Range not satisfiable"),
    "IDEMPOTENCY_KEY_REUSED": ErrorSpec(422, code_pb2.INVALID_ARGUMENT, "Idempotency key reused"),
    "LOCKED": ErrorSpec(423, code_pb2.ABORTED, "In use by another request"),
    "RATE_LIMITED": ErrorSpec(429, code_pb2.RESOURCE_EXHAUSTED, "Too many requests"),
    "CANCELLED": ErrorSpec(499, code_pb2.CANCELLED, "Cancelled by the caller"),
    "CHECKSUM_MISMATCH": ErrorSpec(460, code_pb2.DATA_LOSS, "Checksum mismatch"),
    "INTERNAL": ErrorSpec(500, code_pb2.INTERNAL, "Internal error"),
    "UNAVAILABLE": ErrorSpec(503, code_pb2.UNAVAILABLE, "Temporarily unavailable"),
    "DEADLINE_EXCEEDED": ErrorSpec(504, code_pb2.DEADLINE_EXCEEDED, "Deadline exceeded"),
    "QUOTA_EXCEEDED": ErrorSpec(507, code_pb2.RESOURCE_EXHAUSTED, "Quota exceeded"),
    "INSUFFICIENT_STORAGE": ErrorSpec(507, code_pb2.RESOURCE_EXHAUSTED, "Insufficient storage"),
}


class Violation(NamedTuple):
    """A violation of a rule by one field.

    Attributes:
        field: its path with dots between the parts, as gRPC has it; empty = the whole.
        code: of the broken rule, in lower case.
        message: a sentence.
        parts: its path, part by part; None = those of `field`.
    """

    field: str
    code: str
    message: str
    parts: tuple[str, ...] | None = None

    @classmethod
    def at(cls, path: FieldPath, code: str, message: str) -> "Violation":
        """Return the violation of the field with this path."""
        parts = parts_of(path)
        return cls(".".join(parts), code, message, parts)

    @property
    def path(self) -> tuple[str, ...]:
        """The field's path, part by part; empty = the whole."""
        return parts_of(self.field) if self.parts is None else self.parts


@dataclass(frozen=True, slots=True)
class Problem:
    """A failure as both transports return it.

    Attributes:
        reason: a key of `TABLE`.
        message: a sentence for people.
        violations: of the fields, if any.
        retry_after_seconds: set if a retry may succeed.
        metadata: machine-readable extras, e.g. `current_version` of a stale write.
    """

    reason: str
    message: str
    violations: tuple[Violation, ...] = ()
    retry_after_seconds: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def spec(self) -> ErrorSpec:
        return TABLE[self.reason]


class Failure(Exception):
    """A failure that Django has no exception for; the class names the row of the table."""

    reason = INTERNAL
    retry_after_seconds: float | None = None
    violations: tuple[Violation, ...] = ()

    def __init__(self, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = metadata


class Unauthenticated(Failure):
    """The caller is not authenticated.

    Attributes:
        token_refused: the caller sent a bearer token that is not valid (RFC 6750's `invalid_token`).
    """

    reason = "UNAUTHENTICATED"
    token_refused = False


class InsufficientScope(PermissionDenied):
    """The caller's API key does not permit this operation (RFC 6750's `insufficient_scope`).

    Attributes:
        scope: the one that the key lacks; empty = no API key is accepted.
    """

    def __init__(self, message: str, scope: str) -> None:
        super().__init__(message)
        self.scope = scope


class AlreadyExists(Failure):
    reason = "ALREADY_EXISTS"


class Conflict(Failure):
    """The object's state does not permit the operation."""

    reason = "CONFLICT"


class Stale(Failure):
    """The object was modified since the caller read it; the write would be a lost update."""

    reason = "STALE"

    def __init__(self, current_version: int | None, message: str = "") -> None:
        super().__init__(
            message
            or f"It was modified concurrently and is now at version {current_version}; "
            "read it again and repeat the change.",
            **({} if current_version is None else {"current_version": str(current_version)}),
        )


class CursorInvalid(Failure):
    """A feed's cursor that is malformed, forged, ahead, or of another operation or filter."""

    reason = "CURSOR_INVALID"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.violations = (Violation("cursor", "invalid", message),)


class CursorExpired(Failure):
    """The events after a feed's cursor have been deleted."""

    reason = "CURSOR_EXPIRED"


class EpochChanged(Failure):
    """A feed cannot resume from its client's cursor; the client must start over."""

    reason = "EPOCH_CHANGED"


class TooFarBehind(Failure):
    """A feed's client reads more slowly than events occur; it may resume from its cursor."""

    reason = "RATE_LIMITED"
    retry_after_seconds = 1


class RequestInProgress(Failure):
    reason = "REQUEST_IN_PROGRESS"
    retry_after_seconds = 1


class IdempotencyKeyReused(Failure):
    reason = "IDEMPOTENCY_KEY_REUSED"


class TooLarge(Failure):
    reason = "TOO_LARGE"


class RangeNotSatisfiable(Failure):
    """The requested part of a file begins after its end.

    Attributes:
        size: of the file, in bytes.
    """

    reason = "RANGE_NOT_SATISFIABLE"

    def __init__(self, size: int) -> None:
        super().__init__(f"The file has {size} bytes; ask for a part that begins before its end.", size=str(size))
        self.size = size


class UnsupportedMediaType(Failure):
    """The media type or the content encoding of the body is not supported.

    Attributes:
        accepted: the supported media types, if known.
        patches: `accepted` holds the media types of a PATCH.
    """

    reason = "UNSUPPORTED_MEDIA_TYPE"

    def __init__(self, message: str, *, accepted: Iterable[str] = (), patches: bool = False) -> None:
        super().__init__(message)
        self.accepted = tuple(accepted)
        self.patches = patches


class ChecksumMismatch(Failure):
    """A part of an upload was damaged in transit; the client may send it again (460: tus 1.0)."""

    reason = "CHECKSUM_MISMATCH"


class UnsupportedVersion(Failure):
    """The client uses a version of a protocol that the server does not support."""

    reason = "UNSUPPORTED_VERSION"


class Locked(Failure):
    """Another request is writing the object."""

    reason = "LOCKED"
    retry_after_seconds = 1


class QuotaExceeded(Failure):
    """The caller's stored and announced bytes exceed the quota of one user (507: RFC 4331)."""

    reason = "QUOTA_EXCEEDED"


class InsufficientStorage(Failure):
    """The disk has no room beyond its reserve (507: RFC 4918)."""

    reason = "INSUFFICIENT_STORAGE"
    retry_after_seconds = 60


class MethodNotAllowed(Failure):
    """The path does not support this method.

    Attributes:
        allowed: the methods that it supports.
    """

    reason = "METHOD_NOT_ALLOWED"

    def __init__(
        self, message: str = "This path does not support this method.", *, allowed: Iterable[str] = ()
    ) -> None:
        super().__init__(message)
        self.allowed = tuple(allowed)


class DeadlineExceeded(Failure):
    reason = "DEADLINE_EXCEEDED"


class Cancelled(Failure):
    reason = "CANCELLED"


class RateLimited(Failure):
    reason = "RATE_LIMITED"

    def __init__(self, message: str, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(Failure):
    reason = "UNAVAILABLE"
    retry_after_seconds = 1


def invalid(path: FieldPath, code: str, message: str) -> ValidationError:
    """Return a ValidationError on one field."""
    return ValidationError({path: ValidationError(message, code=code)})  # type: ignore[dict-item]


def request_too_large(max_bytes: int) -> TooLarge:
    """Return the failure of a call whose request has more than `max_bytes`."""
    return TooLarge(f"The request is larger than {max_bytes // 1024**2} MB, the maximum for this operation.")


def message_too_large(max_bytes: int) -> ValidationError:
    """Return the error of one message of a stream that has more than `max_bytes`."""
    return invalid("", "max_length", f"The message is larger than {max_bytes // 1024**2} MB.")


class MoreFaults(ValidationError):
    """A ValidationError that lists the first of its errors.

    Attributes:
        more: how many errors it does not list.
    """

    def __init__(self, faults: Mapping[Any, ValidationError], more: int) -> None:
        super().__init__(faults)  # type: ignore[arg-type]
        self.more = more


def problem_of(exc: BaseException) -> Problem:
    """Look an exception up in the table. Any other exception is INTERNAL, with an error ID and no details."""
    match exc:
        case Failure():
            return Problem(
                exc.reason,
                exc.message,
                exc.violations,
                retry_after_seconds=exc.retry_after_seconds,
                metadata=exc.metadata,
            )
        case ValidationError():
            return _invalid(tuple(_violations(exc)), getattr(exc, "more", 0))
        case PermissionDenied():
            return Problem("FORBIDDEN", str(exc) or "You may not do this.")
        case ObjectDoesNotExist():
            return Problem("NOT_FOUND", str(exc))
        case RequestDataTooBig():
            return Problem("TOO_LARGE", "The request is too large.")
        case Exception() if is_statement_ended(exc):
            return Problem("DEADLINE_EXCEEDED", "The database took too long for this call; request less, or try again.")
        case Exception() if is_database_away(exc):
            return Problem("UNAVAILABLE", "The database is unavailable; try again.", retry_after_seconds=1)
        case _:
            error_id = uuid.uuid4().hex
            return Problem(
                INTERNAL,
                f"Internal error. Include error ID {error_id} when reporting it.",
                metadata={"error_id": error_id},
            )


def _invalid(violations: tuple[Violation, ...], more: int) -> Problem:
    listed = violations[:MAX_VIOLATIONS]
    more += len(violations) - len(listed)
    message = " ".join(dict.fromkeys(violation.message for violation in listed))
    if not more:
        return Problem(INVALID, message, listed)
    message = f"{message} Only the first {len(listed)} of {len(listed) + more} errors are listed."
    return Problem(INVALID, message, listed, metadata={"more_violations": str(more)})


# Django's codes, and the contract's codes for them. A proto3 string cannot be missing, so missing and blank are one.
_CODES = {"blank": "required", "null": "required", "invalid_choice": "choice"}


def _violations(exc: ValidationError) -> Iterator[Violation]:
    by_field = exc.error_dict if hasattr(exc, "error_dict") else {NON_FIELD_ERRORS: exc.error_list}
    for name, errors in by_field.items():
        for error in errors:
            code = error.code or "invalid"
            code = _CODES.get(code, code)
            yield Violation.at("" if name == NON_FIELD_ERRORS else name, code, error.messages[0])

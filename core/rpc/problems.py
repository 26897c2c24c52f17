"""Failures over gRPC: their status code, their message, and their details in the trailing metadata."""

import random
from itertools import accumulate

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo

from core.errors import Problem, Violation
from tandem.status_details import METADATA_KEY, pack

DOMAIN = "tandem"

#: Clients with a retry policy wait for so many milliseconds before they repeat a call; a negative number ends their
#: retries (gRPC proposal A6).
_PUSHBACK_KEY = "grpc-retry-pushback-ms"
#: A caller would rather see the failure than wait for longer than this.
_MAX_PUSHBACK_SECONDS = 1.0

# Clients accept 8 KB of metadata by default (grpcio: above that it refuses at random, above 16 KB always). Binary
# metadata grows by a third on the wire, and a message beyond ASCII to three times its bytes.
_MAX_VIOLATION_BYTES = 4_000
_MAX_MESSAGE_BYTES = 500

_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


def status_code(problem: Problem) -> grpc.StatusCode:
    """Return the gRPC code of this problem's row in the table."""
    return _CODES[problem.spec.grpc_code]


def status_message(problem: Problem) -> str:
    """Return the problem's message, cut if it does not fit into the metadata."""
    return _cut(problem.message, _MAX_MESSAGE_BYTES)


def trailing_metadata(problem: Problem, details: bytes | None = None) -> tuple[tuple[str, str | bytes], ...]:
    """Return the trailing metadata of a call that fails with this problem.

    Args:
        details: of this problem, as `status_details` returned them; None = to be serialized now.
    """
    sent: tuple[tuple[str, str | bytes], ...] = ((METADATA_KEY, details or status_details(problem)),)
    if status_code(problem) is grpc.StatusCode.RESOURCE_EXHAUSTED:
        sent += ((_PUSHBACK_KEY, str(_pushback_ms(problem.retry_after_seconds))),)
    return sent


def _pushback_ms(seconds: float | None) -> int:
    """Return when clients repeat a call that may succeed after so many seconds, or -1 = not by themselves."""
    if seconds is None or seconds > _MAX_PUSHBACK_SECONDS:
        return -1
    # Clients that were refused together return one by one.
    return int(1000 * seconds * random.uniform(1, 1.5))  # noqa: S311


def status_details(problem: Problem) -> bytes:
    """Serialize the Status: one ErrorInfo, BadRequest for violations of fields, RetryInfo if the call may be retried.

    Violations that do not fit are left out; ErrorInfo's metadata `more_violations` has their number.
    """
    violations = [_violation(violation) for violation in problem.violations]
    # The tag and length of each repeated message take up to four bytes.
    sizes = accumulate(violation.ByteSize() + 4 for violation in violations)
    kept_count = sum(size <= _MAX_VIOLATION_BYTES for size in sizes)
    metadata = dict(problem.metadata)
    if kept_count < len(violations):
        metadata["more_violations"] = str(int(metadata.get("more_violations", 0)) + len(violations) - kept_count)
    details: list[Message] = [ErrorInfo(reason=problem.reason, domain=DOMAIN, metadata=metadata)]
    if kept_count:
        details.append(BadRequest(field_violations=violations[:kept_count]))
    if problem.retry_after_seconds is not None:
        delay = Duration()
        delay.FromNanoseconds(int(problem.retry_after_seconds * 1e9))
        details.append(RetryInfo(retry_delay=delay))
    return pack(problem.spec.grpc_code, status_message(problem), details)


def _violation(violation: Violation) -> BadRequest.FieldViolation:
    return BadRequest.FieldViolation(
        field=violation.field, description=violation.message, reason=violation.code.upper()
    )


def _cut(text: str, max_bytes: int) -> str:
    encoded = text.encode()
    return text if len(encoded) <= max_bytes else encoded[: max_bytes - 3].decode(errors="ignore") + "…"

"""Handling common to all calls: stream slots, log lines, cancellation and error statuses."""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
from google.rpc.error_details_pb2 import ErrorInfo

from speechnode import metrics
from speechnode.failures import Broken, Cancelled, Failure
from speechnode.slots import Slots
from tandem import status_details
from telemetry import tracing

logger = logging.getLogger(__name__)


class InferenceCall:
    """A call that is being served.

    Attributes:
        facts: further fields of its log line.
    """

    def __init__(self, context: grpc.ServicerContext) -> None:
        self.facts: dict[str, Any] = {"session_id": ""}
        self._begun_cpu = time.thread_time()
        self._lock = threading.Lock()
        self._ended = False
        self._wake: Callable[[], None] | None = None
        if not context.add_callback(self._end):
            self._ended = True

    @property
    def cpu_ms(self) -> int:
        """CPU time that the serving thread has used so far."""
        return round((time.thread_time() - self._begun_cpu) * 1000)

    def checkpoint(self) -> None:
        """Stop the work if the caller has left. Called between steps of less than a second.

        Raises:
            Cancelled: the call has ended.
        """
        if self._ended:
            raise Cancelled

    def when_ended(self, wake: Callable[[], None]) -> None:
        """Register a callback for the end of the call. It runs on a gRPC thread and must not block."""
        with self._lock:
            self._wake = wake
            ended = self._ended
        if ended:
            wake()

    def _end(self) -> None:
        with self._lock:
            self._ended = True
            wake = self._wake
        if wake:
            wake()


@contextmanager
def served(rpc: str, context: grpc.ServicerContext, slots: Slots) -> Iterator[InferenceCall]:
    """Serve a call in a slot: map every exception to its status, and write the call's log line."""
    begun = time.monotonic()
    call = InferenceCall(context)
    span = _span(rpc, context) if tracing.is_configured() else None
    failure: Failure | None = None
    try:
        release = slots.take()
        # grpcio may leave the handler blocked after its caller has left; the callback releases the slot then.
        context.add_callback(release)
        try:
            yield call
        finally:
            release()
    except Failure as exc:
        failure = exc
    except (grpc.RpcError, GeneratorExit):
        # grpcio raises these in a handler whose caller has left.
        failure = Cancelled()
    except Exception:
        error_id = uuid.uuid4().hex
        logger.exception("%s failed (error ID %s).", rpc, error_id)
        failure = Broken(f"Internal error of the speech node. Include error ID {error_id} when reporting it.")
    _log(rpc, call, failure, time.monotonic() - begun)
    if span is not None:
        span.set_attribute("rpc.grpc.status_code", failure.code if failure else "OK")
        span.end()
    if failure and not isinstance(failure, Cancelled):
        end_with(failure, context)


def _span(rpc: str, context: grpc.ServicerContext) -> Any:
    """Begin the span of a call, in the caller's trace."""
    metadata = {name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)}
    return tracing.begin_span(f"speech.v1.{rpc}", kind="SERVER", carrier=metadata)


def end_with(failure: Failure, context: grpc.ServicerContext) -> None:
    """Abort the call with a google.rpc.Status. Does not return."""
    code = grpc.StatusCode[failure.code]
    details = status_details.pack(code.value[0], str(failure), [ErrorInfo(reason=failure.reason, domain="speech")])
    context.set_trailing_metadata(((status_details.METADATA_KEY, details),))
    context.abort(code, str(failure))


def _log(rpc: str, call: InferenceCall, failure: Failure | None, seconds: float) -> None:
    facts = {"operation": rpc, "code": failure.code if failure else "OK", **call.facts}
    if failure and not isinstance(failure, Cancelled):
        facts["reason"] = failure.reason
    facts["duration_ms"] = round(seconds * 1000)
    metrics.calls.labels(rpc, facts["code"]).inc()
    metrics.seconds.labels(rpc).observe(seconds)
    logger.info("%s %s", rpc, facts["code"], extra={"call": facts})

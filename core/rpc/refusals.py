"""Refusals: calls that end before their message is received."""

from collections.abc import Iterable, Iterator
from typing import Any

import grpc

from core.context import valid_request_id
from core.errors import Failure, problem_of
from core.limits.charging import is_refusal_logged
from core.observability.call_log import Report
from core.rpc import problems
from core.rpc.method import Method

Metadata = Iterable[tuple[str, str | bytes]]


class Refusal:
    """Ends calls of a method with a failure. All that is the same for each of them is computed once.

    It is also a behaviour of grpcio, which refuses the call in the thread that serves it.

    Attributes:
        code: the status code.
        message: the status message.
    """

    def __init__(self, method: Method, failure: Failure) -> None:
        self._method = method
        self._problem = problem_of(failure)
        self.code = problems.status_code(self._problem)
        self.message = problems.status_message(self._problem).encode()
        self._details = problems.status_details(self._problem)

    def report(self, metadata: Metadata) -> tuple[tuple[str, str | bytes], ...]:
        """Count the call, log at most one in a second, and return its trailing metadata.

        Args:
            metadata: the client's.
        """
        sent: dict[str, Any] = dict(metadata)
        request_id = valid_request_id(sent.get("x-request-id"))
        self._method.started.inc()
        with Report(self._method.meter, request_id, sent.get("traceparent")) as report:
            report.fail(self._problem)
            report.code = self.code.name
            report.silent = not is_refusal_logged()
        return ("x-request-id", request_id), *problems.trailing_metadata(self._problem, self._details)

    def __call__(self, messages: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        """Refuse the call in this thread."""
        context.set_trailing_metadata(self.report(context.invocation_metadata() or ()))
        context.set_code(self.code)
        context.set_details(self.message.decode())
        return iter(())

"""Failures over HTTP: RFC 9457 `application/problem+json`."""

import json
import math
from typing import Any

from django.core.exceptions import TooManyFieldsSent
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions

from core import context
from core.errors import MethodNotAllowed, Problem, UnsupportedMediaType, invalid, problem_of


def handle(exc: Exception, drf_context: dict[str, Any]) -> HttpResponse:
    """DRF's exception handler: every exception of a view becomes a problem document."""
    return response_of(exc)


def response_of(exc: BaseException) -> HttpResponse:
    """The answer that tells of this exception."""
    match exc:
        case exceptions.MethodNotAllowed():
            problem = problem_of(MethodNotAllowed("This path does not answer this method."))
        case exceptions.UnsupportedMediaType():
            problem = problem_of(UnsupportedMediaType("Send the body as application/json."))
        case TooManyFieldsSent():
            problem = problem_of(invalid("", "max_items", "The query has more parts than the server takes."))
        case Http404():
            problem = Problem("NOT_FOUND", "There is nothing at this address.")
        case _:
            problem = problem_of(exc)
    return response(problem, exc)


def response(problem: Problem, raised: BaseException | None = None) -> HttpResponse:
    """The problem as a document, with the headers that go with it."""
    status = problem.kind.http_status
    answer = HttpResponse(json.dumps(document(problem)), content_type="application/problem+json", status=status)
    if problem.retry_after_seconds is not None:
        answer["Retry-After"] = str(math.ceil(problem.retry_after_seconds))
    if status == 401:
        answer["WWW-Authenticate"] = 'Bearer realm="tandem"'
    # Django would log it once more, without the call's id.
    answer._has_been_logged = True  # type: ignore[attr-defined]
    # For the call's log line, where an exception that nobody foresaw stands with its error id.
    answer.told = (problem, raised)  # type: ignore[attr-defined]
    return answer


def document(problem: Problem) -> dict[str, Any]:
    """The members of the problem document; `reason` and the `code`s are the words that gRPC uses."""
    return {
        "type": "about:blank",
        "title": problem.kind.title,
        "status": problem.kind.http_status,
        "detail": problem.message,
        "reason": problem.reason,
        "errors": [
            {"pointer": pointer(violation.field), "code": violation.code, "detail": violation.message}
            for violation in problem.violations
        ],
        "request_id": context.request_id.get(),
        **problem.metadata,
    }


def pointer(field: str) -> str:
    """The field's path as a JSON pointer in a URI fragment: `profile.bio` → `#/profile/bio`; the whole → `#`."""
    return "#" + "".join(f"/{part}" for part in field.split(".") if part)


def no_such_path(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """The answer to a path under /api that nothing serves."""
    return response(Problem("NOT_FOUND", "There is nothing at this address."))

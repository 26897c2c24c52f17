"""Failures over HTTP, as `application/problem+json` (RFC 9457)."""

import json
import math
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from django.core.exceptions import TooManyFieldsSent
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions

from core import context
from core.errors import (
    InsufficientScope,
    MethodNotAllowed,
    Problem,
    RangeNotSatisfiable,
    Unauthenticated,
    UnsupportedMediaType,
    invalid,
    problem_of,
)

#: Of any path that the server does not have; without the path, which is the caller's text.
NO_SUCH_PATH = "There is nothing at this address; /api/v1/docs lists the operations and their paths."
#: Characters that a URI's fragment may have unescaped, besides letters, digits and `-._~` (RFC 3986, 3.5).
_IN_FRAGMENTS = "!$&'()*+,;=:@?"


def handle(exc: Exception, drf_context: dict[str, Any]) -> HttpResponse:
    """Turn every exception of a view into a problem document. This is DRF's exception handler."""
    return response_of(exc)


def response_of(exc: BaseException) -> HttpResponse:
    """Return the HTTP response for an exception."""
    match exc:
        case exceptions.MethodNotAllowed():
            problem = problem_of(MethodNotAllowed())
        case TooManyFieldsSent():
            problem = problem_of(invalid("", "max_items", "The query has too many parameters."))
        case Http404():
            problem = Problem("NOT_FOUND", NO_SUCH_PATH)
        case _:
            problem = problem_of(exc)
    return response(problem, exc)


def response(problem: Problem, raised: BaseException | None = None) -> HttpResponse:
    """Return the HTTP response for a problem: the document and its headers."""
    status = problem.spec.http_status
    answer = HttpResponse(json.dumps(document(problem)), content_type="application/problem+json", status=status)
    if problem.retry_after_seconds is not None:
        answer["Retry-After"] = str(math.ceil(problem.retry_after_seconds))
    if challenge := _challenge(status, raised):
        answer["WWW-Authenticate"] = challenge
    if isinstance(raised, MethodNotAllowed):
        answer["Allow"] = ", ".join(raised.allowed)
    if isinstance(raised, UnsupportedMediaType) and raised.accepted:
        answer["Accept"] = ", ".join(raised.accepted)
        if raised.patches:
            answer["Accept-Patch"] = answer["Accept"]
    if isinstance(raised, RangeNotSatisfiable):
        answer["Content-Range"] = f"bytes */{raised.size}"
    # Without this header, caches may store 404 and 405 (RFC 9110, 15.1).
    answer["Cache-Control"] = "no-cache"
    # For the call's log line, which has an unexpected exception with its error id.
    answer.failure = (problem, raised)  # type: ignore[attr-defined]
    return answer


def _challenge(status: int, raised: BaseException | None) -> str:
    """Return `WWW-Authenticate` (RFC 6750, 3). It names an error only if the request has a token."""
    bearer = 'Bearer realm="tandem"'
    if isinstance(raised, InsufficientScope):
        return f'{bearer}, error="insufficient_scope"' + (f', scope="{raised.scope}"' if raised.scope else "")
    if status == 401:
        refused = isinstance(raised, Unauthenticated) and raised.token_refused
        return f'{bearer}, error="invalid_token"' if refused else bearer
    return ""


def document(problem: Problem) -> dict[str, Any]:
    """Return the members of the problem document; `reason` and the `code`s are the same as in gRPC."""
    return {
        "type": "about:blank",
        "title": problem.spec.title,
        "status": problem.spec.http_status,
        "detail": problem.message,
        "reason": problem.reason,
        "errors": [
            {"pointer": pointer(violation.path), "code": violation.code, "detail": violation.message}
            for violation in problem.violations
        ],
        "request_id": context.request_id.get(),
        **problem.metadata,
    }


def pointer(path: Iterable[str]) -> str:
    """Return a field as a JSON pointer (RFC 6901) in a URI fragment: ("profile", "bio") → `#/profile/bio`; () → `#`."""
    escaped = (part.replace("~", "~0").replace("/", "~1") for part in path)
    return "#" + "".join(f"/{quote(part, safe=_IN_FRAGMENTS)}" for part in escaped)


def no_such_path(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Answer 404 for an unknown path under /api."""
    return response(Problem("NOT_FOUND", NO_SUCH_PATH))


@csrf_exempt
def no_such_page(request: HttpRequest) -> HttpResponse:
    """Answer 404 for any other unknown path: a page for browsers, a problem for programs.

    Raises:
        Http404: the client prefers HTML.
    """
    if request.get_preferred_type(["application/problem+json", "application/json", "text/html"]) == "text/html":
        raise Http404
    answer = no_such_path(request)
    patch_vary_headers(answer, ["Accept"])
    return answer

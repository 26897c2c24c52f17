"""Views that only read and are not operations."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse

from core.errors import MethodNotAllowed

METHODS = ("GET", "HEAD", "OPTIONS")
View = Callable[[HttpRequest], HttpResponse]


def read_only(view: View) -> View:
    """Serve GET and HEAD by this view, and answer OPTIONS with the allowed methods. Other methods are refused."""

    @wraps(view)
    def serve(request: HttpRequest) -> HttpResponse:
        if request.method == "OPTIONS":
            return allowed(METHODS)
        if request.method not in METHODS:
            raise MethodNotAllowed(allowed=METHODS)
        return view(request)

    return serve


def allowed(methods: tuple[str, ...] | list[str], **headers: str) -> HttpResponse:
    """Return the response to OPTIONS."""
    answer = HttpResponse(status=204, headers={"Allow": ", ".join(methods), **headers})
    del answer["Content-Type"]
    return answer

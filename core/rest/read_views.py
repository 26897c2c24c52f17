"""Views that only read, beside the operations."""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse

from core.errors import MethodNotAllowed

METHODS = ("GET", "HEAD", "OPTIONS")
View = Callable[[HttpRequest], HttpResponse]


def read_only(view: View) -> View:
    """Serve GET and HEAD by this view, and OPTIONS by the methods that there are. Any other method is refused."""

    @wraps(view)
    def answered(request: HttpRequest) -> HttpResponse:
        if request.method == "OPTIONS":
            return allowed(METHODS)
        if request.method not in METHODS:
            raise MethodNotAllowed(allowed=METHODS)
        return view(request)

    return answered


def allowed(methods: tuple[str, ...] | list[str], **headers: str) -> HttpResponse:
    """The answer to OPTIONS."""
    answer = HttpResponse(status=204, headers={"Allow": ", ".join(methods), **headers})
    del answer["Content-Type"]
    return answer

"""The API's description: the OpenAPI document, and Swagger UI to read it with."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, URLResolver, get_resolver
from django.views.decorators.http import require_safe

from core.operations import Operation
from core.rest import openapi as openapi_document

#: The page runs our scripts and nobody else's. Swagger UI draws its icons from data URLs.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def current_document() -> dict[str, Any]:
    """The OpenAPI document of what the URLconf serves; a viewset's `limits` say what its models hold."""
    limits = {name: keywords for viewset in _viewsets() for name, keywords in getattr(viewset, "limits", {}).items()}
    comments = openapi_document.comments(Path(settings.BASE_DIR) / "proto")
    return openapi_document.document(served_operations(), version=settings.VERSION, comments=comments, limits=limits)


def served_operations() -> list[Operation]:
    """What the URLconf serves."""
    return [operation for viewset in _viewsets() for operation in viewset.operations]


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """The document as it is committed: to build it needs the `.proto` files' comments, and so the compiler."""
    return HttpResponse(_committed(), content_type="application/json")


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Swagger UI, from local files."""
    return HttpResponse(render_to_string("docs.html"), headers={"Content-Security-Policy": _CONTENT_SECURITY_POLICY})


def committed_path() -> Path:
    return Path(settings.BASE_DIR) / "docs" / "openapi.json"


@cache
def _committed() -> bytes:
    return committed_path().read_bytes()


def _viewsets() -> list[Any]:
    """The viewsets with operations, each once."""
    classes = (getattr(pattern.callback, "cls", None) for pattern in _patterns(get_resolver()))
    return list(dict.fromkeys(viewset for viewset in classes if hasattr(viewset, "operations")))


def _patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern)
        else:
            yield pattern

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

#: The page runs our scripts and nobody else's. Swagger UI styles elements in place and draws its icons from data URLs.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def current_document() -> dict[str, Any]:
    """The OpenAPI document of what the URLconf serves; a viewset's `limits` say what its models hold."""
    viewsets = list(dict.fromkeys(_viewsets(get_resolver().url_patterns)))
    operations: list[Operation] = [operation for viewset in viewsets for operation in viewset.operations]
    limits = {name: keywords for viewset in viewsets for name, keywords in getattr(viewset, "limits", {}).items()}
    comments = openapi_document.comments(Path(settings.BASE_DIR) / "proto")
    return openapi_document.document(operations, version=settings.VERSION, comments=comments, limits=limits)


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


def _viewsets(patterns: list[Any]) -> Iterator[Any]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _viewsets(pattern.url_patterns)
        elif isinstance(pattern, URLPattern) and hasattr(
            viewset := getattr(pattern.callback, "cls", None), "operations"
        ):
            yield viewset

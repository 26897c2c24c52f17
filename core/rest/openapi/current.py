"""The document of what is served: made for `docs/openapi.json`, which is what the server then shows.

To make it takes the protobuf compiler, for the comments; a server needs none.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from core.operations import Operation
from core.rest.openapi.comments import comments
from core.rest.openapi.document import document
from core.rest.openapi.own_paths import own_paths


def current_document() -> dict[str, Any]:
    """The OpenAPI document of what the URLconf serves; a viewset's `limits` say what its models hold."""
    limits = {name: keywords for viewset in _viewsets() for name, keywords in getattr(viewset, "limits", {}).items()}
    told = comments(Path(settings.BASE_DIR) / "proto")
    examples = {
        operation.name: viewset.examples[operation.rpc]
        for viewset in _viewsets()
        for operation in viewset.operations
        if operation.rpc in viewset.examples
    }
    more_paths = own_paths()
    for viewset in _viewsets():
        more_paths |= viewset.more_paths()
    return document(
        served_operations(),
        version=settings.VERSION,
        comments=told,
        limits=limits,
        examples=examples,
        more_paths=more_paths,
    )


def served_operations() -> list[Operation]:
    """What the URLconf serves."""
    return [operation for viewset in _viewsets() for operation in viewset.operations]


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

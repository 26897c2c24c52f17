"""The OpenAPI document of this server, generated for `docs/openapi.json`, which the server then serves.

Generating it needs the protobuf compiler, for the comments; a running server does not.
"""

from pathlib import Path
from typing import Any

from django.conf import settings

from core.rest.openapi.comments import comments
from core.rest.openapi.document import document
from core.rest.openapi.grpc_paths import grpc_paths
from core.rest.openapi.own_paths import own_paths
from core.rest.openapi.upload_paths import upload_paths
from core.rest.viewsets import served_operations, served_viewsets


def current_document() -> dict[str, Any]:
    """Generate the OpenAPI document of the operations in the URLconf. Maximum lengths are the viewsets' `limits`."""
    limits = {
        name: keywords for viewset in served_viewsets() for name, keywords in getattr(viewset, "limits", {}).items()
    }
    examples = {
        operation.name: viewset.examples[operation.rpc]
        for viewset in served_viewsets()
        for operation in viewset.operations
        if operation.rpc in viewset.examples
    }
    own_parameters = {
        operation.name: viewset.own_parameters.get(operation.rpc, ())
        for viewset in served_viewsets()
        for operation in viewset.operations
    }
    more_paths = own_paths() | grpc_paths() | upload_paths()
    for viewset in served_viewsets():
        more_paths |= viewset.more_paths()
    return document(
        served_operations(),
        version=settings.VERSION,
        comments=comments(Path(settings.BASE_DIR) / "proto"),
        limits=limits,
        examples=examples,
        own_parameters=own_parameters,
        more_paths=more_paths,
    )

"""Views of the description of the gRPC API: the document, the page that executes its examples, the `.proto` files."""

from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse

from core.rest.docs import api_page, committed
from core.rest.read_views import read_only


@read_only
def document(request: HttpRequest) -> HttpResponse:
    """Return the committed document (see `core.web_rpc.description`)."""
    return committed(request, committed_path())


@read_only
def page(request: HttpRequest) -> HttpResponse:
    """Return the page of the gRPC API. It executes calls by Connect on the HTTP port."""
    introduction = (
        f"Services, methods and messages of the gRPC API on port {settings.GRPC_PORT}. This page calls them by "
        "Connect on the HTTP port, with the same results and errors."
    )
    return api_page("/api/grpc", "grpc.js", "/api/grpc.json", introduction)


def proto(request: HttpRequest, path: str) -> HttpResponse:
    """Return a `.proto` file of the contracts."""

    @read_only
    def file(request: HttpRequest) -> HttpResponse:
        root = Path(settings.BASE_DIR) / "proto"
        found = {str(each.relative_to(root)): each for each in root.rglob("*.proto")}
        if path not in found:
            raise Http404("There is no such file.")
        return committed(request, found[path], "text/plain; charset=utf-8")

    return file(request)


def committed_path() -> Path:
    return Path(settings.BASE_DIR) / "docs" / "grpc.json"

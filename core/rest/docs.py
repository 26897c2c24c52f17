"""Views of the API's description: the OpenAPI document, and the page that executes its examples."""

from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.templatetags.static import static

from core.rest.conditional import tagged
from core.rest.read_views import read_only

#: The pages may load and call only what is of this server, and no page may show them in a frame.
_CONTENT_SECURITY_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_PAGES = {"/api/v1/docs": "REST API", "/api/grpc": "gRPC API"}


@read_only
def openapi(request: HttpRequest) -> HttpResponse:
    """Return the committed document (see `core.rest.openapi.current`)."""
    return committed(request, committed_path())


@read_only
def page(request: HttpRequest) -> HttpResponse:
    """Return the page of the REST API."""
    introduction = (
        "Every operation over HTTP, with JSON. The same operations are served over gRPC, with the same results and "
        "errors."
    )
    return api_page("/api/v1/docs", "rest.js", "/api/v1/openapi.json", introduction)


def api_page(path: str, script: str, document: str, introduction: str) -> HttpResponse:
    """Return a page of an API, which its script fills from the document."""
    context = {
        "title": _PAGES[path],
        "introduction": introduction,
        "document": document,
        "script": static(f"core/api/{script}"),
        "grpc_port": settings.GRPC_PORT,
        "is_open": bool(settings.DEV_AUTH_AS),
        "pages": [{"path": each, "title": title, "is_current": each == path} for each, title in _PAGES.items()],
    }
    headers = {"Content-Security-Policy": _CONTENT_SECURITY_POLICY, "Cache-Control": "no-cache"}
    return HttpResponse(render_to_string("api.html", context), headers=headers)


def committed(request: HttpRequest, path: Path, content_type: str = "application/json") -> HttpResponse:
    """Return a file that is part of the program. A client that has it gets 304."""
    headers = {"Cache-Control": "public, no-cache"}
    return tagged(request, HttpResponse(path.read_bytes(), content_type=content_type, headers=headers))


def committed_path() -> Path:
    return Path(settings.BASE_DIR) / "docs" / "openapi.json"

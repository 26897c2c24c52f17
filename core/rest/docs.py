"""Views of the API's description: the OpenAPI document, and Swagger UI."""

from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from core.rest.conditional import tagged
from core.rest.read_views import read_only

#: The page may run only scripts from this server. Swagger UI loads its icons from data URLs.
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@read_only
def openapi(request: HttpRequest) -> HttpResponse:
    """Return the committed document (see `core.rest.openapi.current`)."""
    content = committed_path().read_bytes()
    headers = {"Cache-Control": "public, no-cache"}
    return tagged(request, HttpResponse(content, content_type="application/json", headers=headers))


@read_only
def page(request: HttpRequest) -> HttpResponse:
    """Return Swagger UI, served from local files."""
    return HttpResponse(render_to_string("docs.html"), headers={"Content-Security-Policy": _CONTENT_SECURITY_POLICY})


def committed_path() -> Path:
    return Path(settings.BASE_DIR) / "docs" / "openapi.json"

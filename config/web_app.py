"""The web app: one page for all its addresses. Its sources and the built files are in `web/`."""

from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from core.rest.conditional import tagged

#: First parts of the paths of the app, as `web/src/app.tsx` lists them; the path "/" is one, too.
PLACES = (
    "projects", "tasks", "meetings", "documents", "me", "sign-in", "sign-up", "forgot-password", "reset-password",
    "verify-email",
)  # fmt: skip
ROUTE = rf"^(?:(?:{'|'.join(PLACES)})(?:/.*)?)?$"

_INDEX = Path(settings.BASE_DIR) / "web" / "dist" / "index.html"
#: Only files and calls of this server; no page may show the app in a frame.
_CONTENT_SECURITY_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HTML = b'<html lang="en"'


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Return the page of the app, which is the same for every address.

    A development server that answers calls without credentials marks it, so that the app needs no sign-in.
    """
    content = _INDEX.read_bytes()
    if settings.DEV_AUTH_AS:
        content = content.replace(_HTML, _HTML + b" data-open")
    headers = {"Content-Security-Policy": _CONTENT_SECURITY_POLICY, "Cache-Control": "no-cache"}
    return tagged(request, HttpResponse(content, headers=headers))

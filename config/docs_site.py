"""The documentation at /docs/: files of `site/`, which `python -m scripts.site` builds."""

import mimetypes
import re
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.utils.cache import patch_cache_control
from django.utils.html import escape
from django.views.decorators.http import require_safe

from core.rest.conditional import tagged
from core.rest.problems import no_such_page

ROUTE = r"^docs(?:/.*)?$"
#: The style sheet that the generator's script adds for the search dialog; a new version of it may have another.
_STYLE_OF_THE_SEARCH = "sha256-NwSx/R2V/U4jnW0Tq5pQ53Y/rzPVJ4dqE7D6UTA/J1k="
#: Only files of this server, as for the web app. The pictures of the style sheets are data URLs.
_CONTENT_SECURITY_POLICY = (
    f"default-src 'self'; style-src 'self' '{_STYLE_OF_THE_SEARCH}'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: Names that change with the content of the file.
_HASHED = re.compile(r"[.-][0-9a-f]{8,12}(\.min)?\.(js|css)$")
_MISSING = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Documentation</title>
<h1>The documentation is not built</h1>
<p>Build it with <code>python -m scripts.site</code> in the project's folder, and load this page again.
The start script and the container's image do that. Until then the same pages are in the folder <code>docs</code>.</p>
<p><a href="/api/v1/docs">The description of the API</a> is there.</p>
"""


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Return a file of the site; of a folder, its page."""
    site = (Path(settings.BASE_DIR) / "site").resolve()
    if not (site / "index.html").is_file():
        # The server works; only its documentation is missing.
        return HttpResponse(_MISSING, status=404, headers=_headers())
    name = request.path_info.removeprefix("/docs")
    file = Path(f"{site}{name}")
    if "\0" in name or not file.resolve().is_relative_to(site):
        return no_such_page(request)
    if file.is_dir() and not name.endswith("/"):
        return HttpResponsePermanentRedirect(f"/docs{name}/")
    if file.is_dir():
        file /= "index.html"
    if not file.is_file():
        return no_such_page(request)
    content_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    content = file.read_bytes()
    if content_type == "text/html":
        content = _with_own_addresses(request, content)
    answer = HttpResponse(content, content_type=_with_charset(content_type), headers=_headers())
    if _HASHED.search(file.name):
        patch_cache_control(answer, public=True, max_age=31_536_000, immutable=True)
    else:
        answer["Cache-Control"] = "no-cache"
    return tagged(request, answer)


def _with_own_addresses(request: HttpRequest, page: bytes) -> bytes:
    """Replace the default addresses in a page by those of this server, so that its commands work as printed."""
    own = escape(request.get_host())
    grpc = f"localhost:{settings.GRPC_PORT}"
    page = page.replace(b"http://localhost:8000", f"{request.scheme}://{own}".encode())
    return page.replace(b"localhost:8000", own.encode()).replace(b"localhost:50051", grpc.encode())


def _headers() -> dict[str, str]:
    return {"Content-Security-Policy": _CONTENT_SECURITY_POLICY}


def _with_charset(content_type: str) -> str:
    return f"{content_type}; charset=utf-8" if content_type.startswith("text/") else content_type

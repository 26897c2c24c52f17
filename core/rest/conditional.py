"""Conditional reads: `ETag`, `If-None-Match` and 304 (RFC 9110, 13.1.2)."""

import hashlib

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified

from core.preconditions import ANY, entity_tags

#: Responses may differ between callers: shared caches store nothing, and a client's cache revalidates before each use.
PRIVATE = "private, no-cache"
_KEPT = ("ETag", "Cache-Control", "Vary", "Expires", "Content-Location")


def is_known(request: HttpRequest, etag: str) -> bool:
    """Return whether `If-None-Match` names this tag, by weak comparison; `*` matches anything.

    Args:
        etag: with its quotes; empty = there is no tag.
    """
    header = request.META.get("HTTP_IF_NONE_MATCH")
    if header is None or request.method not in ("GET", "HEAD"):
        return False
    # A malformed list of tags is ignored: a full response is always correct.
    return header.strip() == ANY or (bool(etag) and etag.removeprefix("W/").strip('"') in (entity_tags(header) or ()))


def not_modified(answer: HttpResponse) -> HttpResponse:
    """Return 304 with the headers of this response, for a client that has its content."""
    return HttpResponseNotModified(headers={name: answer[name] for name in _KEPT if name in answer})


def tagged(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """Add an `ETag` computed from the content. Returns 304 instead if the client has that content."""
    answer["ETag"] = f'"{hashlib.sha256(answer.content).hexdigest()[:32]}"'
    return not_modified(answer) if is_known(request, answer["ETag"]) else answer

"""Answers that a client has already: `ETag`, `If-None-Match` and 304 (RFC 9110, 13.1.2)."""

import hashlib

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified

from core.preconditions import ANY, entity_tags

#: What each caller sees may differ, so shared caches keep nothing, and a client's own asks before it uses what it has.
PRIVATE = "private, no-cache"
_KEPT = ("ETag", "Cache-Control", "Vary", "Expires", "Content-Location")


def is_known(request: HttpRequest, etag: str) -> bool:
    """Whether the client says that it has what this tag stands for, by weak comparison; `*` is anything.

    Args:
        etag: with its quotes; empty = there is no tag.
    """
    sent = request.META.get("HTTP_IF_NONE_MATCH")
    if sent is None or request.method not in ("GET", "HEAD"):
        return False
    # What is no list of tags is passed over: the whole answer is never wrong.
    return sent.strip() == ANY or (bool(etag) and etag.removeprefix("W/").strip('"') in (entity_tags(sent) or ()))


def not_modified(answer: HttpResponse) -> HttpResponse:
    """The answer without its content, to a client that has it."""
    return HttpResponseNotModified(headers={name: answer[name] for name in _KEPT if name in answer})


def tagged(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """The answer with a tag that its content makes, or that the client has it."""
    answer["ETag"] = f'"{hashlib.sha256(answer.content).hexdigest()[:32]}"'
    return not_modified(answer) if is_known(request, answer["ETag"]) else answer

"""Compression of responses with gzip, for clients that accept it (RFC 9110, 12.5.3)."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import cast

from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.text import compress_sequence, compress_string

Answer = Callable[[HttpRequest], HttpResponseBase]

#: Smaller responses are sent uncompressed.
MIN_BYTES = 1024
#: The compressed length is blurred by up to so many bytes, so that a caller who can insert text into a response cannot
#: infer the rest of it from its length (BREACH). Django uses the same value.
_MAX_RANDOM_BYTES = 100
_TEXT = re.compile(r"text/|application/([\w.-]+\+)?(json|xml|javascript)\b|application/(openmetrics-text|x-subrip)\b")
_WEIGHT = re.compile(r"\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*", re.IGNORECASE)
#: Streams of events and lines are not compressed, because each message must arrive as soon as it is sent.
_STREAMS = ("text/event-stream", "application/x-ndjson", "application/grpc-web", "application/connect+")


def compress(answer: Answer) -> Answer:
    """Compress texts above `MIN_BYTES`.

    Responses with `no-store` are left uncompressed: they hold secrets, which the compressed length could reveal.
    """

    def compressed(request: HttpRequest) -> HttpResponseBase:
        response = answer(request)
        if not _may_be_compressed(response):
            return response
        patch_vary_headers(response, ["Accept-Encoding"])
        encodings = accepted(request.META.get("HTTP_ACCEPT_ENCODING", ""))
        if response.status_code == 304 or not encodings.gzip:
            return response
        if isinstance(response, FileResponse):
            response.streaming_content = compress_sequence(cast(Iterator[bytes], response.streaming_content))
            del response["Content-Length"]
        elif isinstance(response, HttpResponse):
            if len(response.content) <= MIN_BYTES and not (encodings.only and response.content):
                return response
            response.content = _compressed(response)
            response["Content-Length"] = str(len(response.content))
        response["Content-Encoding"] = "gzip"
        etag = response.get("ETag", "")
        if etag.startswith('"'):
            # The same content in other bytes: a strong tag cannot stand for both.
            response["ETag"] = f"W/{etag}"
        return response

    return compressed


class AcceptedEncodings:
    """The encodings that a client accepts.

    Attributes:
        gzip: it accepts gzip with at least the weight of `identity`.
        only: it does not accept `identity`.
    """

    __slots__ = ("gzip", "only")

    def __init__(self, gzip: bool, only: bool) -> None:
        self.gzip = gzip
        self.only = only


@lru_cache(maxsize=256)
def accepted(header: str) -> AcceptedEncodings:
    """Parse `Accept-Encoding`. An unnamed encoding has the weight of `*`; without `*`, `identity` is accepted."""
    weights: dict[str, float] = {}
    for element in header.lower().split(","):
        coding, _, parameter = element.partition(";")
        weight = _WEIGHT.fullmatch(parameter) if parameter.strip() else None
        if coding.strip() and (weight or not parameter.strip()):
            weights[coding.strip()] = float(weight[1]) if weight else 1.0
    gzip = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    identity = weights.get("identity", weights.get("*"))
    return AcceptedEncodings(gzip > 0 and gzip >= (weights.get("identity") or 0.0), identity == 0)


def _may_be_compressed(response: HttpResponseBase) -> bool:
    if response.status_code == 304:
        return True
    if response.streaming and not isinstance(response, FileResponse):
        return False
    if response.status_code in (204, 206) or response.has_header("Content-Encoding"):
        return False
    if re.search(r"no-store|no-transform", response.get("Cache-Control", "")):
        return False
    content_type = response.get("Content-Type", "")
    return bool(_TEXT.match(content_type)) and not content_type.startswith(_STREAMS)


def _compressed(response: HttpResponse) -> bytes:
    if "public" in response.get("Cache-Control", ""):
        # A public response is the same for all callers and holds no secret; it may be large, as the OpenAPI document.
        return _compressed_once(response.content)
    return compress_string(response.content, max_random_bytes=_MAX_RANDOM_BYTES)


@lru_cache(maxsize=8)
def _compressed_once(content: bytes) -> bytes:
    return compress_string(content)

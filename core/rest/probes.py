"""Views for probes and monitors.

Probes come each second, so their log lines are written at DEBUG unless something does not work.
"""

import logging

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

from core import health as state
from core.rest.read_views import read_only

_FRESH = {"Cache-Control": "no-cache"}
#: The media types of `/metrics`, and the ranges that include them.
_METRICS_TYPES = ("application/openmetrics-text", "text/plain", "text/*", "*/*")


@read_only
def health(request: HttpRequest) -> JsonResponse:
    """Return the health of the service, its name and its version; 503 if a component does not work."""
    healthy = all(state.components().values())
    _set_level(request, works=healthy)
    body = {"status": "healthy" if healthy else "unhealthy", "service": "tandem", "version": settings.VERSION}
    return JsonResponse(body, status=200 if healthy else 503, headers=_FRESH)


@read_only
def live(request: HttpRequest) -> JsonResponse:
    """Return that the process is running. No component is checked."""
    _set_level(request, works=True)
    return JsonResponse({"status": "live"}, headers=_FRESH)


@read_only
def ready(request: HttpRequest) -> JsonResponse:
    """Return whether calls can be served; 503 with the reason if not."""
    broken = [name for name, works in state.components().items() if not works]
    _set_level(request, works=not broken)
    if broken:
        reason = f"not working: {', '.join(broken)}"
        return JsonResponse({"status": "not ready", "reason": reason}, status=503, headers=_FRESH)
    return JsonResponse({"status": "ready"}, headers=_FRESH)


@read_only
def metrics(request: HttpRequest) -> HttpResponse:
    """Return this process's metrics, in the format that the client prefers: Prometheus' own or OpenMetrics.

    In development only. Elsewhere they have an address of their own (`runweb --metrics-port`), because every client
    can reach this port.

    Raises:
        Http404: this port serves no metrics.
    """
    if not settings.METRICS_ON_HTTP_PORT:
        raise Http404("This port serves no metrics; runweb --metrics-port does.")
    encode, content_type = choose_encoder(_preferred_type(request))
    answer = HttpResponse(encode(REGISTRY), content_type=content_type, headers=_FRESH)
    patch_vary_headers(answer, ["Accept"])
    return answer


def _set_level(request: HttpRequest, *, works: bool) -> None:
    request.report.level = logging.DEBUG if works else logging.WARNING  # type: ignore[attr-defined]


def _preferred_type(request: HttpRequest) -> str:
    """Return the media type that the client prefers. prometheus_client itself would ignore the weights (`q`)."""
    types = request.accepted_types
    return next((str(one) for one in types if f"{one.main_type}/{one.sub_type}" in _METRICS_TYPES), "")

"""What probes and monitors ask."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from core import health as state


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """That the service is there, and which."""
    healthy = all(state.components().values())
    body = {"status": "healthy" if healthy else "unhealthy", "service": "tandem", "version": settings.VERSION}
    return JsonResponse(body, status=200 if healthy else 503)


@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """That the process answers; it asks nothing of others."""
    return JsonResponse({"status": "live"})


@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Whether calls can be served; 503 with the reason when not."""
    broken = [name for name, works in state.components().items() if not works]
    if broken:
        return JsonResponse({"status": "not ready", "reason": f"not working: {', '.join(broken)}"}, status=503)
    return JsonResponse({"status": "ready"})


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """This process's metrics in Prometheus' text format."""
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)

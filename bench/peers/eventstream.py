"""Server-sent events of django-eventstream on uvicorn. Writes go through it, since it sends within its process."""

from bench.peers.models import Task  # isort: skip  # It sets Django up.

import django_eventstream.urls
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django.urls import include, path
from django.utils import timezone
from django_eventstream import send_event


def ready(request):
    return HttpResponse()


def rename(request, task_id):
    title = request.GET["title"]
    Task.objects.filter(pk=task_id).update(title=title, updated_at=timezone.now())
    send_event("tasks", "message", {"id": str(task_id), "title": title})
    return HttpResponse()


urlpatterns = [
    path("ready/", ready),
    path("tasks/<uuid:task_id>/", rename),
    path("events/", include(django_eventstream.urls), {"channels": ["tasks"]}),
]
application = get_asgi_application()

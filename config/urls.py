"""Every path over HTTP. Its twin for gRPC is `config/rpc.py`."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from core.rest import docs, service
from core.rest.problems import no_such_page, no_such_path

urlpatterns = [
    path("", include("users.urls")),
    path("", include("access.urls")),
    path("", include("changes.urls")),
    path("", include("tasks.urls")),
    path("", include("meetings.urls")),
    path("api/v1/openapi.json", docs.openapi, name="openapi"),
    path("api/v1/docs", docs.page, name="docs"),
    re_path(r"^api(/.*)?$", no_such_path),
    path("health", service.health),
    path("health/live", service.live),
    path("health/ready", service.ready),
    path("metrics", service.metrics),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
    path("", RedirectView.as_view(url="/api/v1/docs")),
    re_path("", no_such_page),
]

"""All HTTP paths. The counterpart for gRPC is `config/rpc.py`."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from config import docs_site, web_app
from core.rest import docs, probes, tus
from core.rest.problems import no_such_page, no_such_path
from core.web_rpc import docs as grpc_docs
from core.web_rpc import view as web_rpc

admin.autodiscover()

urlpatterns = [
    path("", include("users.urls")),
    path("", include("access.urls")),
    path("", include("changes.urls")),
    path("", include("projects.urls")),
    path("", include("tasks.urls")),
    path("", include("meetings.urls")),
    path("", include("drawings.urls")),
    re_path(r"^api/v1/uploads/?$", tus.uploads),
    re_path(r"^api/v1/uploads/(?P<upload_id>[^/]+)/?$", tus.upload),
    re_path(r"^api/v1/openapi\.json/?$", docs.openapi, name="openapi"),
    re_path(r"^api/v1/docs/?$", docs.page, name="docs"),
    re_path(r"^api/grpc\.json$", grpc_docs.document),
    re_path(r"^api/grpc/?$", grpc_docs.page),
    re_path(r"^api/protos/(?P<path>[\w/]+\.proto)$", grpc_docs.proto),
    re_path(r"^api(/.*)?$", no_such_path),
    re_path(r"^health/?$", probes.health),
    re_path(r"^health/live/?$", probes.live),
    re_path(r"^health/ready/?$", probes.ready),
    re_path(r"^metrics/?$", probes.metrics),
    re_path(r"^(?P<service>\w+(?:\.\w+)+)/(?P<rpc>\w+)$", web_rpc.serve),
    path("admin", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
    re_path(docs_site.ROUTE, docs_site.page),
    re_path(web_app.ROUTE, web_app.page),
    re_path("", no_such_page),
]

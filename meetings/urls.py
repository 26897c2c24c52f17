"""Paths: each rpc's google.api.http rule; and resumable uploads, which HTTP alone has a protocol for."""

from django.urls import path

from core.rest.door import routes
from meetings.views import MeetingViewSet, tus

urlpatterns = [
    *routes(MeetingViewSet),
    path("api/v1/uploads", tus.uploads),
    path("api/v1/uploads/<str:upload_id>", tus.upload),
]

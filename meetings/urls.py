"""Paths: each rpc's google.api.http rule; and what HTTP alone has: live audio, and transcripts as files."""

from django.urls import re_path

from core.rest.viewsets import routes
from meetings.views import MeetingViewSet, audio, exports

urlpatterns = [
    *routes(MeetingViewSet),
    re_path(
        rf"^api/v1/meetings/(?P<meeting_id>[^/]+)/transcript\.(?P<form>{'|'.join(exports.FORMS)})/?$",
        exports.transcript,
    ),
    re_path(r"^api/v1/meetings/(?P<meeting_id>[^/]+)/audio/?$", audio.audio),
]

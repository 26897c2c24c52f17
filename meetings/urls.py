"""Paths: each rpc's google.api.http rule."""

from core.rest.door import routes
from meetings.views import MeetingViewSet

urlpatterns = routes(MeetingViewSet)

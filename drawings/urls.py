"""Paths: each rpc's google.api.http rule."""

from core.rest.viewsets import routes
from drawings.views import DrawingViewSet

urlpatterns = [*routes(DrawingViewSet)]

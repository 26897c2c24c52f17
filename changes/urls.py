"""Paths: each rpc's google.api.http rule."""

from changes.views import ChangeViewSet
from core.rest.viewsets import routes

urlpatterns = routes(ChangeViewSet)

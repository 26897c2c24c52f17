"""Paths: each rpc's google.api.http rule."""

from changes.views import ChangeViewSet
from core.rest.door import routes

urlpatterns = routes(ChangeViewSet)

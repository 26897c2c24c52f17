"""Paths: each rpc's google.api.http rule."""

from access.views import AuthViewSet
from core.rest.door import routes

urlpatterns = routes(AuthViewSet)

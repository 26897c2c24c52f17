"""Paths: each rpc's google.api.http rule."""

from core.rest.viewsets import routes
from users.views import ExampleViewSet, UserViewSet

urlpatterns = [*routes(UserViewSet), *routes(ExampleViewSet)]

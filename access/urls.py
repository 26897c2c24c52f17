"""Paths: each rpc's google.api.http rule, and the well-known path of the public keys (RFC 8615)."""

from django.urls import re_path

from access.views import AuthViewSet, jwks
from core.rest.viewsets import routes

urlpatterns = [*routes(AuthViewSet), re_path(r"^\.well-known/jwks\.json/?$", jwks, name="jwks")]

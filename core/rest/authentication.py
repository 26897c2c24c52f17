"""DRF's view of `core.auth`."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from core import auth


class Authentication(BaseAuthentication):
    """Bearer tokens; a call without any credential is anonymous (or the development identity)."""

    def authenticate(self, request: Request) -> tuple[Any, None]:
        return auth.authenticate(request.META.get("HTTP_AUTHORIZATION")), None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

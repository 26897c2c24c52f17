"""REST transport of auth.v1."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from google.protobuf.empty_pb2 import Empty
from rest_framework.request import Request

from access import handlers, tokens
from access.models import ApiKey, StreamTicket
from core import examples as values
from core.errors import Unauthenticated, invalid
from core.operations import Call, operations
from core.rest import cookies
from core.rest.conditional import tagged
from core.rest.openapi.components import reference
from core.rest.openapi.limits import limits_of
from core.rest.openapi.own_paths import answer, describe
from core.rest.read_views import read_only
from core.rest.viewsets import OperationViewSet
from tandem.auth.v1 import auth_pb2

#: How long clients may cache our public keys. A new key must be published for longer than this before it signs.
KEYS_KEPT_FOR_SECONDS = 300
#: The refresh token of a browser session, sent to the paths of this service alone.
REFRESH_COOKIE, REFRESH_COOKIE_PATH = "tandem_refresh", "/api/v1/auth"


class AuthViewSet(OperationViewSet):
    """/api/v1/auth.

    With the header `X-Session: cookie`, a refresh token is in a cookie that scripts cannot read, instead of in the
    messages. A page of another site can neither send that header nor, because of `SameSite`, the cookie.
    """

    own_parameters = dict.fromkeys(("Login", "RefreshToken", "Logout"), ("Session",))

    operations = operations(auth_pb2.DESCRIPTOR.services_by_name["AuthService"], handlers)
    examples = {
        "Login": {"email": values.OWN_EMAIL, "password": "violin under a bridge"},
        "RefreshToken": {"refresh_token": "the refresh token of the login"},
        "Logout": {"refresh_token": "the refresh token of the login"},
        "CreateApiKey": {"name": "Nightly report", "scopes": ["tasks:read"]},
        "CreateStreamTicket": {"path": "/api/v1/tasks/stream"},
    }
    limits = limits_of(ApiKey, auth_pb2.CreateApiKeyRequest) | limits_of(
        StreamTicket, auth_pb2.CreateStreamTicketRequest
    )

    #: The refresh token that the answer sets as the cookie; empty = the answer deletes it, None = it leaves it.
    _new_cookie: str | None = None

    def serve(self, request: Request, **path_values: str) -> HttpResponseBase:
        answer = super().serve(request, **path_values)
        if self._new_cookie is not None:
            cookies.set_secret(
                self.http_request,
                answer,
                REFRESH_COOKIE,
                self._new_cookie,
                path=REFRESH_COOKIE_PATH,
                seconds=settings.REFRESH_TOKEN_SECONDS,
            )
        return answer

    def execute(self, call: Call, message: Any) -> Any:
        if call.operation.rpc not in self.own_parameters or not _asks_for_cookie(self.http_request):
            return super().execute(call, message)
        sent = self.http_request.COOKIES.get(REFRESH_COOKIE, "")
        if call.operation.rpc == "Logout":
            self._new_cookie = ""
            message.refresh_token = message.refresh_token or sent
            return super().execute(call, message) if message.refresh_token else Empty()
        if call.operation.rpc == "RefreshToken":
            message.refresh_token = message.refresh_token or sent
            if not message.refresh_token:
                raise Unauthenticated("This browser has no session; sign in.")
        tokens_of_session: Any = super().execute(call, message)
        self._new_cookie = tokens_of_session.refresh_token
        tokens_of_session.refresh_token = ""
        return tokens_of_session

    @classmethod
    def more_paths(cls) -> dict[str, Any]:
        key = {"type": "object", "properties": {"kty": {"type": "string"}, "kid": {"type": "string"}}}
        keys = {"type": "object", "properties": {"keys": {"type": "array", "items": key}}, "required": ["keys"]}
        return {
            "/.well-known/jwks.json": {
                "get": describe(
                    "getKeys",
                    "AuthService",
                    "The public keys of access tokens (RFC 7517)",
                    public=True,
                    parameters=[reference("parameters", "IfNoneMatch")],
                    answers={
                        "200": answer("Any page may read them.", {"application/jwk-set+json": keys}, "ETag"),
                        "304": reference("responses", "NotModified"),
                    },
                )
            }
        }


def _asks_for_cookie(request: HttpRequest) -> bool:
    """Return whether the session is a browser's; `X-Session` has no other value than `cookie`."""
    value = request.META.get("HTTP_X_SESSION")
    if value not in (None, "cookie"):
        raise invalid("x-session", "choice", "Choose one of: cookie.")
    return value is not None


@read_only
def jwks(request: HttpRequest) -> HttpResponse:
    """Return the public keys of access tokens as a JWK set (RFC 7517); empty while tokens are signed with a secret."""
    cache = {"Cache-Control": f"public, max-age={KEYS_KEPT_FOR_SECONDS}"}
    return tagged(request, JsonResponse(tokens.jwks(), content_type="application/jwk-set+json", headers=cache))

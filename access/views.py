"""REST transport of auth.v1."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from access import handlers, tokens
from access.models import ApiKey, StreamTicket
from core.operations import operations
from core.rest.conditional import tagged
from core.rest.openapi.components import reference
from core.rest.openapi.limits import limits_of
from core.rest.openapi.own_paths import answer, describe
from core.rest.read_views import read_only
from core.rest.viewsets import OperationViewSet
from tandem.auth.v1 import auth_pb2

#: How long clients may cache our public keys. A new key must be published for longer than this before it signs.
KEYS_KEPT_FOR_SECONDS = 300


class AuthViewSet(OperationViewSet):
    """/api/v1/auth."""

    operations = operations(auth_pb2.DESCRIPTOR.services_by_name["AuthService"], handlers)
    examples = {
        "Login": {"email": "ada@example.com", "password": "violin under a bridge"},
        "RefreshToken": {"refresh_token": "the refresh token of the login"},
        "Logout": {"refresh_token": "the refresh token of the login"},
        "CreateApiKey": {"name": "Nightly report", "scopes": ["tasks:read"]},
        "CreateStreamTicket": {"path": "/api/v1/tasks/stream"},
    }
    limits = limits_of(ApiKey, auth_pb2.CreateApiKeyRequest) | limits_of(
        StreamTicket, auth_pb2.CreateStreamTicketRequest
    )

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


@read_only
def jwks(request: HttpRequest) -> HttpResponse:
    """Return the public keys of access tokens as a JWK set (RFC 7517); empty while tokens are signed with a secret."""
    cache = {"Cache-Control": f"public, max-age={KEYS_KEPT_FOR_SECONDS}"}
    return tagged(request, JsonResponse(tokens.jwks(), content_type="application/jwk-set+json", headers=cache))

"""The HTTP door."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from access import calls, tokens
from access.models import ApiKey, StreamTicket
from core.operations import operations
from core.rest.door import Door
from core.rest.openapi.limits import limits_of
from tandem.auth.v1 import auth_pb2

#: How long others may keep our public keys: a new one must be published for longer before it signs.
KEYS_KEPT_FOR_SECONDS = 300


class AuthViewSet(Door):
    """/api/v1/auth."""

    operations = operations(auth_pb2.DESCRIPTOR.services_by_name["AuthService"], calls)
    limits = limits_of(ApiKey, auth_pb2.CreateApiKeyRequest) | limits_of(
        StreamTicket, auth_pb2.CreateStreamTicketRequest
    )


@require_safe
def jwks(request: HttpRequest) -> JsonResponse:
    """The public keys of access tokens, as a JWK set (RFC 7517); empty while a secret signs them."""
    cache = {"Cache-Control": f"public, max-age={KEYS_KEPT_FOR_SECONDS}"}
    return JsonResponse(tokens.jwks(), content_type="application/jwk-set+json", headers=cache)

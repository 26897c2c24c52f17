"""DRF policies of all views: the caller's authentication, and JSON as the only form of an answer.

`settings.REST_FRAMEWORK` names these classes. They are apart from the viewsets because DRF imports them with its views.
"""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request

from core.auth import Credential, redeem_ticket
from core.execution import authorize, identify
from core.operations import Operation

#: DRF's request passes the attributes of Django's on.
AnyRequest = HttpRequest | Request


class CallerAuthentication(BaseAuthentication):
    """Authenticates the caller and authorizes it for the operation, before the body is read.

    The view's `operation` decides which credentials are accepted. `request.auth` is the effective credential. A view
    without an operation, as for OPTIONS, authenticates no caller.
    """

    def authenticate(self, request: Request) -> tuple[Any, Credential] | None:
        operation = request.parser_context["view"].operation
        if operation is None:
            return None
        credential = authorize(operation, _credential(operation, request))
        request.report.principal = credential.actor.pk  # type: ignore[attr-defined]
        return credential.actor, credential


class AlwaysJson(BaseContentNegotiation):
    """Content negotiation with JSON as the only representation. The `Accept` header is ignored."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        return None

    def select_renderer(self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None) -> Any:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


def identify_for_file(operation: Operation, request: AnyRequest) -> Credential:
    """Return the credential of a request for a file, whose client may be a browser with a ticket."""
    return _identify(operation, request, takes_ticket=True, reusable=True)


def _credential(operation: Operation, request: AnyRequest) -> Credential:
    if operation.answers_file:
        return identify_for_file(operation, request)
    return _identify(operation, request, takes_ticket=operation.is_feed, reusable=False)


def _identify(operation: Operation, request: AnyRequest, *, takes_ticket: bool, reusable: bool) -> Credential:
    authorization, ticket = request.META.get("HTTP_AUTHORIZATION"), request.GET.get("ticket")
    if ticket is not None and takes_ticket and not authorization:
        return redeem_ticket(ticket, request.path_info, reusable=reusable)
    return identify(operation, authorization)

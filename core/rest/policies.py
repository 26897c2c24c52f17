"""DRF policies of all views: the caller's authentication, and JSON as the only form of an answer.

`settings.REST_FRAMEWORK` names these classes. They are apart from the viewsets because DRF imports them with its views.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request

from core.addresses import http_client_address
from core.auth import Credential, redeem_ticket
from core.execution import admit, identify
from core.limits import costs
from core.observability.call_log import Report
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
        credential = admit(
            request.report,  # type: ignore[attr-defined]
            operation,
            partial(_credential, operation, request),
            partial(http_client_address, request.META),
        )
        request.report.principal = credential.actor.pk  # type: ignore[attr-defined]
        return credential.actor, credential


class AlwaysJson(BaseContentNegotiation):
    """Content negotiation with JSON as the only representation. The `Accept` header is ignored."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        return None

    def select_renderer(self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None) -> Any:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


def admit_to_export(operation: Operation, request: HttpRequest) -> Credential:
    """Admit a request for a file that shows what this operation does. Its client may be a browser with a ticket.

    Raises:
        Exception: as `core.execution.admit`.
    """
    report: Report = request.report  # type: ignore[attr-defined]
    address = partial(http_client_address, request.META)
    return admit(report, operation, partial(_identify_for_file, operation, request), address, cost=costs.EXPORT)


def _identify_for_file(operation: Operation, request: AnyRequest) -> Credential:
    return _identify(operation, request, takes_ticket=True, reusable=True)


def _credential(operation: Operation, request: AnyRequest) -> Credential:
    if operation.answers_file:
        return _identify_for_file(operation, request)
    return _identify(operation, request, takes_ticket=operation.is_feed, reusable=False)


def _identify(operation: Operation, request: AnyRequest, *, takes_ticket: bool, reusable: bool) -> Credential:
    authorization, ticket = request.META.get("HTTP_AUTHORIZATION"), request.GET.get("ticket")
    if ticket is not None and takes_ticket and not authorization:
        return redeem_ticket(ticket, request.path_info, reusable=reusable)
    return identify(operation, authorization)

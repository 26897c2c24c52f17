"""Tickets: credentials for one stream each."""

import re
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from access import tokens
from access.models import StreamTicket
from access.services.sessions import require, session_ended
from core import rate_limits
from core.actors import Actor
from core.auth import Credential
from core.db import clock
from core.errors import Unauthenticated, invalid

TICKET_SECONDS = 60
#: How long a ticket for a file is valid after each use.
FILE_TICKET_SECONDS = 3600
TICKETS_PER_MINUTE = 60
MAX_PATH_LENGTH = 300


def create_ticket(actor: Actor, path: str, *, session_id: UUID | None) -> str:
    """Create a ticket for one stream, to be redeemed once within `TICKET_SECONDS`.

    Args:
        session_id: id of the session of the call; the ticket is void once that session has ended.

    Raises:
        ValidationError: on `path`.
        RateLimited: too many tickets within a minute.
    """
    require(path=path)
    if len(path) > MAX_PATH_LENGTH or not re.fullmatch(r"/api/v1/[A-Za-z0-9/._~:@-]+", path):
        raise invalid("path", "invalid", "Give the path of a stream, without the query, as in /api/v1/tasks/stream.")
    message = "Too many tickets; use the one you have."
    rate_limits.take("ticket", str(actor.pk), limit=TICKETS_PER_MINUTE, seconds=60, message=message)
    ticket = tokens.new_secret()
    StreamTicket.objects.create(
        ticket_hash=tokens.hash_of(ticket),
        user_id=actor.pk,
        session_id=session_id,
        path=path,
        expires_at=clock.now() + timedelta(seconds=TICKET_SECONDS),
    )
    return ticket


def redeem_ticket(ticket: str, path: str, *, reusable: bool = False) -> Credential:
    """Return the credential of a ticket for this path. The ticket is used up even if it is not accepted.

    Args:
        reusable: an accepted ticket is kept for `FILE_TICKET_SECONDS` more: a player requests a file part by part.

    Raises:
        Unauthenticated: the ticket is unknown, used, expired, for another path, or of a session that has ended.
    """
    with transaction.atomic():
        rows = StreamTicket.objects.filter(ticket_hash=tokens.hash_of(ticket))
        # The lock lets only one of two concurrent calls redeem the ticket.
        locked = rows.select_for_update(of=("self",)).select_related("user", "session__user").annotate(now=Now())
        row = locked.first()
        accepted = row is not None and row.path == path and row.expires_at > row.now
        if accepted and reusable:
            rows.update(expires_at=Now() + timedelta(seconds=FILE_TICKET_SECONDS))
        else:
            rows.delete()
    if row is None or not accepted:
        raise Unauthenticated("This ticket is not valid; request a new one for each stream.")
    if not (row.session.is_open if row.session else row.user.is_active):
        raise session_ended()
    return Credential(row.user, session_id=row.session_id)


def prune_tickets() -> int:
    """Delete the tickets that have expired, and return how many there were."""
    deleted, _ = StreamTicket.objects.filter(expires_at__lt=clock.now()).delete()
    return deleted

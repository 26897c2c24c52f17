"""Services for credentials: sessions and their refresh tokens, API keys, and tickets for streams."""

from access.services.api_keys import (
    create_api_key,
    note_key_use,
    prune_api_keys,
    revoke_api_key,
    revoke_api_keys,
)
from access.services.sessions import (
    CURRENT_SESSION,
    OTHER_SESSIONS,
    Grant,
    end_sessions,
    end_site_sessions,
    issue_refresh_token,
    login,
    login_to_site,
    logout,
    prune_sessions,
    refresh,
    revoke_session,
)
from access.services.tickets import TICKET_SECONDS, create_ticket, prune_tickets, redeem_ticket

__all__ = [
    "CURRENT_SESSION",
    "OTHER_SESSIONS",
    "TICKET_SECONDS",
    "Grant",
    "create_api_key",
    "create_ticket",
    "end_sessions",
    "end_site_sessions",
    "issue_refresh_token",
    "login",
    "login_to_site",
    "logout",
    "note_key_use",
    "prune_api_keys",
    "prune_sessions",
    "prune_tickets",
    "redeem_ticket",
    "refresh",
    "revoke_api_key",
    "revoke_api_keys",
    "revoke_session",
]

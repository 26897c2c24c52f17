"""Credentials: sessions, opened by a password, kept by refresh tokens, ended; API keys; tickets for streams."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session as DjangoSession
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from access import queries, tokens
from access.models import ApiKey, RefreshToken, Session, StreamTicket
from core import auth, rate_limits
from core.addresses import caller_key
from core.auth import Credential
from core.db import clock, ids
from core.errors import Conflict, RateLimited, Unauthenticated, invalid
from core.mail_addresses import canonical_or_as_sent
from core.models import clean
from users.models import User
from users.passwords.hashers import Outcome, hashed, spend_time_of_verify, verify
from users.policies import CREDENTIALS, may_administer
from users.queries import find_by_email, get_user
from users.services import guesses, record_login

#: How long after its exchange a refresh token may be sent again, for an answer that was lost.
LOST_ANSWER_GRACE = timedelta(seconds=10)
LOGIN_WINDOW_SECONDS = 300
TOO_MANY_TRIES = "Too many tries; wait before the next one."
MAX_PASSWORD_LENGTH = 1024
#: How RevokeSession names the caller's own session, and all but it.
CURRENT_SESSION, OTHER_SESSIONS = "current", "-"
MAX_API_KEYS = 100
#: How many scopes a request for a key may name, repetitions included.
MAX_SCOPES = 50
#: How exactly a key's last use is told; each use would be a write.
KEY_USE_INTERVAL = timedelta(minutes=1)
#: How long it can be seen in the admin site what a key was.
DEAD_KEYS_RETENTION = timedelta(days=30)
TICKET_SECONDS = 60
TICKETS_PER_MINUTE = 60
MAX_PATH_LENGTH = 300


#: What an exchange needs to know: of the token, its session, and whose that is.
_READ_OF_A_TOKEN = (
    "expires_at", "used_at", "session__created_at", "session__revoked_at", "session__user__status",
    "session__user__roles", "session__user__is_service", "session__user__tokens_valid_from",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grant:
    """A session and the refresh token to give out for it."""

    session: Session
    refresh_token: str


def login(*, email: str, password: str, address: str = "", user_agent: str = "") -> Grant:
    """Opens a session.

    Raises:
        ValidationError: a field is missing.
        RateLimited: too many tries for this account from this address, or from this address; or too many that failed
            for this account, where it was not logged in to from this address before.
        Unauthenticated: unknown account, wrong password, or an account that may not log in, all the same.
    """
    user, renewed_hash = _identified(email, password, address)
    with transaction.atomic():
        if not record_login(user, renewed_hash):
            raise _wrong()
        session = Session.objects.create(
            user=user, created_at=_begin(user), address=address[:64], user_agent=_printable(user_agent)[:300]
        )
        return Grant(session, _issue(session, tokens.new_secret()))


def _begin(owner: Any) -> datetime:
    """When a credential begins that is made now: never before what is good for its owner.

    Otherwise a clock that was ahead when the owner's credentials were ended would keep them out until then.
    """
    found: datetime = max(clock.now(), owner.tokens_valid_from)
    return found


def login_to_site(*, email: str, password: str, address: str = "") -> User:
    """Lets staff into the admin site, which keeps sessions of its own.

    Raises:
        as `login`; Unauthenticated also for who is no staff.
    """
    user, renewed_hash = _identified(email, password, address)
    if not user.is_staff or not record_login(user, renewed_hash):
        raise _wrong()
    # The site's session is bound to the hash.
    user.password = renewed_hash or user.password
    return user


def refresh(refresh_token: str, *, address: str = "") -> Grant:
    """Exchanges a refresh token for its successor.

    The same token sent again within `LOST_ANSWER_GRACE`, and before its successor was used, gets the same successor.
    Any other second use means that two hold it: the session is ended.

    Raises:
        ValidationError: no token was sent.
        Unauthenticated: it is unknown, expired, used, or of a session that has ended.
    """
    _check_given(refresh_token=refresh_token)
    stolen = None
    with transaction.atomic():
        held = _lock(refresh_token)
        if held is None or not held.session.is_open or held.expires_at <= timezone.now():
            raise _ended()
        successors = tokens.successors_of(refresh_token)
        if held.used_at is None:
            now = timezone.now()
            RefreshToken.objects.filter(pk=held.pk).update(used_at=now)
            Session.objects.filter(pk=held.session.pk).update(last_used_at=now)
            return Grant(held.session, _issue(held.session, successors[0]))
        if timezone.now() - held.used_at <= LOST_ANSWER_GRACE:
            for successor in successors:
                if RefreshToken.objects.filter(token_hash=tokens.hash_of(successor), used_at=None).exists():
                    return Grant(held.session, successor)
        stolen = held.session
    # In a transaction of its own: the error must not undo it.
    end_sessions(Session.objects.filter(pk=stolen.pk))
    raise _ended()


def logout(refresh_token: str) -> None:
    """Ends the session of this refresh token; one that is not known is no error.

    Raises:
        ValidationError: no token was sent.
    """
    _check_given(refresh_token=refresh_token)
    with transaction.atomic():
        held = _lock(refresh_token)
        if held is not None:
            end_sessions(Session.objects.filter(pk=held.session.pk))


def end_sessions(sessions: QuerySet[Session]) -> int:
    """Ends those of these sessions that are open; gives how many."""
    sessions = sessions.filter(revoked_at=None)
    user_ids = set(sessions.values_list("user_id", flat=True))
    ended = sessions.update(revoked_at=timezone.now())
    for user_id in user_ids:
        auth.forget(user_id)
    return ended


def end_site_sessions(user_id: UUID) -> None:
    """End the user's sessions in the admin site, which are Django's own.

    Their rows do not say whose they are, so all are read; only staff have any.
    """
    for session in DjangoSession.objects.filter(expire_date__gt=timezone.now()).iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user_id):
            session.delete()


def revoke_session(actor: Any, session_id: str, *, current: UUID | None) -> None:
    """Ends an open session of the actor.

    Args:
        session_id: `CURRENT_SESSION` and `OTHER_SESSIONS` are understood too.
        current: the session of the call.

    Raises:
        Session.DoesNotExist: it is no open session of the actor.
    """
    sessions = queries.open_sessions(actor)
    if session_id == OTHER_SESSIONS:
        end_sessions(sessions.exclude(pk=current) if current else sessions)
        end_site_sessions(actor.pk)
        return
    wanted = current if session_id == CURRENT_SESSION else ids.parsed(session_id)
    if not wanted or not end_sessions(sessions.filter(pk=wanted)):
        raise Session.DoesNotExist(f"Session not found: {session_id}")


def create_api_key(
    actor: Any,
    *,
    name: str,
    scopes: list[str],
    expires_at: datetime | None = None,
    user_id: str = "",
    made_with: UUID | None = None,
) -> tuple[ApiKey, str]:
    """A new API key, and what its holder sends, which is not known afterwards.

    Args:
        user_id: a service account, for administrators; empty = the actor.
        made_with: the API key of the call; it makes no key with more scopes or a later end than its own, and none
            with `CREDENTIALS`.

    Raises:
        ValidationError: every bad field is named.
        User.DoesNotExist
        PermissionDenied: it would be another's, and no service account's or the actor no administrator; or it would
            have a scope that the caller may not give to this owner.
        Conflict: the user has `MAX_API_KEYS`.
    """
    if len(scopes) > MAX_SCOPES:
        raise invalid("scopes", "max_items", f"Give at most {MAX_SCOPES} scopes.")
    owner = get_user(actor, user_id or "me")
    if owner.pk != actor.pk and not (may_administer(actor) and owner.is_service):
        raise PermissionDenied("Everyone makes their own API keys; administrators also those of service accounts.")
    secret = tokens.new_secret()
    key = ApiKey(
        user=owner, name=name, scopes=scopes, expires_at=expires_at, created_by=actor, created_at=_begin(owner)
    )
    key.secret_hash = tokens.hash_of(secret)
    clean(key)
    _check_may_give(actor, key, made_with)
    with transaction.atomic():
        # Locked, so that two that come at once are both counted.
        User.objects.select_for_update(of=("self",)).get(pk=owner.pk)
        if queries.api_keys(owner).count() >= MAX_API_KEYS:
            raise Conflict(f"A user has at most {MAX_API_KEYS} API keys; revoke one first.")
        key.save(force_insert=True)
    return key, tokens.api_key_text(key, secret)


def revoke_api_key(actor: Any, key_id: str) -> None:
    """Ends an API key of the actor; of anyone, for administrators.

    Raises:
        ApiKey.DoesNotExist
    """
    keys = ApiKey.objects.all() if may_administer(actor) else queries.api_keys(actor)
    wanted = ids.parsed(key_id)
    if not wanted or not revoke_api_keys(keys.filter(pk=wanted)):
        raise ApiKey.DoesNotExist(f"API key not found: {key_id}")


def revoke_api_keys(keys: QuerySet[ApiKey]) -> int:
    """Ends those of these keys that are not; gives how many."""
    keys = keys.filter(revoked_at=None)
    user_ids = set(keys.values_list("user_id", flat=True))
    revoked = keys.update(revoked_at=timezone.now())
    for user_id in user_ids:
        auth.forget(user_id)
    return revoked


def note_key_use(key: ApiKey) -> None:
    """Writes down that the key has just been used, unless that was lately."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at >= KEY_USE_INTERVAL:
        # Asked again in the statement: other threads and processes see the same key.
        lately = Q(last_used_at__gt=now - KEY_USE_INTERVAL)
        ApiKey.objects.filter(~lately | Q(last_used_at=None), pk=key.pk).update(last_used_at=now)


def create_ticket(actor: Any, path: str, *, session_id: UUID | None) -> str:
    """A ticket for one stream, which `redeem_ticket` takes within `TICKET_SECONDS`.

    Args:
        session_id: the session of the call; with it, the ticket ends too.

    Raises:
        ValidationError: on `path`.
        RateLimited: too many tickets within a minute.
    """
    _check_given(path=path)
    if len(path) > MAX_PATH_LENGTH or not re.fullmatch(r"/api/v1/[A-Za-z0-9/._~:@-]+", path):
        raise invalid("path", "invalid", "Give the path of a stream, without the query, as in /api/v1/tasks/stream.")
    message = "Too many tickets; use the one you have."
    rate_limits.take("ticket", str(actor.pk), limit=TICKETS_PER_MINUTE, seconds=60, message=message)
    ticket = tokens.new_secret()
    StreamTicket.objects.create(
        ticket_hash=tokens.hash_of(ticket),
        user=actor,
        session_id=session_id,
        path=path,
        expires_at=timezone.now() + timedelta(seconds=TICKET_SECONDS),
    )
    return ticket


def redeem_ticket(ticket: str, path: str) -> Credential:
    """What the ticket stands for on this path; whatever comes of it, it is used up.

    Raises:
        Unauthenticated: it is unknown, used, expired, for another path, or of a session that has ended.
    """
    with transaction.atomic():
        rows = StreamTicket.objects.filter(ticket_hash=tokens.hash_of(ticket))
        # Locked: of two who come with it at once, the second finds it gone.
        held = rows.select_for_update(of=("self",)).select_related("user", "session__user").first()
        rows.delete()
    if held is None or held.path != path or held.expires_at <= timezone.now():
        raise Unauthenticated("This ticket is not valid: ask for a new one for each stream.")
    if not (held.session.is_open if held.session else held.user.is_active):
        raise _ended()
    return Credential(held.user, session_id=held.session_id)


def prune_api_keys() -> int:
    """Deletes the keys that were revoked or expired long ago; gives how many."""
    long_ago = timezone.now() - DEAD_KEYS_RETENTION
    deleted, _ = ApiKey.objects.filter(Q(revoked_at__lt=long_ago) | Q(expires_at__lt=long_ago)).delete()
    return deleted


def prune_tickets() -> int:
    """Deletes the tickets that nobody used in time; gives how many."""
    deleted, _ = StreamTicket.objects.filter(expires_at__lt=timezone.now()).delete()
    return deleted


def prune_sessions() -> int:
    """Deletes the sessions whose last refresh token has expired; gives how many."""
    now = timezone.now()
    long_ago = now - timedelta(seconds=settings.REFRESH_TOKEN_SECONDS)
    living = RefreshToken.objects.filter(session=OuterRef("pk"), expires_at__gt=now)
    _, deleted = Session.objects.filter(~Exists(living), created_at__lt=long_ago).delete()
    return deleted.get(Session._meta.label, 0)


def _check_may_give(actor: Any, key: ApiKey, made_with: UUID | None) -> None:
    """Refuse to let an API key make a wider one, or to give `CREDENTIALS` to a person or by anyone but a person."""
    if CREDENTIALS in key.scopes and (actor.is_service or made_with is not None or not key.user.is_service):
        raise PermissionDenied(f"Administrators who are signed in give the scope {CREDENTIALS}, to service accounts.")
    if made_with is None:
        return
    maker = ApiKey.objects.get(pk=made_with)
    is_later = maker.expires_at is not None and (key.expires_at is None or key.expires_at > maker.expires_at)
    if is_later or not set(key.scopes) <= set(maker.scopes):
        raise PermissionDenied("An API key makes no other with more scopes or a later end than its own.")


def _lock(refresh_token: str) -> RefreshToken | None:
    """The token's row and its session, locked: the family changes one exchange at a time.

    Whoever waits for the locks gets both rows as they are then (of what is not locked, as it was before).
    """
    rows = RefreshToken.objects.select_for_update(of=("self", "session")).select_related("session__user")
    return rows.only(*_READ_OF_A_TOKEN).filter(token_hash=tokens.hash_of(refresh_token)).order_by().first()


def _issue(session: Session, refresh_token: str) -> str:
    lifetime = timedelta(seconds=settings.REFRESH_TOKEN_SECONDS)
    RefreshToken.objects.create(
        token_hash=tokens.hash_of(refresh_token), session=session, expires_at=timezone.now() + lifetime
    )
    return refresh_token


def _identified(email: str, password: str, address: str) -> tuple[User, str]:
    """Whose e-mail and password these are, and their password's hash where it is to be renewed.

    Raises:
        as `login`.
    """
    _check_given(email=email, password=password)
    account = canonical_or_as_sent(email)
    where = caller_key(address)
    who = f"{where} {tokens.hash_of(account).hex()[:32]}"
    _limit("login address", where, settings.LOGINS_PER_ADDRESS)
    _limit("login account", who, settings.LOGINS_PER_ACCOUNT)
    # Others' tries must not lock out who logs in from where the account was logged in to before.
    if (wait := guesses.count_guess(account)) and not queries.has_logged_in_from(account, address):
        raise RateLimited(TOO_MANY_TRIES, wait)
    user = find_by_email(email)
    outcome = _verified(user, password)
    if not outcome.fits or user is None or not user.is_active or user.is_service:
        raise _wrong()
    rate_limits.forgive("login account", who)
    guesses.give_back(email)
    return user, hashed(password) if outcome.outdated else ""


def _verified(user: User | None, password: str) -> Outcome:
    """Whether it is the user's password; takes as long for an account that does not exist as for one that does."""
    if len(password) > MAX_PASSWORD_LENGTH or user is None or not user.has_usable_password():
        spend_time_of_verify(password[:MAX_PASSWORD_LENGTH])
        return Outcome(False)
    return verify(password, user.password)


def _limit(what: str, who: str, limit: int) -> None:
    rate_limits.take(what, who, limit=limit, seconds=LOGIN_WINDOW_SECONDS, message=TOO_MANY_TRIES)


def _check_given(**fields: str) -> None:
    for name, value in fields.items():
        if not value:
            raise invalid(name, "required", f"{name.replace('_', ' ').capitalize()} is required.")


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())


def _wrong() -> Unauthenticated:
    return Unauthenticated("Email or password is wrong.")


def _ended() -> Unauthenticated:
    return Unauthenticated("This session has ended; sign in again.")

"""Sessions: logins, refresh tokens, and the end of sessions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session as DjangoSession
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from access import queries, tokens
from access.models import RefreshToken, Session
from core import auth, rate_limits
from core.actors import Actor
from core.addresses import caller_key
from core.db import clock, ids
from core.errors import RateLimited, Unauthenticated, invalid
from core.mail_addresses import canonical_or_as_sent
from users.models import User
from users.passwords.hashers import MAX_PASSWORD_LENGTH, PasswordCheck, hash_password, spend_time_of_verify, verify
from users.queries import find_by_email
from users.services import guesses, record_login

#: How long after its exchange a refresh token may be sent again, in case the response was lost.
LOST_ANSWER_GRACE = timedelta(seconds=10)
LOGIN_WINDOW_SECONDS = 300
TOO_MANY_TRIES = "Too many tries; wait before the next one."
#: How a RevokeSession request names the caller's own session, and all sessions but that one.
CURRENT_SESSION, OTHER_SESSIONS = "current", "-"
#: The fields that an exchange reads: of the token, its session, and the session's user.
_EXCHANGE_FIELDS = (
    "expires_at", "used_at", "session__created_at", "session__revoked_at", "session__user__status",
    "session__user__roles", "session__user__is_service", "session__user__tokens_valid_from",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grant:
    """A session and its refresh token."""

    session: Session
    refresh_token: str


def login(*, email: str, password: str, address: str = "", user_agent: str = "") -> Grant:
    """Log a user in and open a session.

    Raises:
        ValidationError: a field is missing.
        RateLimited: too many tries from this address, or for this account from this address; or too many failed tries
            for this account, unless it was logged in to from this address before.
        Unauthenticated: the account is unknown, the password is wrong, or the account may not log in. The message is
            the same for all three.
    """
    user, renewed_hash = _identify(email, password, address)
    with transaction.atomic():
        if not record_login(user, renewed_hash):
            raise _wrong_credentials()
        session = Session.objects.create(
            user=user,
            created_at=begin_validity(user),
            address=address[:64],
            user_agent=_remove_unprintable(user_agent)[:300],
        )
        return Grant(session, issue_refresh_token(session, tokens.new_secret()))


def login_to_site(*, email: str, password: str, address: str) -> User:
    """Return the staff user that these credentials identify. The admin site then opens its own session.

    Raises:
        as `login`; Unauthenticated also if the user is not staff.
    """
    user, renewed_hash = _identify(email, password, address)
    if not user.is_staff or not record_login(user, renewed_hash):
        raise _wrong_credentials()
    # The admin site binds its session to the password's hash.
    user.password = renewed_hash or user.password
    return user


def refresh(refresh_token: str) -> Grant:
    """Exchange a refresh token for its successor.

    A token that is sent again within `LOST_ANSWER_GRACE`, and before its successor was used, gets the same successor.
    Any other second use means that two clients hold the token, so the session is ended.

    Raises:
        ValidationError: no token was sent.
        Unauthenticated: the token is unknown, expired, used, or belongs to a session that has ended.
    """
    require(refresh_token=refresh_token)
    with transaction.atomic():
        row, now = _lock(refresh_token), clock.now()
        if row is None or not row.session.is_open or row.expires_at <= now:
            raise session_ended()
        successors = tokens.successors_of(refresh_token)
        if row.used_at is None:
            RefreshToken.objects.filter(pk=row.pk).update(used_at=now)
            Session.objects.filter(pk=row.session.pk).update(last_used_at=now)
            return Grant(row.session, issue_refresh_token(row.session, successors[0]))
        if now - row.used_at <= LOST_ANSWER_GRACE:
            for successor in successors:
                if RefreshToken.objects.filter(token_hash=tokens.hash_of(successor), used_at=None).exists():
                    return Grant(row.session, successor)
        stolen = row.session
    # In a separate transaction, which the error must not roll back.
    end_sessions(Session.objects.filter(pk=stolen.pk))
    raise session_ended()


def logout(refresh_token: str) -> None:
    """End the session of this refresh token. An unknown token is not an error.

    Raises:
        ValidationError: no token was sent.
    """
    require(refresh_token=refresh_token)
    with transaction.atomic():
        row = _lock(refresh_token)
        if row is not None:
            end_sessions(Session.objects.filter(pk=row.session.pk))


def revoke_session(actor: Actor, session_id: str, *, current: UUID | None) -> None:
    """End an open session of the actor.

    Args:
        session_id: may also be `CURRENT_SESSION` or `OTHER_SESSIONS`.
        current: id of the session of the call.

    Raises:
        Session.DoesNotExist: the actor has no such open session.
    """
    sessions = queries.open_sessions(actor)
    if session_id == OTHER_SESSIONS:
        end_sessions(sessions.exclude(pk=current) if current else sessions)
        end_site_sessions(actor.pk)
        return
    wanted = current if session_id == CURRENT_SESSION else ids.parsed(session_id)
    if not wanted or not end_sessions(sessions.filter(pk=wanted)):
        raise Session.DoesNotExist(f"Session not found: {session_id}")


def end_sessions(sessions: QuerySet[Session]) -> int:
    """End the open ones of these sessions, and return how many there were."""
    user_ids = dict(sessions.filter(revoked_at=None).values_list("pk", "user_id"))
    # Not `sessions.update`, whose condition is a subquery with a join: of two at once, both would count the same rows.
    ended = Session.objects.filter(pk__in=user_ids, revoked_at=None).update(revoked_at=clock.now())
    for user_id in set(user_ids.values()):
        auth.forget(user_id)
    return ended


def end_site_sessions(user_id: UUID) -> None:
    """End the user's sessions in the admin site, which are Django's own.

    Their rows have no column for the user, so all are read; only staff have such sessions.
    """
    for session in DjangoSession.objects.filter(expire_date__gt=clock.now()).iterator():
        if session.get_decoded().get(SESSION_KEY) == str(user_id):
            session.delete()


def prune_sessions() -> int:
    """Delete the sessions whose last refresh token has expired, and return how many there were."""
    now = clock.now()
    cutoff = now - timedelta(seconds=settings.REFRESH_TOKEN_SECONDS)
    usable_tokens = RefreshToken.objects.filter(session=OuterRef("pk"), expires_at__gt=now)
    _, deleted = Session.objects.filter(~Exists(usable_tokens), created_at__lt=cutoff).delete()
    return deleted.get(Session._meta.label, 0)


def begin_validity(owner: Any) -> datetime:
    """Return the creation time of a credential that is created now, which is never before `tokens_valid_from`.

    If a server whose clock was ahead ended the owner's credentials, new ones would otherwise be void until that time.
    """
    begin: datetime = max(clock.now(), owner.tokens_valid_from)
    return begin


def issue_refresh_token(session: Session, refresh_token: str) -> str:
    """Store a new refresh token of a session, by its hash, and return the token."""
    lifetime = timedelta(seconds=settings.REFRESH_TOKEN_SECONDS)
    RefreshToken.objects.create(
        token_hash=tokens.hash_of(refresh_token), session=session, expires_at=clock.now() + lifetime
    )
    return refresh_token


def session_ended() -> Unauthenticated:
    return Unauthenticated("This session has ended; sign in again.")


def require(**fields: str) -> None:
    for name, value in fields.items():
        if not value:
            raise invalid(name, "required", f"{name.replace('_', ' ').capitalize()} is required.")


def _lock(refresh_token: str) -> RefreshToken | None:
    """Lock the token's row and its session, so that a family has one exchange at a time, and return the token.

    After a wait for the locks, both rows are current. The user's row, which is not locked, may be older.
    """
    rows = RefreshToken.objects.select_for_update(of=("self", "session")).select_related("session__user")
    return rows.only(*_EXCHANGE_FIELDS).filter(token_hash=tokens.hash_of(refresh_token)).order_by().first()


def _identify(email: str, password: str, address: str) -> tuple[User, str]:
    """Return the user with this e-mail and password, and a new hash of the password if the stored one is outdated.

    Raises:
        as `login`.
    """
    require(email=email, password=password)
    account = canonical_or_as_sent(email)
    where = caller_key(address)
    who = f"{where} {tokens.hash_of(account).hex()[:32]}"
    _limit("login address", where, settings.LOGINS_PER_ADDRESS)
    _limit("login account", who, settings.LOGINS_PER_ACCOUNT)
    # Other callers' tries must not lock out a user at an address from which the account was logged in to before.
    if (wait := guesses.count_guess(account)) and not queries.has_logged_in_from(account, address):
        raise RateLimited(TOO_MANY_TRIES, wait)
    user = find_by_email(email)
    check = _verify_password(user, password)
    if not check.fits or user is None or not user.is_active or user.is_service:
        raise _wrong_credentials()
    rate_limits.reset("login account", who)
    guesses.undo(email)
    return user, hash_password(password) if check.outdated else ""


def _verify_password(user: User | None, password: str) -> PasswordCheck:
    """Verify the user's password. It takes as long for an account that does not exist as for one that does."""
    if len(password) > MAX_PASSWORD_LENGTH or user is None or not user.has_usable_password():
        spend_time_of_verify(password[:MAX_PASSWORD_LENGTH])
        return PasswordCheck(False)
    return verify(password, user.password)


def _limit(what: str, who: str, limit: int) -> None:
    rate_limits.take(what, who, limit=limit, seconds=LOGIN_WINDOW_SECONDS, message=TOO_MANY_TRIES)


def _remove_unprintable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())


def _wrong_credentials() -> Unauthenticated:
    return Unauthenticated("Email or password is wrong.")

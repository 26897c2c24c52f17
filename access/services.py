"""Sessions: opened by a password, kept by refresh tokens, ended."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from access import tokens
from access.models import RefreshToken, Session
from core import auth, limits
from core.errors import Unauthenticated, invalid
from users.models import User
from users.services import note_login

#: How long after its exchange a refresh token may be sent again, for an answer that was lost.
LOST_ANSWER_GRACE = timedelta(seconds=10)
LOGIN_WINDOW_SECONDS = 300
LONGEST_PASSWORD = 1024


@dataclass(frozen=True, slots=True)
class Grant:
    """A session and the refresh token to give out for it."""

    session: Session
    refresh_token: str


def login(*, email: str, password: str, address: str = "", user_agent: str = "") -> Grant:
    """Opens a session.

    Raises:
        ValidationError: a field is missing.
        RateLimited: too many tries for this account from this address, or from this address.
        Unauthenticated: unknown account, wrong password, or an account that may not log in, all the same.
    """
    _check_given(email=email, password=password)
    email = email.strip().lower()
    who = f"{address} {tokens.hash_of(email).hex()[:32]}"
    _limit("login address", address, settings.LOGINS_PER_ADDRESS)
    _limit("login account", who, settings.LOGINS_PER_ACCOUNT)
    user = User.objects.filter(email=email).first() if "\0" not in email else None
    if not _password_fits(user, password) or user is None or not user.is_active:
        raise Unauthenticated("Email or password is wrong.")
    limits.forgive("login account", who)
    with transaction.atomic():
        note_login(user)
        session = Session.objects.create(user=user, address=address[:64], user_agent=_printable(user_agent)[:300])
        return Grant(session, _issue(session, tokens.new_refresh_token()))


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
        if held is None or not _is_open(held.session) or held.expires_at <= timezone.now():
            raise _ended()
        successor = tokens.successor_of(refresh_token)
        if held.used_at is None:
            held.used_at = timezone.now()
            held.save(update_fields=["used_at"])
            Session.objects.filter(pk=held.session.pk).update(last_used_at=held.used_at)
            return Grant(held.session, _issue(held.session, successor))
        unused = RefreshToken.objects.filter(token_hash=tokens.hash_of(successor), used_at=None)
        if timezone.now() - held.used_at <= LOST_ANSWER_GRACE and unused.exists():
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


def prune_sessions() -> int:
    """Deletes the sessions whose last refresh token has expired; gives how many."""
    now = timezone.now()
    long_ago = now - timedelta(seconds=settings.REFRESH_TOKEN_SECONDS)
    living = RefreshToken.objects.filter(session=OuterRef("pk"), expires_at__gt=now)
    _, deleted = Session.objects.filter(~Exists(living), created_at__lt=long_ago).delete()
    return deleted.get(Session._meta.label, 0)


def _lock(refresh_token: str) -> RefreshToken | None:
    """The token's row, with its session locked: the family changes one exchange at a time."""
    rows = RefreshToken.objects.filter(token_hash=tokens.hash_of(refresh_token))
    session_id = rows.values_list("session_id", flat=True).first()
    if session_id is None or not Session.objects.select_for_update().filter(pk=session_id).exists():
        return None
    return rows.select_related("session__user").first()


def _is_open(session: Session) -> bool:
    user = session.user
    return session.revoked_at is None and user.is_active and session.created_at >= user.tokens_valid_from


def _issue(session: Session, refresh_token: str) -> str:
    lifetime = timedelta(seconds=settings.REFRESH_TOKEN_SECONDS)
    RefreshToken.objects.create(
        token_hash=tokens.hash_of(refresh_token), session=session, expires_at=timezone.now() + lifetime
    )
    return refresh_token


def _password_fits(user: User | None, password: str) -> bool:
    """Whether it is the user's password; takes as long for nobody as for somebody."""
    if len(password) > LONGEST_PASSWORD or user is None or not user.has_usable_password():
        make_password(password[:LONGEST_PASSWORD])
        return False
    return check_password(password, user.password)


def _limit(what: str, who: str, most: int) -> None:
    limits.take(what, who, most=most, seconds=LOGIN_WINDOW_SECONDS, message="Too many tries; wait before the next one.")


def _check_given(**fields: str) -> None:
    for name, value in fields.items():
        if not value:
            raise invalid(name, "required", f"{name.replace('_', ' ').capitalize()} is required.")


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())


def _ended() -> Unauthenticated:
    return Unauthenticated("This session has ended; sign in again.")

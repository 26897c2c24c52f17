"""Failed tries of an account's password, counted over all addresses and operations.

They are counted by the e-mail that was sent, so that the response for an account that does not exist is the same.
"""

from django.conf import settings

from core import rate_limits
from core.mail_addresses import canonical_or_as_sent
from users import tokens

_WHAT = "guesses"
WINDOW_SECONDS = 3600


def count_guess(email: str) -> int:
    """Count one more try of the password of this account. If the password is right, undo it with `undo`.

    Returns:
        The seconds until the next try is allowed, if there were more than `LOGIN_FAILURES_PER_ACCOUNT` within an hour;
        else 0.
    """
    limit = settings.LOGIN_FAILURES_PER_ACCOUNT
    return rate_limits.seconds_until_allowed(_WHAT, _account(email), limit=limit, seconds=WINDOW_SECONDS)


def undo(email: str) -> None:
    """Undo one count, because the password was right."""
    rate_limits.undo(_WHAT, _account(email))


def reset(email: str) -> None:
    """Reset the count, because the account has a new password."""
    rate_limits.reset(_WHAT, _account(email))


def _account(email: str) -> str:
    return tokens.hash_of(canonical_or_as_sent(email)).hex()

"""Guesses at an account's password, counted over all addresses and operations.

The count is kept by the e-mail as it was sent, so that an account that does not exist is answered as one that does.
"""

from django.conf import settings

from core import rate_limits
from core.mail_addresses import canonical_or_as_sent
from users import tokens

_WHAT = "guesses"
WINDOW_SECONDS = 3600


def count_guess(email: str) -> int:
    """Count one more try at the password of this account; `give_back` it if the password is right.

    Returns:
        The seconds until the next try is due, if there were more than `LOGIN_FAILURES_PER_ACCOUNT` within an hour;
        else 0.
    """
    limit = settings.LOGIN_FAILURES_PER_ACCOUNT
    return rate_limits.is_over(_WHAT, _account(email), limit=limit, seconds=WINDOW_SECONDS)


def give_back(email: str) -> None:
    """Undo one count: the password was right."""
    rate_limits.give_back(_WHAT, _account(email))


def forgive(email: str) -> None:
    """Start counting anew: the account has a new password."""
    rate_limits.forgive(_WHAT, _account(email))


def _account(email: str) -> str:
    return tokens.hash_of(canonical_or_as_sent(email)).hex()

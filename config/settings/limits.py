"""Limits on the rate of calls (docs/operate/limits.md)."""

from config import environment
from config.settings.base import DEBUG, env
from config.settings.drawings import REDIS_URL

#: Within a sliding minute; 0 = without limit. Calls without credentials of one address, and units of one user, and of
#: one service account or administrator (`core.limits.costs`).
RATE_LIMIT_ANONYMOUS, RATE_LIMIT_USER, RATE_LIMIT_PEER = environment.rate_limits(
    "RATE_LIMITS", env.str("RATE_LIMITS", default="off" if DEBUG else "100,6000,60000")
)
#: Where the processes count together; empty = each for itself.
RATE_LIMITS_STORE = REDIS_URL

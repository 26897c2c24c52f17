"""Budgets: what a caller may spend within a sliding window."""

import math
from typing import NamedTuple

from django.conf import settings

from core.actors import Actor

WINDOW_SECONDS = 60


class Budget(NamedTuple):
    """A budget of one kind of callers.

    Attributes:
        kind: `anonymous`, `user` or `peer`.
        limit: units that one caller may spend within the window; 0 = without limit.
        seconds: the length of the window.
    """

    kind: str
    limit: int
    seconds: int = WINDOW_SECONDS


class Standing(NamedTuple):
    """The state of a caller's budget after a call.

    Attributes:
        admitted: the budget covered the call.
        budget: that the call was charged to.
        remaining: units that the caller may still spend now.
        seconds: of a refused call, until it would be admitted; else until a part of the budget is free again.
    """

    admitted: bool
    budget: Budget
    remaining: int
    seconds: float

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return the header fields that describe the budget to the client; metadata has the names in lower case."""
        limit, window = self.budget.limit, self.budget.seconds
        return (
            ("RateLimit-Limit", str(limit)),
            ("RateLimit-Remaining", str(self.remaining)),
            ("RateLimit-Reset", str(math.ceil(self.seconds))),
            ("RateLimit-Policy", f"{limit};w={window}"),
        )


class Budgets(NamedTuple):
    """The budgets of all kinds of callers."""

    anonymous: Budget
    user: Budget
    peer: Budget

    @classmethod
    def of_settings(cls) -> "Budgets":
        return cls(
            Budget("anonymous", settings.RATE_LIMIT_ANONYMOUS),
            Budget("user", settings.RATE_LIMIT_USER),
            Budget("peer", settings.RATE_LIMIT_PEER),
        )

    def of(self, actor: Actor) -> Budget:
        """Return the budget of an actor. Administrators and service accounts, which act as such, have that of peers."""
        if not actor.is_authenticated:
            return self.anonymous
        return self.peer if actor.is_administrator else self.user

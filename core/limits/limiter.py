"""The decision about a call: by the shared store, and by the process's own count while that is away."""

import logging
import time

from prometheus_client import Counter

from core.limits.budgets import Budget, Standing
from core.limits.local import LocalStore
from core.limits.shared import SharedStore, StoreAway

logger = logging.getLogger(__name__)

#: How long the process decides alone after the shared store has failed, before it asks again.
AWAY_SECONDS = 1.0

store_errors = Counter(
    "tandem_limits_store_errors", "Failures of the shared store (REDIS_URL); the process then counts alone."
)


class Limiter:
    """Decides by the shared store, if there is one, and by the process's own count while that is away.

    The own count is kept in any case. A call that exceeds it is refused without a question to the shared store.
    """

    def __init__(self, shared: SharedStore | None) -> None:
        self._local = LocalStore()
        self._shared = shared
        self._ask_at = 0.0
        self._is_away = False

    def take(self, caller: str, cost: int, budget: Budget) -> Standing:
        """Spend units of a caller's budget if it covers them."""
        now = time.monotonic()
        standing = self._local.take(caller, cost, budget, now)
        if not standing.admitted or self._shared is None or now < self._ask_at:
            return standing
        if probing := self._is_away:
            self._ask_at = now + AWAY_SECONDS  # This thread asks again; the others do not wait for the answer.
        try:
            shared = self._shared.take(caller, cost, budget)
        except StoreAway as exc:
            self._note_away(exc)
            return standing
        if probing:
            self._is_away, self._ask_at = False, 0.0
            logger.info("The store of limits answers again.")
        if not shared.admitted:
            self._local.give_back(caller, cost, now)
        return shared

    def _note_away(self, exc: StoreAway) -> None:
        store_errors.inc()
        self._ask_at = time.monotonic() + AWAY_SECONDS
        if not self._is_away:
            self._is_away = True
            logger.warning("The store of limits is away (%s): each process counts alone.", exc)

"""Sliding windows in Redis or Valkey, shared by all processes and timed by its clock.

A caller that calls often does not cost a round trip for each call: its process takes further units ahead, which are
valid for a second and count as spent in the second in which they end. So a window never admits more than its limit.
"""

import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

from core.limits.budgets import Budget, Standing

_SCRIPT = Path(__file__).with_name("take.lua")
#: How long the server may take; then the process decides by its own count.
_TIMEOUT_SECONDS = 0.25
#: How long units that were taken ahead are valid. The script counts them by this.
_AHEAD_SECONDS = 1.0
#: The share of a limit that a process may hold ahead for one caller.
_AHEAD_SHARE = 200
_MAX_AHEAD = 10_000


class StoreAway(Exception):
    """The server cannot be reached, does not answer in time, or answers with an error."""


class _Ahead:
    """Units that were taken ahead for one caller.

    Attributes:
        units: that are left.
        until: when they end, on the clock of `time.monotonic`.
        second: of the server's clock, for which they were taken.
        remaining: what remained of the budget beside them.
        free_at: when a part of the budget is free again.
    """

    __slots__ = ("free_at", "remaining", "second", "units", "until")

    def __init__(self, units: int, until: float, second: int, remaining: int, free_at: float) -> None:
        self.units = units
        self.until = until
        self.second = second
        self.remaining = remaining
        self.free_at = free_at


class SharedStore:
    """Windows of all callers, on one server. Threads may share it; a process connects at its first call.

    Args:
        url: `redis://HOST:PORT/NUMBER`; `rediss://` with TLS, `unix://` by a socket.
    """

    def __init__(self, url: str) -> None:
        # Installed only where REDIS_URL is set (requirements-redis.txt).
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._errors = (redis.RedisError, OSError)
        # A connection that the server has closed since the last call is made anew, once.
        retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
        client = redis.Redis.from_url(
            url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS, retry=retry
        )
        self._take: Any = client.register_script(_SCRIPT.read_text())
        self._ahead: OrderedDict[str, _Ahead] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, caller: str, cost: int, budget: Budget) -> Standing:
        """Spend units of a caller's budget if it covers them.

        Raises:
            StoreAway
        """
        # Read before the server reads its own, so that what is taken ahead ends early rather than late.
        now = time.monotonic()
        with self._lock:
            held = self._ahead.get(caller)
            is_valid = held is not None and held.until > now
            if held is not None and is_valid and held.units >= cost:
                held.units -= cost
                return Standing(True, budget, held.remaining + held.units, max(0.0, held.free_at - now))
            self._ahead.pop(caller, None)
        # A caller that called within the last second takes units ahead.
        wanted = budget.limit // _AHEAD_SHARE if is_valid else 0
        unused, second = (held.units, held.second) if held else (0, 0)
        try:
            granted, remaining, free_ms, second = self._take(
                [f"tandem:limit:{caller}"], [budget.limit, budget.seconds, cost, wanted, unused, second]
            )
        except self._errors as exc:
            raise StoreAway(type(exc).__name__) from exc
        wait = free_ms / 1000
        if not granted:
            return Standing(False, budget, max(0, remaining), wait)
        self._keep(caller, _Ahead(granted - cost, now + _AHEAD_SECONDS, second, remaining, now + wait))
        return Standing(True, budget, remaining + granted - cost, wait)

    def _keep(self, caller: str, taken: _Ahead) -> None:
        with self._lock:
            held = self._ahead.get(caller)
            if held is not None and held.second == taken.second:
                taken.units += held.units
                taken.until = min(taken.until, held.until)
            # Units of another second that another thread has taken since then are dropped, and stay counted as spent.
            self._ahead[caller] = taken
            self._ahead.move_to_end(caller)
            if len(self._ahead) > _MAX_AHEAD:
                self._ahead.popitem(last=False)

"""Charges of calls to their callers' budgets: the only part of the limits that transports know."""

import time
from collections.abc import Callable
from functools import cache, lru_cache
from itertools import product
from typing import Any, NamedTuple

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver
from prometheus_client import Counter

from core.addresses import caller_key
from core.auth import Credential
from core.errors import RateLimited
from core.limits.budgets import Budgets, Standing
from core.limits.limiter import Limiter
from core.limits.shared import SharedStore
from core.operations import Operation

charged_calls = Counter(
    "tandem_limits_calls", "Calls charged to budgets, by the kind of caller and the decision: admitted or refused.",
    ["kind", "decision"],
)  # fmt: skip
for _kind, _decision in product(("anonymous", "user", "peer"), ("admitted", "refused")):
    charged_calls.labels(_kind, _decision)
_last_logged = -1.0
_meter = cache(charged_calls.labels)
_address_key = lru_cache(10_000)(caller_key)


class LimitExceeded(RateLimited):
    """The caller has spent its budget."""


class _Limits(NamedTuple):
    """The limits by the settings, read once: a setting costs each call half a microsecond."""

    budgets: Budgets
    limiter: Limiter


@cache
def _limits() -> _Limits | None:
    budgets, url = Budgets.of_settings(), settings.RATE_LIMITS_STORE
    if not any(budget.limit for budget in budgets):
        return None
    return _Limits(budgets, Limiter(SharedStore(url) if url else None))


@receiver(setting_changed)
def forget(**_: Any) -> None:
    """Forget what the process has counted, and the settings. Only tests change them."""
    _limits.cache_clear()


def charge(
    operation: Operation, credential: Credential, address: Callable[[], str], *, cost: int | None = None
) -> Standing | None:
    """Charge a call to its caller's budget.

    A call without credentials counts 1, also of a costly operation: those have limits of their own.

    Args:
        address: returns the caller's address, as `core.addresses.client_address`; asked for without credentials only.
        cost: in place of the operation's.

    Returns:
        The state of the budget, which may refuse the call (`check`); None if there is no limit.
    """
    limits = _limits()
    if limits is None:
        return None
    units = operation.cost if cost is None else cost
    budget = limits.budgets.of(credential.actor)
    if not (units and budget.limit):
        return None
    if credential.actor.is_authenticated:
        caller = f"user {credential.actor.pk}"
    else:
        caller, units = f"address {_address_key(address())}", 1
    # A call that costs more than the whole budget would never be admitted.
    standing = limits.limiter.take(caller, min(units, budget.limit), budget)
    _meter(budget.kind, "admitted" if standing.admitted else "refused").inc()
    return standing


def check(standing: Standing | None) -> None:
    """Refuse a call that its caller's budget does not cover.

    Raises:
        LimitExceeded
    """
    if standing is not None and not standing.admitted:
        raise LimitExceeded("Rate limit exceeded", max(standing.seconds, 0.001))


def is_refusal_logged() -> bool:
    """Return whether to log this refusal: one a second of the process."""
    global _last_logged
    now = time.monotonic()
    if now - _last_logged < 1:
        return False
    _last_logged = now
    return True

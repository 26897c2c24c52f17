"""Results that are expensive and depend on their arguments alone, kept in Django's cache.

The key holds a hash of the content that the result was made of, and all arguments. So a result is never out of date,
and never shows one caller what belongs to another: permission is checked before. Without a working cache results are
made each time.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.cache import cache
from prometheus_client import Counter

logger = logging.getLogger(__name__)

#: How long a result is kept after it was made.
SECONDS = 24 * 3600
#: Larger results are not kept, in bytes.
MAX_BYTES = 2 * 1024 * 1024
#: How long the cache is not used after it has failed. A server that accepts connections and does not answer would delay
#: each call by its time limit.
AWAY_SECONDS = 5.0

cache_lookups = Counter(
    "tandem_result_cache_lookups", "Look-ups of expensive results: hits, misses, and errors of the cache.",
    ["kind", "result"],
)  # fmt: skip

Result = TypeVar("Result")

#: When the cache is used again after it has failed, by time.monotonic().
ask_at = 0.0


def cached_result(kind: str, arguments: tuple[Any, ...], make: Callable[[], Result], *, size: int = 0) -> Result:
    """Return the kept result for these arguments, or make and keep it.

    Args:
        kind: the kind of result. Change it (`page_image_2`) when the same arguments give another result.
        arguments: all that the result depends on, the hash of its content first; each with its own `repr`.
        size: roughly, of the result in bytes, if it is not bytes itself.
    """
    key = f"{kind}:{hashlib.sha256(repr(arguments).encode()).hexdigest()}"
    found: Result | None
    outcome, found = _look_up(key)
    cache_lookups.labels(kind, outcome).inc()
    if found is not None:
        return found
    made = make()
    if outcome == "miss" and (len(made) if isinstance(made, bytes) else size) <= MAX_BYTES:
        try:
            cache.set(key, made, SECONDS)
        except Exception as exc:
            _note_failure("written", exc)
    return made


def _look_up(key: str) -> tuple[str, Any]:
    """Return hit, miss or error, and the result if there is one."""
    if time.monotonic() < ask_at:
        return "error", None
    try:
        found = cache.get(key)
    except Exception as exc:  # A cache server may be away in any way.
        _note_failure("read", exc)
        return "error", None
    return ("miss" if found is None else "hit"), found


def _note_failure(what: str, exc: Exception) -> None:
    global ask_at
    ask_at = time.monotonic() + AWAY_SECONDS
    logger.warning("The cache cannot be %s (%s): it is not used for %g s.", what, type(exc).__name__, AWAY_SECONDS)

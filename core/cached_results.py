"""Results that are expensive and depend on their arguments alone, kept in Django's cache.

The key holds a hash of the content that the result was made of, and all arguments. So a result is never out of date,
and never shows one caller what belongs to another: permission is checked before. Without a working cache results are
made each time.
"""

import hashlib
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.cache import cache
from prometheus_client import Counter

logger = logging.getLogger(__name__)

#: How long a result is kept after it was made.
SECONDS = 24 * 3600
#: Larger results are not kept, in bytes.
MAX_BYTES = 2 * 1024 * 1024

cache_lookups = Counter(
    "tandem_result_cache_lookups", "Look-ups of expensive results: hits, misses, and errors of the cache.",
    ["kind", "result"],
)  # fmt: skip

Result = TypeVar("Result")


def cached_result(kind: str, arguments: tuple[Any, ...], make: Callable[[], Result], *, size: int = 0) -> Result:
    """Return the kept result for these arguments, or make and keep it.

    Args:
        kind: the kind of result. Change it (`page_image_2`) when the same arguments give another result.
        arguments: all that the result depends on, the hash of its content first; each with its own `repr`.
        size: roughly, of the result in bytes, if it is not bytes itself.
    """
    key = f"{kind}:{hashlib.sha256(repr(arguments).encode()).hexdigest()}"
    try:
        found: Result | None = cache.get(key)
    except Exception as exc:  # A cache server may be away in any way.
        logger.warning("The cache cannot be read (%s).", type(exc).__name__)
        cache_lookups.labels(kind, "error").inc()
        return make()
    if found is not None:
        cache_lookups.labels(kind, "hit").inc()
        return found
    cache_lookups.labels(kind, "miss").inc()
    made = make()
    if (len(made) if isinstance(made, bytes) else size) <= MAX_BYTES:
        try:
            cache.set(key, made, SECONDS)
        except Exception as exc:
            logger.warning("The cache cannot be written (%s).", type(exc).__name__)
    return made

"""Drawings: limits of documents and of their images, and the cache of results."""

from config.settings.base import PROCESSORS, env

#: The largest document that is accepted, in bytes.
MAX_DOCUMENT_BYTES = 100 * 1024**2
#: How many bytes of documents one user may have stored (0 = without limit). Administrators have no such limit.
DOCUMENT_BYTES_PER_USER = env.int("DOCUMENT_BYTES_PER_USER", default=0)
#: How many images of pages a process renders at once; each needs a child process.
RENDERED_PAGES_AT_ONCE = max(2, PROCESSORS)

#: Where results are kept that are expensive to make (`core.cached_results`): each process has its own cache, or all
#: share one in Redis. A result has at most 2 MB, so the own cache of a process has at most 128 MB.
REDIS_URL = env.str("REDIS_URL", default="")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "tandem",
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 64}}
}

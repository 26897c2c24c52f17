"""Drawings: limits of documents and of their images, and the cache of results."""

from config import environment
from config.settings.base import PROCESSORS, env
from config.settings.speech import RECORDING_BYTES_PER_USER

#: The largest document that is accepted, in bytes.
MAX_DOCUMENT_BYTES = 100 * 1024**2
#: How many bytes of documents one user may have stored: as many as of recordings (0 = without limit). Administrators
#: have no such limit.
DOCUMENT_BYTES_PER_USER = RECORDING_BYTES_PER_USER
#: How many images of pages a process renders at once; each needs a child process.
RENDERED_PAGES_AT_ONCE = max(2, PROCESSORS)

#: Where results are kept that are expensive to make (`core.cached_results`): in the memory of each process, or in one
#: Redis for all.
REDIS_URL = env.str("REDIS_URL", default="")
CACHES = {"default": environment.cache("REDIS_URL", REDIS_URL)}

"""Workers, which run jobs."""

from config.settings.base import PROCESSORS

#: Jobs that a worker runs at once, how many of them may be slow ones (0 = half), and how long running ones may take at
#: the end: `runworker --threads`, `--slow-threads` and `--grace`.
WORKER_THREADS = 4
WORKER_SLOW_THREADS = 0
#: Live meetings whose speech a worker recognizes at once, besides these jobs.
WORKER_LIVE_THREADS = max(4, 2 * PROCESSORS)
WORKER_GRACE_SECONDS = 30.0

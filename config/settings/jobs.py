"""Workers, which run jobs."""

from config.settings.base import env

#: Jobs that a worker runs at once, how many of them may be slow ones (0 = half), and how long running ones may take at
#: the end.
WORKER_THREADS = env.int("WORKER_THREADS", default=4, at_least=1)
WORKER_SLOW_THREADS = env.int("WORKER_SLOW_THREADS", default=0)
WORKER_GRACE_SECONDS = env.float("WORKER_GRACE_SECONDS", default=30)

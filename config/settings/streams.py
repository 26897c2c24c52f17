"""Streams of events and of requests, over both transports."""

from config.settings.base import env

#: Streams of events (watches) that a process keeps open, over either transport: in all, and of one caller.
MAX_STREAMS = env.int("MAX_STREAMS", default=5_000)
MAX_STREAMS_PER_CALLER = env.int("MAX_STREAMS_PER_CALLER", default=1_500)
#: How long a client of a stream may leave what is sent unread before it is cut off.
STREAM_STALL_SECONDS = env.float("STREAM_STALL_SECONDS", default=60)
#: How many changes a stream may fall behind before it is ended; its client resumes from its cursor.
WATCH_MOST_BEHIND = env.int("WATCH_MOST_BEHIND", default=100_000)

#: Streams of requests (bulk writes, command streams, recordings): a process takes eight for each of these threads, and
#: so many of one caller. How long a client may send nothing.
UPLOAD_THREADS = env.int("UPLOAD_THREADS", default=8, at_least=1)
MAX_REQUEST_STREAMS = 8 * UPLOAD_THREADS
MAX_REQUEST_STREAMS_PER_CALLER = env.int("MAX_REQUEST_STREAMS_PER_CALLER", default=8)
UPLOAD_IDLE_SECONDS = env.float("UPLOAD_IDLE_SECONDS", default=60)

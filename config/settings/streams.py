"""Streams of events and of requests, over both transports."""

from config.settings.base import env
from config.settings.http import HTTP_THREADS

#: Streams of events (watches) that a process keeps open, over either transport: in all, and of one caller.
MAX_STREAMS = env.int("MAX_STREAMS", default=5_000, at_least=1)
MAX_STREAMS_PER_CALLER = max(1, MAX_STREAMS * 3 // 10)
#: How long a client of a stream may leave what is sent unread before it is cut off.
STREAM_STALL_SECONDS = 60.0
#: How many changes a stream may fall behind before it is ended; its client resumes from its cursor.
WATCH_MAX_BEHIND = 100_000

#: Streams of requests (bulk writes, command streams, recordings): a process takes eight for each of these threads, and
#: so many of one caller. How long a client may send nothing.
UPLOAD_THREADS = HTTP_THREADS
MAX_REQUEST_STREAMS = 8 * UPLOAD_THREADS
MAX_REQUEST_STREAMS_PER_CALLER = 8
UPLOAD_IDLE_SECONDS = 60.0

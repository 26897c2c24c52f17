"""The web process: Django's WSGI application in fixed pools of threads, which keep their database connections.

Measured against Django under ASGI, which takes a new thread and a new connection for each request: three times the
requests per CPU-second. Streams of events are sent from the event loop (see `core.rest.asgi`).
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from typing import Any

from a2wsgi import WSGIMiddleware
from django.conf import settings

from config.wsgi import application as wsgi_application
from core.concurrency.thread_pool import ThreadPool
from core.request_streams import threads as request_stream_threads
from core.rest.asgi import dividing


def _served_by(workers: ThreadPool) -> Any:
    served = WSGIMiddleware(wsgi_application)
    # In place of its own pool, of which one caller could have all threads.
    served.executor = workers
    return served


application = dividing(
    ordinary=_served_by(ThreadPool("http", settings.HTTP_THREADS)),
    uploads=_served_by(ThreadPool("http-uploads", **request_stream_threads())),
)

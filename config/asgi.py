"""The web process: Django's WSGI application in fixed pools of threads, which keep their database connections.

It serves three times the requests per CPU-second of Django under ASGI (measured), which uses a new thread and a new
connection for each request. Streams of events are sent from the event loop (see `core.rest.asgi`).
"""

import os
from functools import partial

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings

from config.wsgi import application as wsgi_application
from core.concurrency.thread_pool import ThreadPool
from core.db.connection_budget import HEALTH_THREADS
from core.request_streams import threads as request_stream_threads
from core.rest import websockets
from core.rest.asgi import dispatch
from core.rest.compat import serve_in_threads
from meetings.views import audio

_streams = ThreadPool("http-uploads", **request_stream_threads())
_ordinary = ThreadPool("http", settings.HTTP_THREADS, sheds=True)
application = dispatch(
    ordinary=serve_in_threads(wsgi_application, _ordinary),
    uploads=serve_in_threads(wsgi_application, _streams),
    # Health answers while all other threads are busy.
    probes=serve_in_threads(wsgi_application, ThreadPool("http-own", HEALTH_THREADS)),
    sockets=partial(websockets.serve, audio.SOCKETS, _streams),
    has_room=_ordinary.has_room,
)

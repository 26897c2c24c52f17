"""The web process: Django's WSGI application in fixed pools of threads, which keep their database connections.

Measured against Django under ASGI, which takes a new thread and a new connection for each request: three times the
requests per CPU-second. Streams of events are sent from the event loop (see `core.rest.server`).
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from a2wsgi import WSGIMiddleware
from django.conf import settings

from config.wsgi import application as wsgi_application
from core.rest.server import dividing

application = dividing(
    ordinary=WSGIMiddleware(wsgi_application, workers=settings.HTTP_THREADS),  # type: ignore[arg-type]
    # Threads come as they are needed: most wait for their clients, as on gRPC, where others stand in for them.
    uploads=WSGIMiddleware(wsgi_application, workers=8 * settings.UPLOAD_THREADS),  # type: ignore[arg-type]
)

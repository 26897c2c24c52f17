"""`manage.py runweb`: serves HTTP."""

import asyncio
import signal
import socket
import sys
from argparse import ArgumentParser
from functools import partial
from typing import Any

import uvicorn
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from core import health, tcp_keepalive
from core.addresses import check_development_identity
from core.lifespan import running_alongside
from core.management.metrics_options import add_metrics_options, serve_metrics
from core.management.option_types import positive, seconds
from core.observability import process
from core.open_files import raise_limit
from core.rest.asgi import MAX_ACCEPTED, MAX_QUEUED, end_streams
from core.rest.compat import Server
from core.rest.connections import Socket, connection_class
from core.rest.websockets import MAX_FRAME_BYTES

#: Files and connections that a process opens besides those of its threads.
_OTHER_FILES = 128


class Command(BaseCommand):
    """Each option takes precedence over the setting of the same meaning."""

    help = "Serve REST, the admin site and the docs until SIGTERM or SIGINT; then end when the running calls have."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--host", default=settings.HTTP_HOST, help="the address to listen on (HTTP_HOST, %(default)s)")
        add("--port", type=int, default=settings.HTTP_PORT, help="0 = any free one (HTTP_PORT, %(default)s)")
        add(
            "--grace",
            type=int,
            default=settings.HTTP_GRACE_SECONDS,
            metavar="SECONDS",
            help="how long running calls may take to end (%(default)s)",
        )
        add(
            "--drain-wait",
            type=seconds,
            default=settings.HTTP_DRAIN_WAIT_SECONDS,
            metavar="SECONDS",
            help="how long calls are still served after /health/ready reports 503, so that load balancers notice "
            "(%(default)s)",
        )
        add(
            "--keepalive",
            type=positive,
            default=settings.HTTP_KEEPALIVE_SECONDS,
            metavar="SECONDS",
            help="how long a connection stays open between two requests; longer than a balancer in front keeps it "
            "(%(default)s)",
        )
        add_metrics_options(parser, settings.WEB_METRICS_PORT)

    def handle(
        self, *args: Any, host: str, port: int, grace: int, drain_wait: float, keepalive: int, **options: Any
    ) -> None:
        process.set_name(process.WEB)
        try:
            check_development_identity(host)
        except ImproperlyConfigured as exc:
            raise CommandError(str(exc)) from exc
        listening = _listen(host, port)
        self.stdout.write(f"Serving HTTP on {host}:{listening.getsockname()[1]}, {settings.HTTP_THREADS} threads.")
        self.stdout.flush()
        connections = _max_connections()
        if connections < settings.HTTP_MAX_CONNECTIONS:
            self.stderr.write(
                f"The limit of open files allows {connections} connections, not {settings.HTTP_MAX_CONNECTIONS}. "
                "Raise the limit (ulimit -n, LimitNOFILE)."
            )
        config = uvicorn.Config(
            settings.ASGI_APPLICATION.replace(".application", ":application"),
            http=connection_class(connections),
            ws=Socket,
            ws_max_size=MAX_FRAME_BYTES,
            ws_per_message_deflate=False,
            backlog=MAX_ACCEPTED,
            h11_max_incomplete_event_size=settings.HTTP_MAX_HEAD_BYTES,
            timeout_keep_alive=keepalive,
            # Django's logging is configured already, and each call has a log line.
            log_config=None,
            # Its warnings are about invalid requests, of which a client may send any number.
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=grace,
        )
        # After draining, uvicorn raises its signal again for the earlier handlers. Without one, the process would end
        # at once and not release the embedded database.
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, _end)
        # Loaded first, so that the garbage collector excludes it (`core.lifespan`).
        config.load()
        try:
            with running_alongside(settings.HTTP_THREADS):
                serve_metrics(options, settings.WEB_METRICS_PORT)
                Server(config, queue=MAX_QUEUED, before_shutdown=partial(_drain, drain_wait)).run(sockets=[listening])
        except ImproperlyConfigured as exc:
            raise CommandError(str(exc)) from exc


async def _drain(wait_seconds: float) -> None:
    """Serve for as long as balancers need to notice the end; then end the streams."""
    if wait_seconds:
        health.drain()
        await asyncio.sleep(wait_seconds)
    await end_streams()


def _max_connections() -> int:
    # A thread has a database connection and an open file; up to four batches of new connections wait to be handled.
    own: int = _OTHER_FILES + 2 * settings.HTTP_THREADS + 2 * 8 * settings.UPLOAD_THREADS + 4 * MAX_ACCEPTED
    limit: int = settings.HTTP_MAX_CONNECTIONS
    return min(limit, max(raise_limit() - own, 64))


def _end(signum: int, frame: object) -> None:
    sys.exit(0)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # With the protocol: otherwise asyncio does not treat the socket as TCP and leaves Nagle's algorithm on, so that
        # answers of two parts wait 40 ms for the client's acknowledgement.
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Otherwise the stream of a client that has vanished would keep its place for as long as nothing is sent on it.
        tcp_keepalive.enable(listening)
        listening.bind(where)
    except OSError as exc:
        raise CommandError(
            f"Cannot listen on {host}:{port}: {exc.strerror or exc}. Choose another with --port."
        ) from exc
    return listening

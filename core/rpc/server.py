"""The gRPC server of one process: what it is made of, and how it starts and ends."""

import errno
import logging
import queue
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
from django.conf import settings
from grpc_health.v1 import health_pb2_grpc
from prometheus_client import start_http_server

from core.errors import Unavailable
from core.lifespan import running_alongside
from core.open_files import raise_limit
from core.request_streams import threads as request_stream_threads
from core.rpc import feed_senders, health, reflection, tracing
from core.rpc.health import Health
from core.rpc.interceptors import Interceptor
from core.rpc.servicers import Service
from core.rpc.stall_watchdog import StallWatchdog
from core.rpc.thread_pool import CallThreadPool
from core.streams import STREAMS

logger = logging.getLogger(__name__)

#: Signals that have come, as numbers; `put` is safe in a signal handler.
Signals = queue.SimpleQueue[int]
_ENDED = 0
_LOOK_EVERY_SECONDS = 0.5
#: What a process opens beside its clients' connections: files, and connections with the database.
_OTHER_FILES = 384


class CannotServeError(Exception):
    """The server cannot start; the message is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve; `manage.py rungrpc --help` says what each means."""

    host: str
    port: int
    workers: int
    grace: float
    drain_wait: float
    metrics_port: int
    reflection: bool
    tls_cert: str = ""
    tls_key: str = ""
    client_ca: str = ""
    shared_port: bool = False


def channel_options(*, shared_port: bool) -> list[tuple[str, int]]:
    """Everything about connections that matters is said; nothing is left to grpcio's defaults."""
    return [
        # Otherwise a second server binds the same port, without a word, and gets half of the calls.
        ("grpc.so_reuseport", int(shared_port)),
        # What is not much too large is refused by `received`, with its reason.
        ("grpc.max_receive_message_length", min(4 * settings.MAX_MESSAGE_BYTES, settings.MAX_REQUEST_BYTES)),
        ("grpc.max_send_message_length", settings.MAX_REQUEST_BYTES),
        # Who does not finish the handshake, and who comes beyond what the process may have open.
        ("grpc.server_handshake_timeout_ms", int(settings.GRPC_MESSAGE_WAIT_SECONDS * 1000)),
        ("grpc.max_allowed_incoming_connections", max(raise_limit() - _OTHER_FILES, 64)),
        ("grpc.max_metadata_size", 8 * 1024),
        ("grpc.absolute_max_metadata_size", 16 * 1024),
        ("grpc.max_concurrent_streams", settings.GRPC_MAX_STREAMS_PER_CONNECTION),
        # A dead connection is noticed within 15 seconds, calls or not, and clients may look just as often.
        ("grpc.keepalive_time_ms", 10_000),
        ("grpc.keepalive_timeout_ms", 5_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
        # Clients connect anew now and then, and so find servers that were added.
        ("grpc.max_connection_age_ms", settings.GRPC_MAX_CONNECTION_AGE_SECONDS * 1000),
        ("grpc.max_connection_age_grace_ms", settings.GRPC_MAX_CONNECTION_AGE_GRACE_SECONDS * 1000),
    ]


class Server:
    """A server on its port.

    Raises:
        CannotServeError: the port is taken, or a file for TLS is not what it must be.
        ImproperlyConfigured: TRACING is set, and OpenTelemetry is not installed.
    """

    def __init__(self, services: Sequence[Service], options: Options) -> None:
        if settings.TRACING:
            tracing.check_installed()
        self._options = options
        self._workers = CallThreadPool("grpc", options.workers, max_waiting=settings.GRPC_MAX_QUEUE)
        # So that health answers however busy these are.
        own_workers = CallThreadPool("grpc-own", 2)
        uploads = CallThreadPool("grpc-uploads", max_waiting=settings.GRPC_MAX_QUEUE, **request_stream_threads())
        self._pools = [self._workers, own_workers, uploads, *feed_senders.pools()]
        self._guard = StallWatchdog(settings.GRPC_MESSAGE_WAIT_SECONDS)
        self._interceptor = Interceptor(self._workers, own_workers, uploads, self._guard)
        names = [service.name for service in services]
        self._health = Health([*names, health.SERVICE], own_workers)
        self._server = grpc.server(
            self._workers,
            interceptors=[self._interceptor],
            options=channel_options(shared_port=options.shared_port),
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        for service in services:
            service.add_to_server(service.servicer, self._server)
        if options.reflection:
            # Its streams hold a thread each; nobody's health check may wait for one.
            reflecting = CallThreadPool("grpc-reflection", 2)
            reflecting.guard = self._guard
            self._pools.append(reflecting)
            reflection.add_to_server(self._server, [*names, health.SERVICE], reflecting)
        self.port = _bind(self._server, options)

    def start(self) -> None:
        """Begins to serve."""
        _serve_metrics(self._options)
        self._guard.start()
        self._server.start()

    def drain(self) -> None:
        """Has load balancers send calls elsewhere; everything is still served."""
        self._health.drain()

    def stop(self, grace: float) -> threading.Event:
        """Takes no more calls, ends the streams, and lets running calls end.

        Args:
            grace: seconds after which the calls that still run are cut.

        Returns:
            Set when the last call has ended.
        """
        failure = Unavailable("The server is going away; call again, and another will answer.")
        STREAMS.end_all(failure)
        self._interceptor.end_streams(failure)
        return self._server.stop(grace)

    def close(self) -> None:
        """Ends the threads, and with them their database connections; those that are still busy it leaves behind."""
        self._guard.stop()
        self._interceptor.close()
        for pool in self._pools:
            pool.end(within=1)


def serve(services: Sequence[Service], options: Options, signals: Signals, announce: Callable[[int], None]) -> int:
    """Serves until a signal comes, then drains: health says NOT_SERVING, load balancers get time to notice, streams are
    ended, running calls end by themselves, database connections are closed. A second signal ends at once.

    Args:
        announce: called with the port once calls are taken.

    Returns:
        The exit code: 0, 1 if calls had to be cut after the grace, or 128 + the number of the second signal.
    """
    server = Server(services, options)
    with running_alongside(options.workers):
        return _serve(server, options, signals, announce)


def _serve(server: "Server", options: Options, signals: Signals, announce: Callable[[int], None]) -> int:
    server.start()
    announce(server.port)
    logger.info("Signal %d: draining.", _next(signals))
    server.drain()
    try:
        return _end_at_once(server, signals.get(timeout=options.drain_wait))
    except queue.Empty:
        pass
    ended = server.stop(options.grace)
    threading.Thread(target=_tell_when, args=(ended, signals), name="drain", daemon=True).start()
    begun = time.monotonic()
    if (signum := _next(signals)) is not _ENDED:
        return _end_at_once(server, signum)
    server.close()
    cut = time.monotonic() - begun >= options.grace
    logger.log(logging.WARNING if cut else logging.INFO, "Drained%s.", ", but calls had to be cut" if cut else "")
    return int(cut)


def _next(signals: Signals) -> int:
    """The next signal, or that it is over.

    A signal's handler runs when this thread next runs Python; on a busy machine some did not wake it from its wait.
    """
    while True:
        with suppress(queue.Empty):
            return signals.get(timeout=_LOOK_EVERY_SECONDS)


def _tell_when(ended: threading.Event, signals: Signals) -> None:
    ended.wait()
    signals.put(_ENDED)


def _end_at_once(server: Server, signum: int) -> int:
    logger.warning("Signal %d again: ending at once.", signum)
    # Clients are told, and grpcio's own threads end: they would keep the process until the grace is over.
    server.stop(grace=0).wait(1)
    return 128 + signum


def address(host: str, port: int) -> str:
    """Host and port as one text."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check_free(host: str, port: int) -> None:
    """Makes sure that nobody listens there on any of the host's addresses (grpcio is content with one that is free).

    Raises:
        CannotServeError: somebody does, or the host has no address.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as exc:
        raise CannotServeError(f"{host} is not an address to listen on: {exc.strerror}.") from exc
    for family, kind, protocol, _, place in addresses:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(place)
            except OSError as exc:
                if exc.errno == errno.EADDRINUSE:
                    raise CannotServeError(
                        f"Port {port} on {host} is taken: stop what uses it, or choose another (--port or GRPC_PORT)."
                    ) from exc


def _bind(server: grpc.Server, options: Options) -> int:
    if not options.shared_port:
        check_free(options.host, options.port)
    place = address(options.host, options.port)
    credentials = _credentials(options)
    try:
        return server.add_secure_port(place, credentials) if credentials else server.add_insecure_port(place)
    except RuntimeError as exc:
        raise CannotServeError(f"Cannot listen on {place}.") from exc


def _credentials(options: Options) -> grpc.ServerCredentials | None:
    if not (options.tls_cert or options.tls_key or options.client_ca):
        return None
    if not (options.tls_cert and options.tls_key):
        raise CannotServeError("TLS takes both a certificate and its key (--tls-cert and --tls-key).")
    pair = (_contents(options.tls_key), _contents(options.tls_cert))
    if not options.client_ca:
        return grpc.ssl_server_credentials([pair])
    return grpc.ssl_server_credentials([pair], root_certificates=_contents(options.client_ca), require_client_auth=True)


def _contents(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as exc:
        raise CannotServeError(f"{path} cannot be read: {exc.strerror}.") from exc


def _serve_metrics(options: Options) -> None:
    if not options.metrics_port:
        return
    try:
        start_http_server(options.metrics_port, addr=options.host)
    except OSError as exc:
        place = address(options.host, options.metrics_port)
        raise CannotServeError(f"The metrics cannot be served on {place}: {exc.strerror}.") from exc

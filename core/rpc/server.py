"""The gRPC server of one process: its parts, its start and its shutdown."""

import errno
import logging
import queue
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import grpc
from django.conf import settings
from grpc_health.v1 import health_pb2_grpc

from core.concurrency.thread_pool import ThreadPool
from core.errors import Unavailable
from core.lifespan import running_alongside
from core.open_files import raise_limit
from core.request_streams import threads as request_stream_threads
from core.rpc import compat, health, reflection, tls
from core.rpc.feed_pools import FeedPools
from core.rpc.health import Health
from core.rpc.interceptors import Interceptor
from core.rpc.servicers import Service
from core.rpc.stall_watchdog import StallWatchdog
from core.rpc.thread_pool import CallThreadPool
from core.streams import STREAMS
from server_certificates import CertificateError
from tandem import keepalive

logger = logging.getLogger(__name__)

#: Received signals, as numbers; `put` is safe in a signal handler.
Signals = queue.SimpleQueue[int]
#: Put among the signals when the last call has ended.
_ENDED = 0
_CHECK_INTERVAL_SECONDS = 0.5
#: File descriptors that a process needs besides its clients' connections: files, and connections to the database.
_OTHER_FILES = 384


class CannotServeError(Exception):
    """The server cannot start; the message is a sentence with the reason."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the server; `manage.py rungrpc --help` describes each of them."""

    host: str
    port: int
    workers: int
    grace: float
    drain_wait: float
    reflection: bool
    tls_cert: str = ""
    tls_key: str = ""
    client_ca: str = ""
    processes: int = 1


def channel_options(*, shared_port: bool) -> list[tuple[str, int]]:
    """Return the options of connections. None that matters is left to grpcio's defaults."""
    return [
        # Otherwise a second server binds the same port without an error and gets half of the calls.
        ("grpc.so_reuseport", int(shared_port)),
        # A message that is only a little too large is refused by `receive_request`, with a reason.
        ("grpc.max_receive_message_length", min(4 * settings.MAX_MESSAGE_BYTES, settings.MAX_REQUEST_BYTES)),
        ("grpc.max_send_message_length", settings.MAX_REQUEST_BYTES),
        # Limits on unfinished handshakes, and on connections, by the files that the process may open.
        ("grpc.server_handshake_timeout_ms", int(settings.GRPC_MESSAGE_WAIT_SECONDS * 1000)),
        ("grpc.max_allowed_incoming_connections", max(raise_limit() - _OTHER_FILES, 64)),
        ("grpc.max_metadata_size", 8 * 1024),
        ("grpc.absolute_max_metadata_size", 16 * 1024),
        ("grpc.max_concurrent_streams", settings.GRPC_MAX_STREAMS_PER_CONNECTION),
        *keepalive.SERVER_OPTIONS,
        # A client with nothing to call must not hold a place that others need.
        ("grpc.max_connection_idle_ms", settings.GRPC_MAX_CONNECTION_IDLE_SECONDS * 1000),
        # Clients reconnect from time to time, and so find servers that were added.
        ("grpc.max_connection_age_ms", settings.GRPC_MAX_CONNECTION_AGE_SECONDS * 1000),
        ("grpc.max_connection_age_grace_ms", settings.GRPC_MAX_CONNECTION_AGE_GRACE_SECONDS * 1000),
    ]


class Server:
    """A server on its port.

    Raises:
        CannotServeError: the port is in use, or a file for TLS is missing or invalid.
    """

    def __init__(self, services: Sequence[Service], options: Options) -> None:
        self._options = options
        self._workers = CallThreadPool("grpc", options.workers, settings.GRPC_MAX_QUEUE, sheds=True)
        # Health has its own threads, so that it answers while all others are busy.
        own_workers = CallThreadPool("grpc-own", 2)
        uploads = CallThreadPool("grpc-uploads", max_waiting=settings.GRPC_MAX_QUEUE, **request_stream_threads())
        feed_pools = FeedPools()
        self._pools: list[ThreadPool | FeedPools] = [self._workers, own_workers, uploads, feed_pools]
        self._guard = StallWatchdog(settings.GRPC_MESSAGE_WAIT_SECONDS)
        self._interceptor = Interceptor(self._workers, own_workers, uploads, self._guard, feed_pools)
        names = [service.name for service in services]
        self._health = Health([*names, health.SERVICE], own_workers)
        self._server = grpc.server(
            self._workers,
            interceptors=[self._interceptor],
            options=channel_options(shared_port=options.processes > 1),
            maximum_concurrent_rpcs=_max_concurrent_rpcs(options),
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._server.add_generic_rpc_handlers([service.handler for service in services])
        if options.reflection:
            # Each reflection stream holds a thread; health checks must not wait for one.
            reflecting = CallThreadPool("grpc-reflection", 2)
            reflecting.guard = self._guard
            self._pools.append(reflecting)
            reflection.add_to_server(self._server, [*names, health.SERVICE], reflecting)
        self.port = _bind(self._server, options)

    def start(self) -> None:
        """Start serving."""
        compat.warn_if_unfamiliar()
        self._guard.start()
        self._server.start()

    def drain(self) -> None:
        """Report NOT_SERVING, so that load balancers use other servers. Calls are still served."""
        self._health.drain()

    def stop(self, grace: float) -> threading.Event:
        """Accept no more calls, end the streams, and let running calls finish.

        Args:
            grace: seconds after which calls that are still running are cancelled.

        Returns:
            Set when the last call has ended.
        """
        failure = Unavailable("The server is shutting down; call again to reach another one.")
        STREAMS.end_all(failure)
        self._interceptor.end_streams(failure)
        return self._server.stop(grace)

    def close(self) -> None:
        """End the threads and their database connections. Threads that are still busy are abandoned."""
        self._guard.stop()
        self._interceptor.close()
        for pool in self._pools:
            pool.end(within=1)


def serve(services: Sequence[Service], options: Options, signals: Signals, announce: Callable[[int], None]) -> int:
    """Serve until a signal is received, then drain. A second signal ends the process at once.

    Draining: health reports NOT_SERVING, load balancers get time to notice it, streams are ended, running calls finish,
    database connections are closed.

    Args:
        announce: called with the port once calls are accepted.

    Returns:
        The exit code: 0, 1 if calls had to be cancelled after the grace, or 128 + the number of the second signal.
    """
    server = Server(services, options)
    with running_alongside(options.workers, grpc_processes=options.processes):
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
    threading.Thread(target=_signal_end, args=(ended, signals), name="drain", daemon=True).start()
    started_at = time.monotonic()
    if (signum := _next(signals)) is not _ENDED:
        return _end_at_once(server, signum)
    server.close()
    cut = time.monotonic() - started_at >= options.grace
    logger.log(logging.WARNING if cut else logging.INFO, "Drained%s.", ", but calls had to be cancelled" if cut else "")
    return int(cut)


def _next(signals: Signals) -> int:
    """Wait for the next signal, or for `_ENDED`.

    The wait has a timeout because signal handlers run only when this thread executes Python code; on a busy machine
    some signals did not wake it.
    """
    while True:
        with suppress(queue.Empty):
            return signals.get(timeout=_CHECK_INTERVAL_SECONDS)


def _signal_end(ended: threading.Event, signals: Signals) -> None:
    ended.wait()
    signals.put(_ENDED)


def _end_at_once(server: Server, signum: int) -> int:
    logger.warning("Second signal (%d): ending at once.", signum)
    # This notifies the clients and ends grpcio's threads, which would otherwise keep the process for the whole grace.
    server.stop(grace=0).wait(1)
    return 128 + signum


def address(host: str, port: int) -> str:
    """Join host and port; an IPv6 address gets brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check_free(host: str, port: int) -> None:
    """Check that the port is free on all addresses of the host. grpcio itself accepts one free address.

    Raises:
        CannotServeError: the port is in use, or the host has no address.
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
                        f"Port {port} on {host} is in use: free it, or choose another port (--port or GRPC_PORT)."
                    ) from exc


def _max_concurrent_rpcs(options: Options) -> int | None:
    """Return grpcio's `maximum_concurrent_rpcs`; None = no limit.

    With the private API, our pools refuse surplus calls instead: they send a reason (`ErrorInfo`), grpcio does not.
    """
    if compat.uses_private_api():
        return None
    return options.workers + settings.GRPC_MAX_QUEUE + compat.MAX_BLOCKING_STREAMS


def _bind(server: grpc.Server, options: Options) -> int:
    if options.processes == 1:
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
        raise CannotServeError("TLS needs both a certificate and its key (--tls-cert and --tls-key).")
    try:
        return tls.credentials(options.tls_cert, options.tls_key, options.client_ca)
    except CertificateError as exc:
        raise CannotServeError(str(exc)) from exc

"""The gRPC server of a node: its services, start and shutdown."""

import logging
import os
import queue
import socket
import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from server_certificates import CertificateError, Certificates
from speechnode import metrics, services
from speechnode.catalog import OFFERS, Catalog
from speechnode.intake import Limits
from speechnode.model_folder import FolderError, offer_of
from speechnode.slots import Slots
from tandem import keepalive
from tandem.speech.v1 import speech_pb2, speech_pb2_grpc

logger = logging.getLogger(__name__)

#: Queue of received signals, as numbers.
Signals = queue.SimpleQueue[int]
#: Pseudo-signal: the parent process has exited.
ORPHANED = 0
_IDLE = -1

_LEAVE_SECONDS = 2.0

#: Threads beyond those of the streams, which refuse excess calls and serve `GetCapabilities`.
_SPARE_THREADS = 4
#: The largest message is a `SummarizeRequest` for a long meeting; audio is sent in small chunks.
_MAX_MESSAGE_BYTES = 16 * 2**20
_MAX_SOCKET_PATH_LENGTH = 100

CHANNEL_OPTIONS = [
    # With SO_REUSEPORT, a second node could listen on the same port and would receive half of the calls.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    # Releases the slot of a caller whose machine has failed.
    *keepalive.SERVER_OPTIONS,
]


class CannotServeError(Exception):
    """The node cannot start; the message is a sentence that states the cause."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the server; `python -m speechnode --help` describes each."""

    listen: str
    engines: tuple[str, ...]
    max_streams: int
    asr_processes: int
    grace: float
    limits: Limits
    certificates: Certificates | None = None
    model_dir: Path | None = None


class Health(health.HealthServicer):
    """The service grpc.health.v1, on its own threads so that a busy node also answers.

    The servicer of grpcio-health-checking holds the lock that Check needs while it sends to its watchers, so one
    watcher that does not read would block it. Here only the product calls, which never watches; a server with other
    clients needs `core.rpc.health`.
    """

    def __init__(self) -> None:
        threads = ThreadPoolExecutor(2, "health")
        super().__init__(experimental_thread_pool=threads)
        Health.Check.experimental_thread_pool = threads  # type: ignore[attr-defined]

    def Check(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        """Return SERVING, or NOT_SERVING while the node drains and for a service without an engine."""
        return super().Check(request, context)


class Node:
    """A node, bound to its address.

    Raises:
        CannotServeError: the address is invalid or in use.
    """

    def __init__(self, options: Options) -> None:
        self._slots = Slots(options.max_streams)
        metrics.slots.set(options.max_streams)
        metrics.free_slots.set_function(lambda: self._slots.free)
        self._catalog = _catalog(options)
        self._server = grpc.server(
            ThreadPoolExecutor(options.max_streams + _SPARE_THREADS, "call"), options=CHANNEL_OPTIONS
        )
        self._health = Health()
        self._add_services(options)
        self.address = bind(self._server, options.listen, options.certificates)

    def start(self) -> None:
        """Start serving."""
        self._server.start()

    def drain(self) -> None:
        """Refuse new calls. Running calls continue."""
        self._health.enter_graceful_shutdown()
        self._slots.drain()

    def wait_until_idle(self, seconds: float) -> bool:
        """Wait for the running calls. Returns False on timeout."""
        return self._slots.wait_until_idle(seconds)

    def stop(self) -> None:
        """Stop the engines, and cut off all calls."""
        self._catalog.close()
        self._server.stop(grace=0).wait(1)

    def leave(self) -> None:
        """Stop, but let the last responses be sent: a call releases its slot shortly before its response is sent."""
        self._server.stop(grace=_LEAVE_SECONDS).wait()

    def _add_services(self, options: Options) -> None:
        catalog, slots = self._catalog, self._slots
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        speech_pb2_grpc.add_NodeInfoServiceServicer_to_server(services.NodeInfo(catalog, slots), self._server)
        speech_pb2_grpc.add_AsrServiceServicer_to_server(services.Asr(catalog, slots, options.limits), self._server)
        speech_pb2_grpc.add_SpeakerServiceServicer_to_server(
            services.Speaker(catalog, slots, options.limits), self._server
        )
        speech_pb2_grpc.add_SummaryServiceServicer_to_server(services.Summaries(catalog, slots), self._server)
        kinds = {
            "AsrService": speech_pb2.ENGINE_KIND_ASR,
            "SpeakerService": speech_pb2.ENGINE_KIND_SPEAKER,
            "SummaryService": speech_pb2.ENGINE_KIND_SUMMARY,
        }
        serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
        self._health.set("speech.v1.NodeInfoService", serving)
        for service, kind in kinds.items():
            self._health.set(f"speech.v1.{service}", serving if catalog.has(kind) else not_serving)


def _catalog(options: Options) -> Catalog:
    """Return the engines of the node. That of the model directory, if there is one, is loaded at once.

    Raises:
        CannotServeError: the model directory cannot be used.
    """
    if options.model_dir is None:
        return Catalog(options.engines, options.asr_processes)
    try:
        name, offer = offer_of(options.model_dir)
    except FolderError as exc:
        raise CannotServeError(str(exc)) from exc
    catalog = Catalog([name, *options.engines], options.asr_processes, {name: offer, **OFFERS})
    if reason := catalog.load(name):
        catalog.close()
        raise CannotServeError(f"The model directory {options.model_dir} cannot be used: {reason}")
    return catalog


def serve(options: Options, signals: Signals, announce: Callable[[str], None]) -> int:
    """Serve until a signal arrives, then drain: refuse new calls, and let running ones end within the grace period.
    A second signal stops the node at once, and so does the exit of the parent process.

    Args:
        announce: called with the address once calls are accepted.

    Returns:
        The exit code: 0; 1 if calls were cut off; or 128 + the number of the second signal.
    """
    node = Node(options)
    try:
        node.start()
        announce(node.address)
        return _drain(node, options.grace, signals)
    finally:
        node.stop()


def _drain(node: Node, grace: float, signals: Signals) -> int:
    if (signum := signals.get()) == ORPHANED:
        logger.warning("The parent process has exited; stopping.")
        return 1
    logger.info("Signal %d: draining.", signum)
    node.drain()

    def wait() -> None:
        node.wait_until_idle(grace)
        signals.put(_IDLE)

    threading.Thread(target=wait, name="drain", daemon=True).start()
    if (signum := signals.get()) != _IDLE:
        logger.warning("Second signal %d: stopping at once.", signum)
        return 128 + signum
    if not (cut := not node.wait_until_idle(0)):
        node.leave()
    logger.log(logging.WARNING if cut else logging.INFO, "Drained%s.", "; running calls were cut off" if cut else "")
    return int(cut)


def bind(server: grpc.Server, listen: str, certificates: Certificates | None = None) -> str:
    """Bind a server to an address. Returns the address, with the port that was chosen for port 0.

    Raises:
        CannotServeError: the address is invalid or in use, or the certificates cannot be used.
    """
    if listen.startswith("unix:"):
        if certificates:
            raise CannotServeError("A Unix socket has no TLS: listen on host:port, or leave out the certificates.")
        return _bind_socket(server, Path(listen.removeprefix("unix:")))
    host, _, port = listen.rpartition(":")
    # The content of meetings must not be sent over a network unencrypted.
    if not certificates and host not in ("127.0.0.1", "localhost", "[::1]"):
        raise CannotServeError(
            f"Without TLS a node listens on unix:/path or 127.0.0.1:port, not on {listen}: give --tls-cert, --tls-key "
            "and --client-ca."
        )
    try:
        if certificates:
            return f"{host}:{server.add_secure_port(listen, certificates.credentials())}"
        return f"{host}:{server.add_insecure_port(listen)}"
    except CertificateError as exc:
        raise CannotServeError(str(exc)) from exc
    except RuntimeError as exc:
        raise CannotServeError(f"Cannot listen on {listen}: port {port} is in use or invalid.") from exc


def _bind_socket(server: grpc.Server, path: Path) -> str:
    path = path.absolute()
    if len(os.fsencode(path)) > _MAX_SOCKET_PATH_LENGTH:
        raise CannotServeError(f"The socket path {path} is too long: the maximum is {_MAX_SOCKET_PATH_LENGTH} bytes.")
    if path.exists() and (not stat.S_ISSOCK(path.stat().st_mode) or _answers(path)):
        raise CannotServeError(f"{path} is in use: another node listens there, or it is not a socket.")
    # A client that may connect may use the engines, so only this user may.
    before = os.umask(0o177)
    try:
        server.add_insecure_port(f"unix:{path}")
    except RuntimeError as exc:
        raise CannotServeError(f"Cannot listen on {path}: check that its folder exists and is writable.") from exc
    finally:
        os.umask(before)
    return f"unix:{path}"


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(os.fspath(path)) == 0

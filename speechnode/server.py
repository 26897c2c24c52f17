"""The gRPC server of a node: what it is made of, how it starts, and how it ends."""

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

from speechnode import services
from speechnode.catalog import Catalog
from speechnode.intake import Limits
from speechnode.slots import Slots
from tandem.speech.v1 import speech_pb2, speech_pb2_grpc

logger = logging.getLogger(__name__)

#: Signals that have come, as numbers.
Signals = queue.SimpleQueue[int]
#: As a signal: whoever started the node is gone, and nobody waits for anything any more.
ORPHANED = 0
_IDLE = -1

_LEAVE_SECONDS = 2.0

#: Beside those of the streams: they refuse what is too much, and say what the node can do.
_SPARE_THREADS = 4
#: The largest message is a long meeting to be summarised; audio comes in small pieces.
_MAX_MESSAGE_BYTES = 16 * 2**20
_MAX_SOCKET_PATH_LENGTH = 100

CHANNEL_OPTIONS = [
    # Otherwise a second node could listen on the same port, and would get half of the calls.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
    # A caller whose machine is gone is noticed within 15 seconds, and its place is free again.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
]


class CannotServeError(Exception):
    """The node cannot start; the message is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve; `python -m speechnode --help` says what each means."""

    listen: str
    engines: tuple[str, ...]
    max_streams: int
    asr_processes: int
    grace: float
    limits: Limits


class Health(health.HealthServicer):
    """grpc.health.v1 on threads of its own, so that a busy node answers too."""

    def __init__(self) -> None:
        threads = ThreadPoolExecutor(2, "health")
        super().__init__(experimental_thread_pool=threads)
        Health.Check.experimental_thread_pool = threads  # type: ignore[attr-defined]

    def Check(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        """SERVING; NOT_SERVING while the node drains, and for a service whose engine it lacks."""
        return super().Check(request, context)


class Node:
    """A node on its address.

    Raises:
        CannotServeError: the address is taken, or is none.
    """

    def __init__(self, options: Options) -> None:
        self._slots = Slots(options.max_streams)
        self._catalog = Catalog(options.engines, options.asr_processes)
        self._server = grpc.server(
            ThreadPoolExecutor(options.max_streams + _SPARE_THREADS, "call"), options=CHANNEL_OPTIONS
        )
        self._health = Health()
        self._add_services(options)
        self.address = bind(self._server, options.listen)

    def start(self) -> None:
        """Begins to serve."""
        self._server.start()

    def drain(self) -> None:
        """Takes no more calls. What runs goes on."""
        self._health.enter_graceful_shutdown()
        self._slots.drain()

    def wait_until_idle(self, seconds: float) -> bool:
        """Waits for the calls that run; False if that takes longer."""
        return self._slots.wait_until_idle(seconds)

    def stop(self) -> None:
        """Ends everything at once."""
        self._catalog.close()
        self._server.stop(grace=0).wait(1)

    def leave(self) -> None:
        """Lets what has been answered reach its callers: a call has given back its place a moment before that."""
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


def serve(options: Options, signals: Signals, announce: Callable[[str], None]) -> int:
    """Serves until a signal comes, then drains: new calls are refused, those that run end within the grace. A second
    signal ends at once, and so does the end of whoever started the node.

    Args:
        announce: called with the address once calls are taken.

    Returns:
        The exit code: 0, 1 if calls were cut, or 128 + the number of the second signal.
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
        logger.warning("Whoever started the node is gone: ending.")
        return 1
    logger.info("Signal %d: draining.", signum)
    node.drain()

    def wait() -> None:
        node.wait_until_idle(grace)
        signals.put(_IDLE)

    threading.Thread(target=wait, name="drain", daemon=True).start()
    if (signum := signals.get()) != _IDLE:
        logger.warning("Ending at once.")
        return 128 + signum
    if not (cut := not node.wait_until_idle(0)):
        node.leave()
    logger.log(logging.WARNING if cut else logging.INFO, "Drained%s.", ", but calls had to be cut" if cut else "")
    return int(cut)


def bind(server: grpc.Server, listen: str) -> str:
    """Has a server listen; the address, with the port that was chosen for port 0.

    Raises:
        CannotServeError: the address is taken, or is none.
    """
    if listen.startswith("unix:"):
        return _bind_socket(server, Path(listen.removeprefix("unix:")))
    host, _, port = listen.rpartition(":")
    # What is said in meetings does not travel in the clear.
    if host not in ("127.0.0.1", "localhost", "[::1]"):
        raise CannotServeError(f"Listen on unix:/path or 127.0.0.1:port, not on {listen}: there is no TLS yet.")
    try:
        return f"{host}:{server.add_insecure_port(listen)}"
    except RuntimeError as exc:
        raise CannotServeError(f"Cannot listen on {listen}: {port} is taken, or no port.") from exc


def _bind_socket(server: grpc.Server, path: Path) -> str:
    path = path.absolute()
    if len(os.fsencode(path)) > _MAX_SOCKET_PATH_LENGTH:
        raise CannotServeError(f"{path} is too long for a socket: at most {_MAX_SOCKET_PATH_LENGTH} bytes.")
    if path.exists() and (not stat.S_ISSOCK(path.stat().st_mode) or _answers(path)):
        raise CannotServeError(f"{path} is taken: another node listens there, or it is no socket.")
    # Whoever may connect may hear everything: the user alone.
    before = os.umask(0o177)
    try:
        server.add_insecure_port(f"unix:{path}")
    except RuntimeError as exc:
        raise CannotServeError(f"Cannot listen on {path}: is there such a folder, and may we write there?") from exc
    finally:
        os.umask(before)
    return f"unix:{path}"


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(os.fspath(path)) == 0

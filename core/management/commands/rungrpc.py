"""`manage.py rungrpc`: serves gRPC."""

import logging
import queue
import signal
import sys
from argparse import SUPPRESS, ArgumentParser, BooleanOptionalAction
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import Tags
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection
from django.utils.autoreload import get_child_arguments
from django.utils.module_loading import import_string

from core.addresses import check_development_identity
from core.management.metrics_options import add_metrics_options, own_collectors, serve_metrics, serve_on
from core.management.option_types import positive, seconds
from core.observability import process
from core.rpc import supervisor
from core.rpc.server import CannotServeError, Options, Signals, address, serve
from embedded_postgres import lifecycle
from telemetry.child_metrics import ChildMetrics

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """The command `rungrpc`. Each option overrides the setting of the same meaning."""

    # The checks of URLs would import all that HTTP needs: 0.3 s.
    requires_system_checks = (Tags.models,)
    help = "Serve gRPC until SIGTERM or SIGINT; then end when the running calls have. A second signal ends it at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--host", default=settings.GRPC_HOST, help="the address to listen on (GRPC_HOST, %(default)s)")
        add("--port", type=int, default=settings.GRPC_PORT, help="0 = any free one (GRPC_PORT, %(default)s)")
        add(
            "--workers",
            type=positive,
            default=settings.GRPC_MAX_WORKERS,
            metavar="N",
            help="how many calls a process serves at once (GRPC_MAX_WORKERS, %(default)s)",
        )
        add(
            "--processes",
            type=positive,
            default=1,
            metavar="N",
            help="how many processes share the port; one for each core (%(default)s)",
        )
        add("--tls-cert", default=settings.GRPC_TLS_CERT, metavar="FILE", help="PEM, with its chain (GRPC_TLS_CERT)")
        add("--tls-key", default=settings.GRPC_TLS_KEY, metavar="FILE", help="PEM (GRPC_TLS_KEY)")
        add(
            "--client-ca",
            default=settings.GRPC_CLIENT_CA,
            metavar="FILE",
            help="clients must present a certificate of this authority, PEM (GRPC_CLIENT_CA)",
        )
        add(
            "--grace",
            type=seconds,
            default=settings.GRPC_GRACE_SECONDS,
            metavar="SECONDS",
            help="how long running calls may take to end (%(default)s)",
        )
        add(
            "--drain-wait",
            type=seconds,
            default=settings.GRPC_DRAIN_WAIT_SECONDS,
            metavar="SECONDS",
            help="how long calls are still served after health reports NOT_SERVING, so that load balancers notice "
            "(%(default)s)",
        )
        add_metrics_options(parser, settings.GRPC_METRICS_PORT)
        add(
            "--reflection",
            action=BooleanOptionalAction,
            default=settings.GRPC_REFLECTION,
            help="serve the descriptors to tools like grpcurl; by default with DEBUG=true only",
        )
        add("--reload", action="store_true", help="for development: restart when the source changes")
        # Passed by a parent to its children: its process id, and the descriptor to write to when they accept calls.
        add("--child-of", type=int, default=0, help=SUPPRESS)
        add("--ready-fd", type=int, default=None, help=SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        process.set_name(process.GRPC)
        server_options = _options(options)
        signals: Signals = queue.SimpleQueue()
        self._serving = False

        def note(number: int, frame: object) -> None:
            signals.put(number)
            if not self._serving:
                lifecycle.end_waiting()  # The main thread is still waiting for the database.

        restarting = [signal.SIGHUP] if options["processes"] > 1 and not _ends_with_terminal() else []
        for signum in (signal.SIGTERM, signal.SIGINT, *restarting):
            signal.signal(signum, note)
        try:
            check_development_identity(server_options.host)
            if options["child_of"]:
                supervisor.end_with_parent(options["child_of"], signals)
                code = self._serve(server_options, signals, options, options["ready_fd"])
            elif options["processes"] > 1 or options["reload"]:
                code = _supervise(server_options, options, signals)
            else:
                code = self._serve(server_options, signals, options)
        except (CannotServeError, ImproperlyConfigured) as exc:
            raise CommandError(str(exc)) from exc
        if code:
            sys.exit(code)

    def _serve(
        self, server_options: Options, signals: Signals, options: dict[str, Any], ready_fd: int | None = None
    ) -> int:
        def announce(port: int) -> None:
            if ready_fd is not None:
                supervisor.announce(ready_fd, metrics_port or 0)
            how = "with TLS" if server_options.tls_cert else "without TLS"
            self.stdout.write(
                f"Serving gRPC on {address(server_options.host, port)} {how}, {server_options.workers} workers."
            )
            self.stdout.flush()

        _start_embedded_database()
        metrics_port = None
        if ready_fd is None:
            serve_metrics(options, settings.GRPC_METRICS_PORT)
        else:  # The parent serves the metrics of all its children.
            metrics_port = serve_on("127.0.0.1", 0, required=True, collectors=own_collectors())
        self._serving = True
        return serve(import_string(f"{settings.ROOT_RPCCONF}.services"), server_options, signals, announce)


def _supervise(server_options: Options, options: dict[str, Any], signals: Signals) -> int:
    count: int = options["processes"]
    reserved = supervisor.reserve_port(server_options.host, server_options.port) if count > 1 else None
    port = reserved.getsockname()[1] if reserved else server_options.port
    # If an option is given twice, the last one counts.
    commands = [[*get_child_arguments(), f"--port={port}"] for _ in range(count)]
    children: list[supervisor.Child] = []
    serve_metrics(
        options,
        settings.GRPC_METRICS_PORT,
        collectors=(ChildMetrics(lambda: supervisor.metrics_ports(children)),),
    )
    return supervisor.supervise(
        children,
        commands,
        signals,
        drain_seconds=server_options.grace + server_options.drain_wait,
        reload=_source_folders() if options["reload"] else (),
    )


def _options(options: dict[str, Any]) -> Options:
    return Options(**{name: options[name] for name in Options.__slots__})


def _ends_with_terminal() -> bool:
    """Return whether SIGHUP has another meaning: the end of the terminal, or nothing, as `nohup` sets it."""
    return signal.getsignal(signal.SIGHUP) is signal.SIG_IGN or (sys.stdin is not None and sys.stdin.isatty())


def _start_embedded_database() -> None:
    """Start the embedded database, if it is configured, before grpcio starts threads, which must not be forked."""
    if connection.settings_dict.get("EMBEDDED"):
        try:
            connection.ensure_connection()
        except OperationalError as exc:
            # Calls that need the database fail with UNAVAILABLE until it can be started.
            logger.error("The embedded database cannot be started: %s", exc)
        connection.close()


def _source_folders() -> list[Path]:
    return [folder for folder in Path(settings.BASE_DIR).iterdir() if (folder / "__init__.py").is_file()]

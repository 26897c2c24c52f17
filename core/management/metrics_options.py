"""Options of the commands that run a process: where it serves its metrics."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils.module_loading import autodiscover_modules
from prometheus_client import REGISTRY, Info
from prometheus_client.registry import Collector

from core.observability import process
from core.observability.database_metrics import DatabaseCollector
from telemetry import metrics_address

_build = Info("tandem_build", "The version of the process, and its kind.")


def add_metrics_options(parser: ArgumentParser, default_port: int) -> None:
    """Add `--metrics-host` and `--metrics-port`."""
    parser.add_argument(
        "--metrics-host",
        default=settings.METRICS_HOST,
        metavar="HOST",
        help="the address on which metrics are served (METRICS_HOST, %(default)s)",
    )
    parser.add_argument(
        "--metrics-port",
        type=int,
        default=None,
        metavar="PORT",
        help=f"serve Prometheus' metrics on this port; 0 = do not ({default_port}, if it is free)",
    )


def serve_metrics(options: Mapping[str, Any], default_port: int, *, collectors: tuple[Collector, ...] = ()) -> None:
    """Serve the metrics of this process, or of `collectors`, at the address of the options.

    Raises:
        CommandError: the address of the options cannot be used.
    """
    port = options["metrics_port"]
    if (default_port if port is None else port) == 0:
        return
    serve_on(
        options["metrics_host"],
        default_port if port is None else port,
        required=port is not None,
        collectors=collectors or own_collectors(),
    )


def serve_on(host: str, port: int, *, required: bool, collectors: tuple[Collector, ...]) -> int | None:
    """Serve metrics and return the port; see `telemetry.metrics_address.serve`.

    Raises:
        CommandError: the address cannot be used, and metrics are required.
    """
    try:
        return metrics_address.serve(host, port, required=required, collectors=collectors)
    except metrics_address.MetricsAddressError as exc:
        raise CommandError(str(exc)) from exc


def own_collectors() -> tuple[Collector, ...]:
    """Return the collectors of this process: what it counts, and what it reads in the database."""
    # So that counters are 0, not absent, before their first event.
    autodiscover_modules("metrics")
    _build.info({"version": settings.VERSION, "service": process.name()})
    return REGISTRY, DatabaseCollector()

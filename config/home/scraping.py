"""The metrics of the processes of this machine, read at the addresses where they serve them to Prometheus."""

import re
import urllib.request
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from django.conf import settings

from core.observability import process

_TIMEOUT_SECONDS = 1.5
_MAX_BYTES = 8 * 1024 * 1024
#: The metrics that the home page shows. Others are not parsed.
_WANTED = (
    "http_server_requests_total", "http_server_request_seconds_bucket", "grpc_server_handled_total",
    "grpc_server_handling_seconds_bucket", "tandem_open_streams", "tandem_build_info", "tandem_sequencer_leader",
    "process_start_time_seconds", "process_resident_memory_bytes", "process_cpu_seconds_total", "speechnode_streams",
    "speechnode_free_streams",
)  # fmt: skip
_LINE = re.compile(rf"^({'|'.join(_WANTED)})(?:{{(.*)}})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Sample(NamedTuple):
    """One value of a metric."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Scraped:
    """The report of one process.

    Attributes:
        service: the name of the process, as in its log lines.
        address: where it was asked.
        samples: None = nothing answered.
    """

    service: str
    address: str
    samples: tuple[Sample, ...] | None

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of a metric over its labels, and over the child processes."""
        return sum(one.value for one in self.of(name) if labels.items() <= one.labels.items())

    def of(self, name: str) -> Iterable[Sample]:
        return (one for one in self.samples or () if one.name == name)


def scrape() -> list[Scraped]:
    """Ask all processes of this machine at once."""
    ports = {
        process.WEB: settings.WEB_METRICS_PORT,
        process.GRPC: settings.GRPC_METRICS_PORT,
        process.WORKER: settings.WORKER_METRICS_PORT,
        process.NODE: settings.NODE_METRICS_PORT,
    }
    with ThreadPoolExecutor(len(ports)) as pool:
        return list(pool.map(_scrape_one, ports, map(_address, ports.values())))


def parse(text: str) -> tuple[Sample, ...]:
    """Return the samples of the metrics that the home page shows."""
    return tuple(
        Sample(name, dict(_LABEL.findall(labels)) if labels else {}, float(value))
        for name, labels, value in _LINE.findall(text)
    )


def _scrape_one(service: str, address: str) -> Scraped:
    try:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=_TIMEOUT_SECONDS) as answer:
            return Scraped(service, address, parse(answer.read(_MAX_BYTES).decode()))
    except (OSError, ValueError):
        return Scraped(service, address, None)


def _address(port: int) -> str:
    # A process that listens on all addresses also answers on this one.
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.METRICS_HOST, settings.METRICS_HOST)  # noqa: S104
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"

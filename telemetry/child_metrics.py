"""Metrics of several processes at one address: the parent collects those of its children.

Each sample gets the label `process`, so that a child that is restarted resets its own counters only. Files that the
processes share (prometheus_client's multiprocess mode) would keep the gauges of children that have ended.
"""

import logging
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from urllib.error import URLError

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 3.0


class ChildMetrics(Collector):
    """Collects the metrics of child processes.

    Args:
        ports: returns the ports of the children's metrics on this machine, by name; None where a child has none yet.
    """

    def __init__(self, ports: Callable[[], Mapping[str, int | None]]) -> None:
        self._ports = ports

    def collect(self) -> Iterable[Metric]:
        """Return the children's families, each once, and which children answered."""
        answered = GaugeMetricFamily(
            "tandem_process_up", "Whether a child process answers its parent's request for metrics.", labels=["process"]
        )
        families: dict[str, Metric] = {}
        for name, port in self._ports().items():
            text = _text(port) if port else None
            answered.add_metric([name], text is not None)
            for family in text_string_to_metric_families(text or ""):
                if not family.name.endswith(
                    "_created"
                ):  # Times of creation, as gauges: OpenMetrics has them otherwise.
                    _add(families, family, name)
        return [answered, *families.values()]


def _add(families: dict[str, Metric], family: Metric, process: str) -> None:
    merged = families.get(family.name)
    if merged is None:
        merged = families[family.name] = Metric(family.name, family.documentation, family.type)
    for sample in family.samples:
        merged.add_sample(sample.name, {**sample.labels, "process": process}, sample.value)


def _text(port: int) -> str | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=_TIMEOUT_SECONDS) as answer:
            return str(answer.read().decode())
    except (URLError, OSError, ValueError) as exc:
        logger.warning("A child process does not answer with its metrics: %s", exc)
        return None

"""The address on which a process serves its own metrics to Prometheus, apart from the ports that clients call."""

import logging

from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)

#: The ports of the processes of one machine.
WEB_PORT, GRPC_PORT, WORKER_PORT, NODE_PORT = 9481, 9482, 9483, 9484


class MetricsAddressError(Exception):
    """The metrics cannot be served; the message is a sentence with the reason."""


def serve(host: str, port: int, *, required: bool, collectors: tuple[Collector, ...] = (REGISTRY,)) -> int | None:
    """Serve the collectors' metrics at `/metrics`, from threads of their own, until the process ends.

    Args:
        port: 0 = any free one.
        required: whether the process must not run without its metrics. Otherwise a second process of the same machine,
            whose port is taken, logs a warning and runs.

    Returns:
        The port; None if it is taken, and metrics are not required.

    Raises:
        MetricsAddressError: the address cannot be used, and metrics are required.
    """
    try:
        server, _ = start_http_server(port, addr=host, registry=_joined(collectors))
    except OSError as exc:
        reason = f"The metrics cannot be served on {_address(host, port)}: {exc.strerror or exc}."
        if required:
            raise MetricsAddressError(reason) from exc
        logger.warning("%s Choose another port with --metrics-port.", reason)
        return None
    return int(server.server_port)


def _joined(collectors: tuple[Collector, ...]) -> CollectorRegistry:
    joined = CollectorRegistry(auto_describe=False)
    for collector in collectors:
        joined.register(collector)
    return joined


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

"""Monitoring: where each process serves its metrics, and whether it sends traces."""

from config.settings.base import DEBUG, env
from telemetry import metrics_address, tracing

#: The address on which each process serves its metrics, apart from the ports that clients call, and the ports
#: (`--metrics-port` of each command; 0 = off). Metrics name no people, but show an attacker what works.
METRICS_HOST = env.listening_host("METRICS_HOST", default="127.0.0.1")
WEB_METRICS_PORT = metrics_address.WEB_PORT
GRPC_METRICS_PORT = metrics_address.GRPC_PORT
WORKER_METRICS_PORT = metrics_address.WORKER_PORT
#: Of the speech node that a worker starts.
NODE_METRICS_PORT = metrics_address.NODE_PORT
#: Whether the HTTP port serves `/metrics` as well, to every caller.
METRICS_ON_HTTP_PORT = DEBUG

#: Whether calls and jobs have trace spans, which the standard variables OTEL_* configure.
TRACING = tracing.is_configured()

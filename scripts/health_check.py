#!/usr/bin/env python3
"""Check the health of Tandem: exit code 0, or 1 with the reason on stderr.

Checks the named addresses over HTTP, gRPC or both; by default, both transports of a development server.
"""

import argparse
import http.client
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

DEFAULT_HTTP = "http://127.0.0.1:8000/health/ready"
DEFAULT_GRPC = "127.0.0.1:50051"

# The probe connects directly, not through a proxy that the environment may name.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
_NO_PROXY = (("grpc.enable_http_proxy", 0),)


def http_fault(url: str, timeout: float) -> str | None:
    """Return a message if the URL does not answer 200; None if it does."""
    if not url.startswith(("http://", "https://")):
        return f"{url} is not an HTTP URL; write it as {DEFAULT_HTTP}."
    try:
        with _open(url, timeout=timeout) as answer:
            return None if answer.status == 200 else f"{url} answers {answer.status}."
    except urllib.error.HTTPError as error:
        with error:
            body = " ".join(error.read(500).decode(errors="replace").split())
        return f"{url} answers {error.code}: {body}"
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: invalid URL.
        return f"{url} does not answer: {getattr(error, 'reason', error)}."


def grpc_fault(address: str, service: str, timeout: float) -> str | None:
    """Return a message if the service (empty = the whole server) is not SERVING; None if it is."""
    target = f"{address} {service}".rstrip()
    with grpc.insecure_channel(address, options=_NO_PROXY) as channel:
        try:
            answer = HealthStub(channel).Check(HealthCheckRequest(service=service), timeout=timeout)
        except grpc.RpcError as error:
            return f"{target} does not answer: {error.code().name}, {error.details()}."
    if answer.status == HealthCheckResponse.SERVING:
        return None
    return f"{target} is {HealthCheckResponse.ServingStatus.Name(answer.status)}."


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--http", metavar="URL", help=f"must answer 200, for example {DEFAULT_HTTP}")
    parser.add_argument("--grpc", metavar="HOST:PORT", help=f"must be SERVING, for example {DEFAULT_GRPC}")
    parser.add_argument("--service", default="", help="the gRPC service to ask for (default: the whole server)")
    parser.add_argument("--timeout", type=float, default=3, help="seconds for each check (default: %(default)s)")
    parsed = parser.parse_args(arguments)
    if parsed.http is None and parsed.grpc is None:
        parsed.http, parsed.grpc = DEFAULT_HTTP, DEFAULT_GRPC
    return parsed


def main() -> int:
    """Run the checks. Returns the exit code."""
    arguments = parse()
    faults = []
    if arguments.http:
        faults.append(http_fault(arguments.http, arguments.timeout))
    if arguments.grpc:
        faults.append(grpc_fault(arguments.grpc, arguments.service, arguments.timeout))
    messages = [fault for fault in faults if fault]
    if messages:
        print(" ".join(messages), file=sys.stderr)
    return 1 if messages else 0


if __name__ == "__main__":
    sys.exit(main())

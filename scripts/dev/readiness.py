"""Readiness checks of the servers."""

import asyncio
import http.client
import ssl
from collections.abc import Callable
from pathlib import Path

from scripts.dev.children import Child
from scripts.dev.options import Options, StartError

PATIENCE_SECONDS = 60


async def until_ready(child: Child, probe: Callable[[], bool]) -> None:
    """Wait until the probe succeeds.

    Raises:
        StartError: the process ended first, or the probe did not succeed within a minute.
    """
    pause = 0.05
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await asyncio.to_thread(probe):
                if child.exit_code is not None:
                    raise StartError(f"{child.name} ended (exit code {child.exit_code}); see its output above.")
                await asyncio.sleep(pause)
                pause = min(1.5 * pause, 1)  # A server that is not ready logs each failed probe.
    except TimeoutError:
        raise StartError(f"{child.name} was not ready within {PATIENCE_SECONDS} s.") from None


def http_probe(options: Options) -> Callable[[], bool]:
    """Return a probe that requests /health/ready."""

    def answers() -> bool:
        connection = http.client.HTTPConnection(options.reachable_host, options.http_port, timeout=1)
        try:
            connection.request("GET", "/health/ready", headers={"Host": "localhost"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return answers


def grpc_probe(options: Options) -> Callable[[], bool]:
    """Return a probe that asks the gRPC health service for the status of the whole server."""

    def answers() -> bool:
        # Imported here, so that the import runs while the servers start.
        import grpc
        from grpc_health.v1 import health_pb2, health_pb2_grpc

        with grpc.insecure_channel(options.grpc_address, options=[("grpc.enable_http_proxy", 0)]) as channel:
            try:
                health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=1)
            except grpc.RpcError:
                return False
        return bool(health.status == health_pb2.HealthCheckResponse.SERVING)

    return answers


def gateway_probe(port: int, authority: Path) -> Callable[[], bool]:
    """Return a probe that requests /health/ready through the proxy on this port."""

    def answers() -> bool:
        if not authority.exists():
            return False
        context = ssl.create_default_context(cafile=authority)
        connection = http.client.HTTPSConnection("localhost", port, timeout=1, context=context)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return answers

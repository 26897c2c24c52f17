"""Fixtures of the tests of gRPC's transport."""

import gc
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from core.rpc.server import Options, Server
from core.rpc.servicers import Service
from tests.support.example_service import PATIENCE, ExampleHandlers, Serve, Served
from tests.support.streaming_service import StreamingService


@pytest.fixture
def handlers() -> Iterator[ExampleHandlers]:
    made = ExampleHandlers()
    yield made
    made.release.set()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server with the given services on a free port."""
    running: list[Served] = []

    def start(*services: Service, workers: int = 2, reflection: bool = False, channel_options: Any = None) -> Served:
        options = Options(host="127.0.0.1", port=0, workers=workers, grace=1, drain_wait=0, reflection=reflection)
        server = Server(services, options)
        server.start()
        served = Served(server, grpc.insecure_channel(f"127.0.0.1:{server.port}", channel_options))
        running.append(served)
        return served

    yield start
    for served in running:
        served.channel.close()
        served.server.stop(0).wait(PATIENCE)
        served.server.close()


@pytest.fixture
def streaming() -> Iterator[StreamingService]:
    made = StreamingService()
    yield made
    made.pool.end(within=PATIENCE)


@pytest.fixture
def without_garbage_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()

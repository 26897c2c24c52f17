"""More calls than both servers can serve: some are served, the others are refused for now, and health answers."""

import threading
import urllib.request
from collections.abc import Callable

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from access.models import Session
from access.tokens import access_token
from bench import overload_calls
from tests.support.factories import AdministratorFactory
from tests.support.servers import Servers, answers_http, until
from tests.support.shared_servers import db as db
from tests.support.shared_servers import emptied_database as emptied_database
from tests.support.shared_servers import shared_servers as shared_servers

pytestmark = [
    pytest.mark.faults,
    pytest.mark.parametrize("shared_servers", [{"HTTP_THREADS": "2", "GRPC_MAX_WORKERS": "2"}], indirect=True),
]

CALLERS, AT_ONCE, SECONDS = 40, 120, 4
MORE_MEMORY = 1.3


def check_health(servers: Servers) -> None:
    urllib.request.urlopen(f"{servers.http_url}/health", timeout=30).close()
    with grpc.insecure_channel(servers.grpc_address) as channel:
        health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=30)


@pytest.mark.parametrize("transport", ["gRPC", "REST"])
def test_what_cannot_be_served_is_refused(
    shared_servers: Servers, db: None, transport: str, report: Callable[[str], None]
) -> None:
    servers = shared_servers
    bearers = [f"Bearer {access_token(Session.objects.create(user=AdministratorFactory()))}" for _ in range(CALLERS)]
    address = servers.grpc_address if transport == "gRPC" else servers.http_url
    plan = overload_calls.Plan(transport, address, bearers, page_size=20)
    process = psutil.Process(servers.processes[transport == "gRPC"].pid)
    overload_calls.run(plan, 1, rate=0, at_once=2)
    memory = process.memory_info().rss
    outcomes: list[overload_calls.Outcome] = []
    load = threading.Thread(target=lambda: outcomes.append(overload_calls.run(plan, SECONDS, 0, AT_ONCE)))
    load.start()
    checks = 0
    while load.is_alive():
        check_health(servers)
        checks += 1
    load.join()
    (outcome,) = outcomes
    report(f"{transport}: {len(outcome.admitted_ms)} served, {len(outcome.refused_ms)} refused, {checks} checks")
    assert not outcome.failed
    assert len(outcome.admitted_ms) > 2
    assert len(outcome.refused_ms) > AT_ONCE
    assert answers_http(f"{servers.http_url}/health/ready")
    # As many as there are threads are served again, without a refusal.
    until(lambda: not overload_calls.run(plan, 0.2, rate=0, at_once=2).refused_ms, "calls are served again")
    assert process.memory_info().rss < MORE_MEMORY * memory

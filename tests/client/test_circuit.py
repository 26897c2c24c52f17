"""The circuit opens when no server answers, and closes after one successful call."""

import signal
import threading
import time

import pytest
from google.protobuf.empty_pb2 import Empty

from tandem.client import Circuit, CircuitState, Client, NotFound, Unauthenticated, Unavailable
from tandem.user.v1.user_pb2 import GetUserRequest
from tests.client.conftest import NewClient
from tests.support.client_server import Server, reaches
from tests.support.servers import until

pytestmark = [pytest.mark.real_server, pytest.mark.django_db]


def test_circuit_opens_without_the_server_and_closes_when_it_returns(server: Server, new_client: NewClient) -> None:
    states: list[CircuitState] = []
    circuit = Circuit(failures=3, open_seconds=0.3, on_change=states.append)
    with new_client(server.address, circuit=circuit) as client:
        client.users.HealthCheck(Empty())
        server.end(signal.SIGKILL)
        for _ in range(3):
            assert circuit.state is CircuitState.CLOSED
            with pytest.raises(Unavailable):
                client.users.HealthCheck(Empty())
        assert circuit.state is CircuitState.OPEN

        begun = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            client.users.HealthCheck(Empty())
        assert time.monotonic() - begun < 0.05, "it fails at once"
        assert 0 < (caught.value.retry_after or 0) <= 0.3

        until(lambda: time.monotonic() > begun + 0.3, "a call may try")
        with pytest.raises(Unavailable):
            client.users.HealthCheck(Empty())
        assert states == [CircuitState.OPEN, CircuitState.HALF_OPEN, CircuitState.OPEN]

        server.start()
        until(lambda: reaches(client), "a call has found the server")
        assert states[-2:] == [CircuitState.HALF_OPEN, CircuitState.CLOSED]


def test_a_refusal_is_not_a_failure_of_the_connection(client: Client) -> None:
    for _ in range(6):
        with pytest.raises(NotFound):
            client.users.GetUser(GetUserRequest(user_id="00000000-0000-7000-8000-000000000000"))
    assert client.circuit.state is CircuitState.CLOSED


def test_login_without_server_counts_as_failure(server: Server, new_client: NewClient) -> None:
    circuit = Circuit(failures=2, open_seconds=60)
    with new_client("127.0.0.1:1", email="ann@example.com", password="secret", circuit=circuit) as client:
        for _ in range(2):
            with pytest.raises(Unavailable):
                client.users.GetUser(GetUserRequest())
        assert circuit.state is CircuitState.OPEN


def test_while_it_is_half_open_one_call_tries_and_the_others_fail_at_once() -> None:
    circuit = Circuit(failures=1, open_seconds=0.05)
    circuit.failed()
    until(lambda: passes(circuit), "one may try")
    assert circuit.state is CircuitState.HALF_OPEN
    assert not passes(circuit)
    # The call that tries never ends.
    until(lambda: passes(circuit), "another may try")
    circuit.succeeded()
    assert passes(circuit)
    assert passes(circuit)


def passes(circuit: Circuit) -> bool:
    try:
        circuit.check()
    except Unavailable:
        return False
    return True


def test_a_success_in_between_starts_the_count_anew() -> None:
    circuit = Circuit(failures=2)
    circuit.failed()
    circuit.succeeded()
    circuit.failed()
    assert circuit.state is CircuitState.CLOSED


def test_callback_may_query_the_circuit() -> None:
    seen: list[bool] = []
    circuit = Circuit(failures=1, open_seconds=60, on_change=lambda state: seen.append(passes(circuit)))
    thread = threading.Thread(target=circuit.failed, daemon=True)
    thread.start()
    thread.join(5)
    assert seen == [False]


def test_a_refused_token_is_not_a_failure_either(server: Server, new_client: NewClient) -> None:
    circuit = Circuit(failures=1)
    with new_client(server.address, token="forged", circuit=circuit) as client, pytest.raises(Unauthenticated):
        client.users.GetUser(GetUserRequest())
    assert circuit.state is CircuitState.CLOSED

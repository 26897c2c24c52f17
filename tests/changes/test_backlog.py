"""Changes without numbers: health, a metric and the log report them, for each reason of the delay."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from django.db import connection, transaction
from google.protobuf.empty_pb2 import Empty

from changes.feed import numbering
from changes.feed.backlog import MAX_AGE_SECONDS, backlog
from changes.feed.hub import Hub
from changes.feed.numbering import LEADER_LOCK_ID
from changes.feed.tailer import Tailer
from changes.models import Change
from tandem.common.v1.common_pb2 import HEALTH_STATUS_HEALTHY, HEALTH_STATUS_UNHEALTHY
from tandem.user.v1.user_pb2_grpc import UserServiceStub
from tests.support.factories import TaskFactory
from tests.support.servers import Servers, until

pytestmark = pytest.mark.real_server


@contextmanager
def office_taken() -> Iterator[None]:
    """Take the lock of the leader's session in another session, and end the leader's."""
    other = connection.copy()
    other.inc_thread_sharing()
    waiting = threading.Thread(target=execute, args=(other, "SELECT pg_advisory_lock(%s)", LEADER_LOCK_ID))
    try:
        pid = execute(other, "SELECT pg_backend_pid()")
        waiting.start()
        until(lambda: execute(connection, "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = %s", pid) == 1,
              "the other session waits for the lock")  # fmt: skip
        execute(
            connection,
            "SELECT count(pg_terminate_backend(pid)) FROM pg_locks"
            " WHERE locktype = 'advisory' AND objid = %s AND granted",
            LEADER_LOCK_ID,
        )
        waiting.join(20)
        yield
    finally:
        other.close()


def execute(session: Any, statement: str, *values: Any) -> Any:
    with session.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()[0]


def readiness(servers: Servers) -> tuple[int, dict[str, str]]:
    try:
        with urllib.request.urlopen(f"{servers.http_url}/health/ready", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as exc:
        return exc.code, json.load(exc)


def age(servers: Servers) -> float:
    with urllib.request.urlopen(f"{servers.http_url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("tandem_changes_unnumbered_age_seconds "))


def test_unnumbered_changes_are_reported_until_they_are_numbered(servers: Servers) -> None:
    assert readiness(servers) == (200, {"status": "ready"})
    until(lambda: age(servers) == 0, "no change waits")
    with grpc.insecure_channel(servers.grpc_address) as channel:
        stub = UserServiceStub(channel)
        with office_taken():
            TaskFactory()
            until(
                lambda: readiness(servers) == (503, {"status": "not ready", "reason": "not working: feed"}),
                "it is seen",
            )
            assert age(servers) > MAX_AGE_SECONDS
            until(lambda: stub.HealthCheck(Empty()).components["feed"] == HEALTH_STATUS_UNHEALTHY, "gRPC sees it, too")
            with pytest.raises(urllib.error.HTTPError) as unhealthy:
                urllib.request.urlopen(f"{servers.http_url}/health", timeout=10)
            assert unhealthy.value.code == 503
        until(lambda: readiness(servers)[0] == 200, "it is over")
        until(lambda: stub.HealthCheck(Empty()).components["feed"] == HEALTH_STATUS_HEALTHY, "gRPC sees it, too")
    until(lambda: age(servers) == 0, "no change waits")
    assert not Change.objects.filter(seq=None).exists()


def test_the_log_has_when_they_wait_and_when_no_more(transactional_db: None, caplog: pytest.LogCaptureFixture) -> None:
    numbering.begin()
    tailer = Tailer(Hub())
    tailer.start()
    try:
        TaskFactory()
        until(
            lambda: "Changes have been waiting for their sequence numbers for 5 seconds" in caplog.text, "it is logged"
        )
        numbering.number()
        until(lambda: "Changes get their sequence numbers again." in caplog.text, "the end is logged")
        assert caplog.text.count("WARNING") == 2
    finally:
        tailer.stop()
        backlog.forget()


def test_changes_of_a_long_transaction_are_not_reported(servers: Servers) -> None:
    """They are old when they are committed, and get their numbers at once."""
    with transaction.atomic():
        TaskFactory()
        threading.Event().wait(MAX_AGE_SECONDS + 1.5)
        assert (readiness(servers)[0], age(servers)) == (200, 0)
    for _ in range(20):
        assert readiness(servers)[0] == 200
        assert age(servers) < MAX_AGE_SECONDS

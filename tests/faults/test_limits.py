"""Limits on calls while Redis, where the processes count together, dies, hangs and comes back."""

import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable

import grpc
import pytest

from tandem.user.v1.user_pb2 import GetUserRequest
from tandem.user.v1.user_pb2_grpc import UserServiceStub
from tests.support.redis_server import TOOLS, RedisServer
from tests.support.servers import Servers, answers_http, database_url, running, until
from tests.support.shared_servers import db as db
from tests.support.shared_servers import emptied_database as emptied_database
from tests.support.shared_servers import load_demo

pytestmark = [pytest.mark.faults, pytest.mark.tools(*TOOLS)]

LIMIT = 300
ADMITTED, REFUSED = ("200", "OK"), ("429", "RESOURCE_EXHAUSTED")


class Load:
    """Callers of one user over both transports, without a pause."""

    def __init__(self, servers: Servers) -> None:
        self.outcomes: Counter[str] = Counter()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._url = f"{servers.http_url}/api/v1/users/me"
        self._channel = grpc.insecure_channel(servers.grpc_address)
        calls = (self._over_http, self._over_http, self._over_grpc, self._over_grpc)
        self._threads = [threading.Thread(target=self._run, args=(call,)) for call in calls]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._channel.close()

    @property
    def admitted(self) -> int:
        return sum(self.outcomes[one] for one in ADMITTED)

    @property
    def refused(self) -> int:
        return sum(self.outcomes[one] for one in REFUSED)

    def go_on(self, calls: int = 100) -> None:
        """Wait for further calls, whose outcome may be any."""
        total = self.outcomes.total()
        until(lambda: self.outcomes.total() >= total + calls, "calls are answered")

    def _run(self, call: Callable[[], str]) -> None:
        while not self._stop.is_set():
            outcome = call()
            with self._lock:
                self.outcomes[outcome] += 1

    def _over_http(self) -> str:
        try:
            with urllib.request.urlopen(self._url, timeout=30) as response:
                return str(response.status)
        except urllib.error.HTTPError as exc:
            return str(exc.code)
        except OSError as exc:
            return repr(exc)

    def _over_grpc(self) -> str:
        try:
            UserServiceStub(self._channel).GetUser(GetUserRequest(user_id="me"), timeout=30)
        except grpc.RpcError as exc:
            return str(exc.code().name)
        return "OK"


def test_redis_dies_hangs_and_comes_back(emptied_database: None, db: None, report: Callable[[str], None]) -> None:
    load_demo()
    with (
        RedisServer() as redis,
        running(DATABASE_URL=database_url(), RATE_LIMITS=f"0,0,{LIMIT}", REDIS_URL=redis.url) as servers,
        Load(servers) as load,
    ):
        began = time.monotonic()
        until(lambda: load.refused > 50, "the budget is spent")
        assert load.admitted == LIMIT
        redis.kill()
        until(lambda: load.admitted > LIMIT, "a process decides alone, by what it has admitted itself")
        redis.start()
        load.go_on()
        with redis.suspended():
            load.go_on()
        load.go_on()
        redis.kill()
        load.go_on()
        assert answers_http(f"{servers.http_url}/health/ready")
        # Neither process has admitted more than the limit by itself, also when Redis had lost its count.
        assert load.admitted <= 2 * LIMIT or time.monotonic() - began > 55
    report(f"{load.admitted} admitted, {load.refused} refused")
    assert set(load.outcomes) <= {*ADMITTED, *REFUSED}

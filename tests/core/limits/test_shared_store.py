"""One budget for the processes of several machines, counted by a real Redis."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core.limits import limiter as limiters
from core.limits.budgets import Budget
from core.limits.limiter import Limiter
from core.limits.shared import SharedStore
from tests.support.redis_server import TOOLS, RedisServer
from tests.support.servers import ROOT, until

pytestmark = pytest.mark.tools(*TOOLS)

PROCESSES, THREADS = 4, 16


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def load(server: RedisServer, limit: int, window: int, seconds: float) -> list[tuple[float, float]]:
    """Return when each admitted call began and ended: of 64 threads that call as fast as they can."""
    command = [sys.executable, "-m", "tests.support.limit_load", server.url]
    processes = [
        subprocess.Popen(
            [*command, *map(str, (limit, window, seconds, THREADS, skew))],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for skew in (-2, -1, 1, 2)
    ]  # fmt: skip
    assert len(processes) == PROCESSES
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("begin\n")
        process.stdin.flush()
    return sorted(tuple(call) for process in processes for call in json.loads(process.communicate()[0]))


@pytest.mark.parametrize("limit", [100, 6000])
def test_processes_get_the_limit_exactly(redis_server: RedisServer, limit: int) -> None:
    # Of the higher limit, processes take units ahead.
    redis_of(redis_server).flushall()
    assert len(load(redis_server, limit, 60, 3)) == limit


def test_no_window_holds_more_than_the_limit(redis_server: RedisServer) -> None:
    redis_of(redis_server).flushall()
    admitted = load(redis_server, 400, 2, 7)
    # Calls that began and ended within two seconds were decided within these.
    for began, _ in admitted:
        assert sum(began <= first and last < began + 2 for first, last in admitted) <= 400
    assert len(admitted) >= 2 * 400


def test_process_counts_alone_while_the_store_is_away(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiters, "AWAY_SECONDS", 0.05)
    budget = Budget("test", 100)
    with RedisServer() as server:
        first, second = Limiter(SharedStore(server.url)), Limiter(SharedStore(server.url))
        for _ in range(10):
            assert first.take("caller", 1, budget).admitted
        assert second.take("caller", 80, budget).remaining == 10
        assert not first.take("caller", 11, budget).admitted
        server.kill()
        # Each has a count of its own, from before.
        assert first.take("caller", 1, budget).remaining == 89
        assert second.take("caller", 1, budget).remaining == 19
        assert not second.take("caller", 20, budget).admitted
        server.start()
        until(lambda: first.take("caller", 0, budget).remaining == 100, "the store counts again, from nothing")
        # The own count still refuses what it knows to be too much.
        assert not second.take("caller", 20, budget).admitted
    assert [record.message for record in caplog.records if "store of limits" in record.message][:1] == [
        "The store of limits is away (ConnectionError): each process counts alone."
    ]


def test_one_thread_asks_whether_the_store_answers_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiters, "AWAY_SECONDS", 1.0)
    budget = Budget("test", 100)
    with RedisServer() as server:
        limiter = Limiter(SharedStore(server.url))
        limiter.take("caller", 1, budget)
        with server.suspended(), ThreadPoolExecutor(THREADS) as threads:
            limiter.take("caller", 1, budget)
            before = limiters.store_errors.collect()[0].samples[0].value
            time.sleep(1.0)  # Then it is asked again.
            list(threads.map(lambda _: limiter.take("caller", 1, budget), range(THREADS)))
            # Two threads may see the moment at once.
            assert 1 <= limiters.store_errors.collect()[0].samples[0].value - before <= 3


def test_clock_of_the_store_that_was_ahead_locks_nobody_out(redis_server: RedisServer) -> None:
    client = redis_of(redis_server)
    client.hset("tandem:limit:ahead", mapping={str(int(client.time()[0]) + 600): 100})
    assert SharedStore(redis_server.url).take("ahead", 1, Budget("test", 100)).remaining == 99


def test_units_taken_ahead_and_not_used_are_returned(redis_server: RedisServer) -> None:
    store, other, budget = SharedStore(redis_server.url), SharedStore(redis_server.url), Budget("test", 2000)
    store.take("returns", 1, budget)
    # A process that is called again at once holds a two-hundredth of the limit ahead, each time for a second.
    for cost in (1, 100, 1700):
        assert store.take("returns", cost, budget).admitted
    assert other.take("returns", 180, budget).admitted


def redis_of(server: RedisServer) -> Any:
    import redis

    return redis.Redis.from_url(server.url)

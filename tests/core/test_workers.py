"""Shares and turns: what one caller can take of something that all use."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any

import pytest

from core.concurrency.pacing import Pace
from core.concurrency.presence import PRESENCE
from core.concurrency.shedding import MAX_CALLS_IN_OVERLOAD, MAX_WAITING_IN_BURST
from core.concurrency.slots import Slots
from core.concurrency.statements import WAITING_THREADS
from core.concurrency.thread_pool import ThreadPool
from core.concurrency.turns import Turns
from core.errors import RateLimited
from tests.support.servers import until

PATIENCE = 10


class Busy:
    """Work that runs until it is released, and records which part has begun."""

    def __init__(self) -> None:
        self.begun: SimpleQueue[str] = SimpleQueue()
        self._over = threading.Semaphore(0)

    def work(self, name: str) -> Callable[[], None]:
        def run() -> None:
            self.begun.put(name)
            assert self._over.acquire(timeout=PATIENCE)

        return run

    def end_one(self) -> None:
        self._over.release()

    def next(self) -> str:
        return self.begun.get(timeout=PATIENCE)


@pytest.fixture
def start() -> Iterator[Callable[..., ThreadPool]]:
    started: list[ThreadPool] = []

    def make(*args: Any, **options: Any) -> ThreadPool:
        started.append(ThreadPool("tested", *args, **options))
        return started[-1]

    yield make
    for pool in started:
        pool.end(within=PATIENCE)
    assert not any(thread.name == "tested" for thread in threading.enumerate())


@pytest.fixture
def busy() -> Iterator[Busy]:
    made = Busy()
    yield made
    for _ in range(200):
        made.end_one()


def fill(pool: ThreadPool, calls: int, work: Callable[[], None]) -> None:
    """Start calls of as many callers, without a look at the pool's room."""
    for number in range(calls):
        pool.run(work, f"caller {number}")


def test_a_burst_may_wait(start: Callable[..., ThreadPool], busy: Busy) -> None:
    """However long it takes: nothing begins for a while, as without the database."""
    pool = start(2, sheds=True)
    fill(pool, 2 + MAX_WAITING_IN_BURST, busy.work("call"))
    assert pool.has_room("another"), "nothing has waited for long yet"
    until(lambda: not pool.has_room("another"))
    busy.end_one()
    assert [busy.next() for _ in range(3)] == ["call"] * 3
    assert pool.has_room("another"), "one fewer waits"
    pool.run(busy.work("another"), "another")
    assert not pool.has_room("a third")


def test_few_calls_wait_in_an_overload(start: Callable[..., ThreadPool]) -> None:
    pool = start(2, sheds=True)
    fill(pool, 100, partial(time.sleep, 0.05))
    until(lambda: not pool.has_room("another"))
    until(lambda: pool.figures()[3] <= MAX_WAITING_IN_BURST)
    assert not pool.has_room("another"), "calls have waited for longer than a burst lasts"
    refused = pool.figures()[-1]
    until(lambda: pool.has_room("another"))
    assert pool.figures()[-1] > refused
    assert pool.figures()[3] < MAX_CALLS_IN_OVERLOAD
    until(lambda: pool.figures()[2:4] == (0, 0))
    assert pool.has_room("another")


@pytest.mark.parametrize(("waits_for_database", "at_work"), [(False, range(2, 5)), (True, range(6, 9))])
def test_few_calls_compute_at_once_while_others_wait(
    start: Callable[..., ThreadPool], waits_for_database: bool, at_work: range
) -> None:
    pool = start(8, sheds=True)

    def work() -> None:
        if waits_for_database:
            WAITING_THREADS[threading.get_ident()] = time.monotonic()
        time.sleep(0.1 if waits_for_database else 0.04)
        WAITING_THREADS.pop(threading.get_ident(), None)

    fill(pool, 200, work)
    until(lambda: pool.figures()[3] < 130)
    seen = []
    while pool.figures()[3] > 60:
        seen.append(pool.figures()[2])
        time.sleep(0.005)
    assert round(sum(seen) / len(seen)) in at_work


def test_each_caller_has_an_equal_share_of_the_waits_in_an_overload(start: Callable[..., ThreadPool]) -> None:
    pool = start(1, sheds=True)
    work = partial(time.sleep, 0.05)
    for _ in range(100):
        pool.run(work, "a")
    until(lambda: pool.figures()[3] < 80)
    assert not pool.has_room("a"), "an overload"
    for callers, caller in enumerate("bcd", 2):
        admitted = 0
        while pool.has_room(caller):
            pool.run(work, caller)
            admitted += 1
        assert abs(admitted - MAX_CALLS_IN_OVERLOAD // callers) <= 1


def test_a_pool_that_does_not_shed_lets_calls_wait(start: Callable[..., ThreadPool], busy: Busy) -> None:
    pool = start(2)
    fill(pool, 200, busy.work("call"))
    time.sleep(0.6)
    assert pool.has_room("another")


def test_caller_leaves_threads_to_others(start: Callable[..., ThreadPool], busy: Busy) -> None:
    pool = start(8)
    until(lambda: not PRESENCE.is_beside_others("a"))  # The callers of other tests have left.
    for number in range(20):
        pool.run(busy.work(f"a{number}"), "a")
    assert [busy.next() for _ in range(6)] == [f"a{number}" for number in range(6)]
    pool.run(busy.work("b"), "b")
    assert busy.next() == "b"
    assert busy.begun.empty()


def test_beside_others_the_share_is_smaller(start: Callable[..., ThreadPool], busy: Busy) -> None:
    pool = start(8)
    pool.run(busy.work("b"), "b")
    for number in range(20):
        pool.run(busy.work(f"a{number}"), "a")
    assert {busy.next() for _ in range(3)} == {"b", "a0", "a1"}
    pool.run(busy.work("c"), "c")
    assert busy.next() == "c"


def test_calls_that_wait_beside_others_begin_when_the_others_are_gone(
    start: Callable[..., ThreadPool], busy: Busy
) -> None:
    """Several pools, because it depends on which thread of a pool takes the calls first."""
    pools = [start(8) for _ in range(5)]
    PRESENCE.note("b")
    begun = time.monotonic()
    for pool in pools:
        for _ in range(20):
            pool.run(busy.work("a"), "a")
    for _ in range(5 * 6):
        busy.next()
    assert time.monotonic() - begun < PATIENCE / 2


def test_beside_others_a_second_call_waits_for_the_first_a_little(start: Callable[..., ThreadPool], busy: Busy) -> None:
    pool = start(8)
    pool.run(busy.work("b"), "b")
    assert busy.next() == "b"
    begun = time.monotonic()
    for name in ("a0", "a1"):
        pool.run(busy.work(name), "a")
    assert busy.next() == "a0"
    assert busy.next() == "a1"
    assert time.monotonic() - begun >= 0.2


def test_beside_others_a_second_call_begins_when_the_first_has_ended(
    start: Callable[..., ThreadPool], busy: Busy
) -> None:
    pool = start(8)
    pool.run(busy.work("b"), "b")
    for name in ("a0", "a1"):
        pool.run(busy.work(name), "a")
    assert {busy.next(), busy.next()} == {"b", "a0"}
    begun = time.monotonic()
    for _ in range(2):
        busy.end_one()
    assert busy.next() == "a1"
    assert time.monotonic() - begun < 0.2


def test_events_for_a_stream_do_not_count_as_calls_of_its_caller(start: Callable[..., ThreadPool], busy: Busy) -> None:
    until(lambda: not PRESENCE.is_beside_others("a"))
    start(1, share=1, share_beside_others=1).run(busy.work("event"), "b")
    assert busy.next() == "event"
    assert not PRESENCE.is_beside_others("a")
    start(4).run(busy.work("call"), "b")
    assert busy.next() == "call"
    assert PRESENCE.is_beside_others("a")


@pytest.mark.parametrize(("streams", "rest"), [(1, 0.0), (2, 0.05), (5, 0.2), (9, 0.25)])
def test_streams_of_one_caller_rest_beside_others(streams: int, rest: float) -> None:
    PRESENCE.note("b")
    pace = Pace()
    pace.worked("a", 0.05, streams=streams)
    begun = time.monotonic()
    pace.rest("a")
    assert time.monotonic() - begun == pytest.approx(rest, abs=0.02)


def test_callers_take_turns(start: Callable[..., ThreadPool], busy: Busy) -> None:
    pool = start(1)
    pool.run(busy.work("a0"), "a")
    assert busy.next() == "a0"
    for name in ("a1", "a2", "a3", "b0", "c0", "b1"):
        pool.run(busy.work(name), name[0])
    order = []
    for _ in range(6):
        busy.end_one()
        order.append(busy.next())
    assert order == ["a1", "b0", "c0", "a2", "b1", "a3"]


def test_call_that_waits_for_its_share_is_served(start: Callable[..., ThreadPool]) -> None:
    pool = start(4)
    futures = [pool.submit_for(f"caller {number % 3}", lambda n=number: n) for number in range(500)]
    assert [future.result(PATIENCE) for future in futures] == list(range(500))


def test_the_room_for_waiting_calls_is_each_caller_s(start: Callable[..., ThreadPool], busy: Busy) -> None:
    pool = start(1, max_waiting=2)
    for _ in range(3):
        pool.run(busy.work("a"), "a")
    busy.next()
    assert not pool.has_room("a")
    assert pool.has_room("b")


def test_work_that_waits_when_the_pool_ends_is_done(busy: Busy) -> None:
    pool = ThreadPool("ending", 4)
    for _ in range(20):
        pool.run(busy.work("a"), "a")
    for _ in range(20):
        busy.end_one()
    pool.end(within=PATIENCE)
    assert busy.begun.qsize() == 20


def test_threads_come_as_they_are_needed(start: Callable[..., ThreadPool], busy: Busy) -> None:
    pool = start(8, share=8, share_beside_others=8, lazy=True)

    def threads() -> int:
        return sum(thread.name == "tested" for thread in threading.enumerate())

    assert threads() == 0
    for number in range(3):
        pool.run(busy.work("a"), "a")
        busy.next()
        assert threads() == number + 1


def test_caller_with_many_waiting_calls_yields_to_one_with_few() -> None:
    turns, order, busy = Turns(1), SimpleQueue[str](), threading.Event()

    def take(caller: str) -> None:
        with turns.turn(caller):
            order.put(caller)

    threads = []
    with turns.turn("a"):
        for caller in ("a", "a", "a", "b"):
            thread = threading.Thread(target=take, args=(caller,))
            thread.start()
            threads.append(thread)
            while turns.waiting < len(threads):
                busy.wait(0.001)
    for thread in threads:
        thread.join(PATIENCE)
    assert [order.get() for _ in range(4)] == ["a", "b", "a", "a"]


def test_caller_gets_only_its_share_of_free_turns() -> None:
    turns, begun = Turns(10, max_per_caller=2), SimpleQueue[str]()
    over = threading.Event()

    def take(caller: str) -> None:
        with turns.turn(caller):
            begun.put(caller)
            over.wait(PATIENCE)

    threads = [threading.Thread(target=take, args=(caller,)) for caller in ("a", "a", "a", "b")]
    for thread in threads:
        thread.start()
    assert sorted(begun.get(timeout=PATIENCE) for _ in range(3)) == ["a", "a", "b"]
    assert begun.empty()
    over.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert begun.get(timeout=PATIENCE) == "a"


def test_pool_that_is_ended_while_it_starts_threads() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(200):
            pool = ThreadPool("ended", 4, lazy=True)
            served, accepted = SimpleQueue[int](), []

            def start(
                pool: ThreadPool = pool, served: SimpleQueue[int] = served, accepted: list[int] = accepted
            ) -> None:
                with suppress(RuntimeError):
                    for number in range(4):
                        pool.run(partial(served.put, number))
                        accepted.append(number)

            starting = threading.Thread(target=start)
            starting.start()
            pool.end(within=PATIENCE)
            starting.join()
            assert served.qsize() == len(accepted)
            assert not any(thread.name == "ended" for thread in threading.enumerate())
    finally:
        sys.setswitchinterval(before)


def test_pool_that_has_ended_refuses_work_and_starts_no_thread() -> None:
    pool = ThreadPool("over", 2, lazy=True)
    pool.end(within=PATIENCE)
    with pytest.raises(RuntimeError, match="The thread pool over has ended"):
        pool.submit(print)
    assert not pool.add_spare()
    assert not any(thread.name == "over" for thread in threading.enumerate())


def test_place_is_released_once_and_when_unreferenced() -> None:
    places = Slots(lambda: 3, lambda: 2, full="Full.", too_many="Too many.", retry_after_seconds=5)
    first, second = places.take("a"), places.take("a")
    with pytest.raises(RateLimited, match="Too many"):
        places.take("a")
    third = places.take("b")
    with pytest.raises(RateLimited, match="Full"):
        places.take("c")
    third.release()
    third.release()
    assert len(places) == 2
    del first
    assert len(places) == 1
    with second:
        pass
    assert len(places) == 0

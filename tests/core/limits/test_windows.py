"""Sliding windows in the memory of a process: never more than the limit within the window, in bounded memory."""

import random
import threading

from core.limits.budgets import Budget
from core.limits.local import LocalStore

BUDGET = Budget("test", 10, seconds=60)


def test_window_slides() -> None:
    store = LocalStore()
    assert [store.take("a", 1, BUDGET, 1000.9).remaining for _ in range(4)] == [9, 8, 7, 6]
    assert store.take("a", 6, BUDGET, 1030.2).remaining == 0
    refused = store.take("a", 1, BUDGET, 1050.0)
    assert (refused.admitted, refused.remaining) == (False, 0)
    # The first four are free again when the whole of their second is older than the window.
    assert refused.seconds == 11
    assert not store.take("a", 1, BUDGET, 1060.95).admitted
    assert store.take("a", 1, BUDGET, 1061.0).remaining == 3
    # A call that costs more waits for as much as it costs.
    waits_for_the_rest = store.take("a", 4, BUDGET, 1062.0)
    assert (waits_for_the_rest.admitted, waits_for_the_rest.remaining, waits_for_the_rest.seconds) == (False, 3, 29)
    assert store.take("a", 3, BUDGET, 1062.0).admitted
    assert store.take("b", 10, BUDGET, 1062.0).admitted


def test_no_window_of_any_beginning_holds_more_than_the_limit() -> None:
    store, random_ = LocalStore(), random.Random(1)
    now, admitted = 5000.0, list[tuple[float, int]]()
    for _ in range(1500):
        now += random_.expovariate(2)
        cost = random_.choice((1, 1, 1, 2, 5))
        if store.take("a", cost, BUDGET, now).admitted:
            admitted.append((now, cost))
    worst = max(sum(cost for at, cost in admitted if start <= at <= start + 60) for start, _ in admitted)
    assert worst == BUDGET.limit
    # Nor is much less admitted: a unit counts for a second more than the window at most.
    assert sum(cost for _, cost in admitted) >= (now - 5000) / 62 * BUDGET.limit * 0.9


def test_threads_get_the_limit_exactly() -> None:
    store, budget, admitted = LocalStore(), Budget("test", 1000), list[int]()
    start = threading.Barrier(16)

    def call() -> None:
        start.wait()
        admitted.append(sum(store.take("a", 1, budget, 100.0).admitted for _ in range(100)))

    threads = [threading.Thread(target=call) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(admitted) == 1000


def test_memory_is_bounded() -> None:
    store = LocalStore(max_callers=100)
    for number in range(1000):
        store.take(f"caller {number}", 1, BUDGET, 100.0)
    assert len(store) <= 100
    assert store.take("caller 999", 1, BUDGET, 100.0).remaining == 8
    for number in range(100):  # Callers whose windows are over make room before the limit is reached.
        store.take(f"later {number}", 1, BUDGET, 500.0)
    assert len(store) == 100
    assert store.take("caller 999", 1, BUDGET, 500.0).remaining == 9


def test_given_back_units_are_free() -> None:
    store = LocalStore()
    store.take("a", 10, BUDGET, 100.5)
    store.give_back("a", 4, 100.5)
    assert store.take("a", 5, BUDGET, 100.9).admitted is False
    assert store.take("a", 4, BUDGET, 100.9).remaining == 0

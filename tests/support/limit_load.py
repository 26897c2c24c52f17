"""A process that takes units of one budget in many threads, for tests. It prints what was admitted, as JSON.

python -m tests.support.limit_load URL LIMIT WINDOW_SECONDS SECONDS THREADS SKEW_SECONDS
"""

import json
import sys
import threading
import time

#: The machine's clock, which all processes share.
_shared_clock = time.clock_gettime


def main(url: str, limit: int, window: int, seconds: float, threads: int, skew: float) -> None:
    # A process on another machine, whose clocks differ. It happens before the limits are imported.
    time_, monotonic = time.time, time.monotonic
    time.time = lambda: time_() + skew
    time.monotonic = lambda: monotonic() + 1000 * skew + skew
    from core.limits.budgets import Budget
    from core.limits.limiter import Limiter
    from core.limits.shared import SharedStore

    limiter, budget = Limiter(SharedStore(url)), Budget("test", limit, seconds=window)
    admitted: list[tuple[float, float]] = []
    sys.stdin.readline()  # All processes begin together.
    end = now() + seconds

    def take() -> None:
        while (before := now()) < end:
            standing = limiter.take("caller", 1, budget)
            if standing.admitted:
                admitted.append((before, now()))
            else:
                time.sleep(0.01)

    workers = [threading.Thread(target=take) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    json.dump(admitted, sys.stdout)


def now() -> float:
    return _shared_clock(time.CLOCK_MONOTONIC)


if __name__ == "__main__":
    url, limit, window, seconds, threads, skew = sys.argv[1:]
    main(url, int(limit), int(window), float(seconds), int(threads), float(skew))

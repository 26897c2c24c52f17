"""CPU time that the limits add to a call: counted in the process, and with a Redis beside it.

.venv/bin/python -m bench.limits [--redis redis://localhost:6379/0] [--calls N]
"""

import argparse
import os
import statistics
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import django

ROUNDS = 9


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the time that the limits add to a call.")
    parser.add_argument("--redis", default="", help="also measure with this store")
    parser.add_argument("--calls", type=int, default=20_000, help="calls of each round (%(default)s)")
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ |= {"DEBUG": "true"}
    django.setup()
    _print("without limits", arguments.calls, RATE_LIMIT_PEER=0, RATE_LIMIT_ANONYMOUS=0)
    _print("in the process", arguments.calls)
    _print("in the process, no credential", arguments.calls, anonymous=True)
    if arguments.redis:
        _print("shared, taken ahead", arguments.calls // 10, RATE_LIMITS_STORE=arguments.redis)
        # Of a limit below 200, no process takes anything ahead.
        _print("shared, asked each time", 20, RATE_LIMITS_STORE=arguments.redis, RATE_LIMIT_PEER=199)


def _print(name: str, calls: int, *, anonymous: bool = False, **settings: Any) -> None:
    from django.test import override_settings

    # So much that no call is refused.
    with override_settings(**{"RATE_LIMIT_PEER": 10**9, "RATE_LIMIT_ANONYMOUS": 10**9, **settings}):
        call = _call(anonymous=anonymous)
        times = [_time(call, calls) * 1e6 for _ in range(ROUNDS)]
    print(f"{name:30}{min(times):8.2f} µs (median of {ROUNDS} rounds {statistics.median(times):.2f})")


def _call(*, anonymous: bool) -> Callable[[], None]:
    from config.rpc import services
    from core.auth import ANONYMOUS, Credential, System
    from core.errors import Unauthenticated
    from core.execution import admit
    from core.observability.call_log import Report, http_meter

    report = Report(http_meter("GET", "bench"), "id")
    operations = [operation for service in services for operation in service.operations]
    operation = next(operation for operation in operations if operation.rpc == "GetUser")
    credential = ANONYMOUS if anonymous else Credential(System(f"bench {uuid.uuid4()}"))

    def call() -> None:
        with suppress(Unauthenticated):  # As for any call without a credential that is not public.
            admit(report, operation, lambda: credential, lambda: "192.0.2.1")
        if report.budget is not None:
            report.budget.headers()

    return call


def _time(call: Callable[[], None], calls: int) -> float:
    started = time.thread_time()
    for _ in range(calls):
        call()
    return (time.thread_time() - started) / calls


if __name__ == "__main__":
    main()

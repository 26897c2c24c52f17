"""Processes behind a proxy that are restarted under load: no call fails for good, no change is missing."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import SEED, SHARE, seconds_left
from tests.support.faults.balanced import Balanced, Caller
from tests.support.faults.load import LOOKS, Load
from tests.support.faults.product import Database
from tests.support.servers import until

pytestmark = [pytest.mark.faults, pytest.mark.tools(str(Path(sys.executable).parent / "envoy"))]

#: Whose number `FAULTS_WATCHERS` sets apart from the share of the rest.
WATCHERS = int(os.environ.get("FAULTS_WATCHERS") or 1_000 * SHARE)
CALLERS = 4
#: Events that all watchers together receive in a second, about; more of them would measure the machine.
EVENTS_PER_SECOND = 500


@pytest.fixture
def installation(database: Database, tmp_path: Path) -> Iterator[Balanced]:
    assert seconds_left() > 0
    database.empty()
    installation = Balanced(database, tmp_path)
    try:
        yield installation.start()
    finally:
        installation.close()


def under_load(installation: Balanced, disturb: Callable[[], None], report: Callable[[str], None]) -> None:
    """Disturb the installation while watchers, writers and callers use it, and check what they received."""
    callers = [Caller(installation) for _ in range(CALLERS)]
    each = -(-WATCHERS // len(LOOKS))
    pause = max(2.0, 8 * WATCHERS / EVENTS_PER_SECOND)
    # Watchers read for long between their own cuts: what ends a stream is the restart.
    with Load(
        installation, SEED, pause=pause, longest=120.0, most_events=600, watchers_of_a_kind=each, connections=8
    ) as load:
        for caller in callers:
            caller.start()
        until(lambda: load.written > 4 and all(caller.calls > 2 for caller in callers), "the load has begun")
        try:
            disturb()
            before = [caller.calls for caller in callers]
            until(lambda: all(caller.calls > n for caller, n in zip(callers, before, strict=True)), "calls continue")
        finally:
            for caller in callers:
                caller.end()
        log, faults = load.judged()
    failures = [failure for caller in callers for failure in caller.failures]
    report(load.summary(log, faults))
    report(f"{sum(caller.calls for caller in callers)} calls, {len(failures)} failed after the client's own retries")
    assert faults == []
    assert failures == []


def test_one_process_is_killed_and_all_are_restarted(installation: Balanced, report: Callable[[str], None]) -> None:
    def disturb() -> None:
        report(f"connections of the gRPC processes at the beginning: {installation.connections()}")
        installation.kill_one()
        installation.restart_all()
        report(f"and at the end: {installation.connections()}")

    under_load(installation, disturb, report)

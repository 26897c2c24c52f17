"""Processes behind a proxy that are restarted under load: no call fails for good, no change is missing."""

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

WATCHERS = 1_000
CALLERS = 4


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
    each = max(1, round(WATCHERS * SHARE / len(LOOKS)))
    # Watchers read for long between their own cuts: what ends a stream is the restart.
    with Load(installation, SEED, pause=2.0, longest=10.0, watchers_of_a_kind=each) as load:
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


def test_all_processes_are_restarted_one_after_the_other(installation: Balanced, report: Callable[[str], None]) -> None:
    under_load(installation, installation.restart_all, report)

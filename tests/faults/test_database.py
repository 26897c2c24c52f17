"""A database that cuts sessions, or dies, while others watch and write."""

import random
from collections.abc import Callable

import pytest

from tests.faults.conftest import SEED, SHARE
from tests.support.faults.load import Load
from tests.support.faults.product import PATIENCE_SECONDS, Installation
from tests.support.servers import until

pytestmark = pytest.mark.faults

ROUNDS = 200

#: Sessions that read the log for all streams of a process, or that number it.
_CUT = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name = ANY (%s) AND (query LIKE '%%changes_head AS head%%' OR query LIKE '%%unnumbered%%')
      AND random() < %s
"""


def test_the_feeds_sessions_are_cut_again_and_again(installation: Installation, report: Callable[[str], None]) -> None:
    chance = random.Random(SEED)
    cut = 0
    with Load(installation, SEED) as load:
        for _ in range(max(5, round(ROUNDS * SHARE))):
            written = load.written
            cut += installation.database.ask(_CUT, list(installation.servers), chance.random())[0][0]
            until(lambda written=written: load.written > written, "it goes on", PATIENCE_SECONDS)  # type: ignore[misc]
        log, faults = load.judged()
    report(f"{cut} sessions of tailers and numberers were cut")
    report(load.summary(log, faults))
    assert cut
    assert faults == []


def test_the_database_is_killed(installation: Installation, report: Callable[[str], None]) -> None:
    with Load(installation, SEED) as load:
        until(lambda: load.written > 20, "it is written to", PATIENCE_SECONDS)
        installation.database.kill()
        written = load.written
        until(lambda: load.written > written + 20, "it is written to again", PATIENCE_SECONDS)
        log, faults = load.judged()
    report(load.summary(log, faults))
    assert faults == []

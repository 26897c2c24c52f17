"""Streams that are cut again and again while others write: nothing is missing, doubled or out of order."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.conftest import SEED, SHARE, seconds_left
from tests.support.faults import judging
from tests.support.faults.load import Load
from tests.support.faults.product import Installation
from tests.support.promises import Run
from tests.support.servers import until

pytestmark = pytest.mark.faults

CUTS = 10_000
#: Enough for each fault of `unsound` to be met many times.
CUTS_OF_UNSOUND = 72

#: What a record may have been falsified by.
PLANTED: dict[str, Callable[[list[Any]], object]] = {
    "dropped": lambda events: events.pop(len(events) // 2),
    "doubled": lambda events: events.insert(len(events) // 2, events[len(events) // 2]),
    "swapped": lambda events: events.insert(len(events) // 2, events.pop(len(events) // 2 - 1)),
}


def test_streams_that_are_cut(installation: Installation, report: Callable[[str], None]) -> None:
    with Load(installation, SEED, cuts=round(CUTS * SHARE), watchers_of_a_kind=6) as load:
        until(lambda: load.crowd.done_cutting, "all cuts are done", seconds_left())
        log, faults = load.judged()
    report(load.summary(log, faults))
    assert faults == []
    assert load.crowd.cuts >= CUTS * SHARE
    for name, plant in PLANTED.items():
        assert judging.broken(log, [with_planted(load, plant)], load.people), f"{name}, and not seen"
    writes = load.acknowledged()
    assert list(judging.lost(log, [*writes, judging.Acknowledged(writes[0].task_id, 10**6, "never written")]))
    log.rows.append(next(row for row in log.rows if row.operation == "created"))
    assert list(judging.doubled(log))


def with_planted(load: Load, plant: Callable[[list[Any]], object]) -> Any:
    """Return a client of all tasks whose longest record is falsified."""
    watcher = copy.deepcopy(load.crowd.watchers[0].lives)
    runs: list[Run] = [run for life in watcher for run in life]
    longest = max(runs, key=lambda run: len(run.live))
    events = longest.live
    assert len(events) >= 3
    plant(events)
    longest.received[:] = [event for event in longest.received if event not in longest.live] + events
    falsified = copy.copy(load.crowd.watchers[0])
    falsified.lives = watcher
    return falsified


@pytest.mark.parametrize(
    ("installation", "seen"),
    [
        ([["-m", "tests.support.faults.unsound", "skip"]], "lost"),
        ([["-m", "tests.support.faults.unsound", "jump"]], "lost"),
        ([["-m", "tests.support.faults.unsound", "hide"]], "the copy says"),
        ([["-m", "tests.support.faults.unsound", "swap"]], "came after"),
        ([["-m", "tests.support.faults.unsound", "stay"]], "lost"),
    ],
    ids=["skip", "jump", "hide", "swap", "stay"],
    indirect=["installation"],
)
def test_validators_find_an_unsound_server(
    installation: Installation, seen: str, report: Callable[[str], None]
) -> None:
    with Load(installation, SEED, cuts=CUTS_OF_UNSOUND, pause=0.05, longest=3) as load:
        until(lambda: load.crowd.done_cutting, "all cuts are done", seconds_left())
        log, faults = load.judged()
    report(load.summary(log, faults))
    assert any(seen in fault for fault in faults), faults

"""Circuit breakers of speech nodes, and the choice of a node while one is away or busy."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from meetings.speech import breaker as breakers
from meetings.speech import members
from meetings.speech.breaker import Breaker, BreakerState
from meetings.speech.engine_call import EngineCall
from meetings.speech.node import EngineBusy, EngineUnavailable
from meetings.speech.pool import Nodes
from tandem.speech.v1 import speech_pb2
from tests.support import scripts

SUMMARY = speech_pb2.ENGINE_KIND_SUMMARY


def a_script(path: Path, **said: object) -> str:
    return f"remote-{scripts.a_script(path, **said)}"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(breakers, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def test_unreachable_node_is_passed_over_and_then_tried_by_one_caller(clock: SimpleNamespace) -> None:
    changes: list[BreakerState] = []
    breaker = Breaker("a", lambda breaker: changes.append(breaker.state))
    assert breaker.admits()
    breaker.unreachable("It is away.")
    assert not breaker.admits()
    assert breaker.reason == "It is away."
    clock.now += 1
    assert [breaker.admits(), breaker.admits()] == [True, False]
    breaker.reached()
    assert breaker.admits()
    assert breaker.reason == ""
    assert changes == [BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED]


def test_pauses_grow_to_fifteen_seconds_until_a_call_succeeds(clock: SimpleNamespace) -> None:
    breaker = Breaker("a")
    pauses = []
    for _ in range(6):
        breaker.unreachable("It is away.")
        begun = clock.now
        while not breaker.admits():
            clock.now += 0.25
        pauses.append(clock.now - begun)
    assert pauses[:4] == sorted(pauses[:4])
    assert 7.5 <= pauses[-1] <= 15.25
    breaker.finished()
    breaker.unreachable("It is away.")
    clock.now += 1
    assert breaker.admits()


def test_caller_that_never_returns_does_not_block_the_trial(clock: SimpleNamespace) -> None:
    breaker = Breaker("a")
    breaker.unreachable("It is away.")
    clock.now += 1
    assert breaker.admits()
    clock.now += breakers.TRIAL_SECONDS
    assert breaker.admits()


def test_third_lost_call_in_a_row_opens(clock: SimpleNamespace) -> None:
    breaker = Breaker("a")
    breaker.lost("It broke.")
    breaker.lost("It broke.")
    breaker.finished()
    breaker.lost("It broke.")
    breaker.lost("It broke.")
    assert breaker.state is BreakerState.CLOSED
    breaker.lost("It broke.")
    assert breaker.state is BreakerState.OPEN


def test_node_that_is_back_is_used_again(tmp_path: Path, clock: SimpleNamespace) -> None:
    preferred = a_script(tmp_path / "preferred.json", unreachable=True)
    other = a_script(tmp_path / "other.json")
    nodes = Nodes([preferred, other])
    choice = nodes.choose(SUMMARY)
    assert (choice.member.address, choice.is_fallback) == (other, True)
    a_script(tmp_path / "preferred.json")
    assert nodes.choose(SUMMARY).member.address == other
    clock.now += 1
    choice = nodes.choose(SUMMARY)
    assert (choice.member.address, choice.is_fallback) == (preferred, False)


def test_node_that_lacks_the_engine_makes_no_fallback(
    tmp_path: Path, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "CACHE_SECONDS", 0.0)
    nodes = Nodes([a_script(tmp_path / "asr.json", engines=[{"kind": "asr"}]), a_script(tmp_path / "all.json")])
    assert not nodes.choose(SUMMARY).is_fallback
    a_script(tmp_path / "asr.json", unreachable=True)
    assert not nodes.choose(SUMMARY).is_fallback


def test_call_that_cannot_begin_passes_the_node_over(tmp_path: Path, clock: SimpleNamespace) -> None:
    preferred = a_script(tmp_path / "preferred.json", summarize=[{"fail": "EngineUnavailable"}])
    nodes = Nodes([preferred, a_script(tmp_path / "other.json")])
    with pytest.raises(EngineUnavailable):
        nodes.choose(SUMMARY).summarize(speech_pb2.SummarizeRequest(), EngineCall())
    assert nodes.choose(SUMMARY).is_fallback


def test_busy_node_is_passed_over_for_another_and_not_for_the_child_process(tmp_path: Path) -> None:
    busy = a_script(tmp_path / "busy.json", summarize=[{"fail": "EngineBusy"}])
    other = a_script(tmp_path / "other.json")
    for urls, chosen in (([busy, other], other), ([busy, "embedded://"], busy), ([busy], busy)):
        nodes = Nodes(urls)
        with pytest.raises(EngineBusy):
            nodes.choose(SUMMARY).summarize(speech_pb2.SummarizeRequest(), EngineCall())
        assert nodes.choose(SUMMARY).member.address == chosen
        assert not nodes.choose(SUMMARY).is_fallback
        nodes.close()

"""The recognising processes, where the wire does not reach: ones that hang, die again and again, or work for others."""

import multiprocessing
import os
import signal
from collections.abc import Iterator

import psutil
import pytest

from speechnode.engines import asr as module
from speechnode.engines.asr import Asr
from speechnode.engines.protocols import AsrJob
from speechnode.engines.sphinx import Recogniser
from speechnode.failures import Cancelled, EngineFailed
from tests.support.servers import until
from tests.support.speech_node import ended


@pytest.fixture
def asr() -> Iterator[Asr]:
    asr = Asr("sphinx")
    yield asr
    asr.close()


@pytest.fixture(scope="module")
def line(meeting_pcm: bytes) -> bytes:
    return meeting_pcm[: 32 * 5200]


def pid(asr: Asr) -> int:
    """Return the id of the process that runs, once it is ready."""
    until(lambda: asr.loaded, "the process is ready")
    (found,) = pids()
    return found


def pids() -> list[int]:
    """Return the ids of the running recognition processes."""
    found = [child.pid for child in multiprocessing.active_children() if child.name == "speechnode-asr"]
    return [pid for pid in found if pid is not None]


def test_process_returns_the_words_of_the_recogniser(asr: Asr, line: bytes) -> None:
    there = asr.submit(line).result.result()
    here = Recogniser().recognise(line)
    assert there.words == here.words
    assert [word.text for word in there.words][:2] == ["good", "morning"]
    assert all(word.start_ms < word.end_ms <= 5200 and 0 <= word.confidence <= 1 for word in there.words)


def test_hung_process_is_replaced_and_its_utterance_repeated(
    asr: Asr, line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asr.warm_up()
    hung = pid(asr)
    os.kill(hung, signal.SIGSTOP)
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(module, "PATIENCE_FACTOR", 0.0)
    job = asr.submit(line)
    until(lambda: ended(hung), "it was ended")
    monkeypatch.undo()
    assert [word.text for word in job.result.result().words][:2] == ["good", "morning"]


def test_an_utterance_that_kills_each_process_fails_and_the_next_does_not(asr: Asr, line: bytes) -> None:
    asr.warm_up()
    job = asr.submit(line * 6)
    killed: set[int] = set()

    def kill_the_next() -> bool:
        # A process that has ended may count as ready until the node notices.
        for next_one in set(pids()) - killed:
            os.kill(next_one, signal.SIGKILL)
            killed.add(next_one)
        return job.result.done()

    until(kill_the_next, "it is given up")
    with pytest.raises(EngineFailed):
        job.result.result()
    assert len(killed) >= 2
    assert asr.submit(line).result.result().words


def test_a_call_with_much_to_do_does_not_hold_up_another(asr: Asr, line: bytes) -> None:
    done: list[str] = []

    def begin(call: str) -> AsrJob:
        job = asr.submit(line, call=call)
        job.result.add_done_callback(lambda _: done.append(call))
        return job

    jobs = [begin("long") for _ in range(6)]
    until(lambda: len(done) == 1, "the first is done")
    jobs += [begin("short"), begin("short"), begin("other")]
    for job in jobs:
        assert job.result.result().words
    assert done.index("short") <= 3, done
    assert done.index("other") <= 4, done
    assert done[-1] == "long"


def test_urgent_utterance_is_transcribed_before_those_that_wait(asr: Asr, line: bytes) -> None:
    done: list[str] = []

    def begin(name: str, *, is_urgent: bool = False) -> AsrJob:
        job = asr.submit(line, call=name, is_urgent=is_urgent)
        job.result.add_done_callback(lambda _: done.append(name))
        return job

    first = begin("first")
    until(lambda: first.result.running(), "the first is being transcribed")
    jobs = [first, begin("second"), begin("third"), begin("urgent", is_urgent=True)]
    for job in jobs:
        assert job.result.result().words
    assert done == ["first", "urgent", "second", "third"]


def test_queued_utterance_is_cancelled_without_effect_on_others(asr: Asr, line: bytes) -> None:
    asr.warm_up()
    before = pid(asr)
    one, other, last = asr.submit(line), asr.submit(line), asr.submit(line)
    other.cancel()
    assert other.result.cancelled()
    assert one.result.result().words == last.result.result().words
    assert pid(asr) == before


def test_cancelled_utterance_is_not_repeated(asr: Asr, line: bytes) -> None:
    asr.warm_up()
    before = pid(asr)
    job = asr.submit(line * 6)
    idle = psutil.Process(before).cpu_times().user
    until(lambda: psutil.Process(before).cpu_times().user > idle + 0.1, "the utterance is being transcribed")
    job.cancel()
    with pytest.raises(Cancelled):
        job.result.result()
    until(lambda: ended(before), "its process has ended")
    assert pid(asr) != before


def test_close_leaves_no_process(line: bytes) -> None:
    asr = Asr("sphinx", processes=2)
    jobs = [asr.submit(line * 6), asr.submit(line * 6), asr.submit(line)]
    until(lambda: asr.loaded and len(pids()) == 2, "both processes run")
    running = pids()
    asr.close()
    until(lambda: all(ended(pid) for pid in running), "both processes have ended")
    assert jobs[2].result.cancelled()
    for job in jobs[:2]:
        with pytest.raises(EngineFailed):
            job.result.result()


def test_model_that_cannot_be_loaded_is_reported_with_its_cause(line: bytes) -> None:
    said: list[str] = []
    asr = Asr("no_such_engine", unusable=said.append)
    try:
        with pytest.raises(EngineFailed, match="cannot be loaded"):
            asr.submit(line).result.result()
    finally:
        asr.close()
    assert said and "no_such_engine" in said[0]

"""kill -9 and SIGTERM at any time: no acknowledged write is lost, no change is lost or repeated."""

import random
import threading
from collections.abc import Callable

import pytest

from tests.faults.conftest import SEED, SHARE, seconds_left
from tests.support.faults.load import Load
from tests.support.faults.product import Installation
from tests.support.servers import until

pytestmark = pytest.mark.faults

KILLS = 200
#: Of each process, by SIGTERM.
TERMINATIONS = 10


class Killer(threading.Thread):
    """Kills one thing so many times, with pauses from a seed."""

    def __init__(self, name: str, kills: int, kill: Callable[[], object]) -> None:
        super().__init__(name=name)
        self.kills = 0
        self.failed: BaseException | None = None
        self._random = random.Random(f"{SEED} {name}")
        self._planned = kills
        self._kill = kill
        self._stopped = threading.Event()

    def run(self) -> None:
        try:
            while self.kills < self._planned and not self._stopped.wait(self._random.uniform(0, 1)):
                self._kill()
                self.kills += 1
        except BaseException as exc:
            self.failed = exc

    @property
    def done(self) -> bool:
        if self.failed:
            raise self.failed
        return not self.is_alive()

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def test_processes_that_are_killed(installation: Installation, report: Callable[[str], None]) -> None:
    taken_over: list[float] = []
    chance = random.Random(f"{SEED} which writer")
    each = max(1, round(KILLS * SHARE / 4))
    with Load(installation, SEED) as load:
        killers = [
            Killer("gRPC server", each, installation.rpc.kill_and_recover),
            Killer("web server", each, installation.web.kill_and_recover),
            Killer("writer", each, lambda: chance.choice(load.writers).kill_and_recover()),
            Killer("numberer", each, lambda: taken_over.append(installation.kill_numberer())),
        ]
        for killer in killers:
            killer.start()
        try:
            until(lambda: all(killer.done for killer in killers), "all kills are done", seconds_left())
        finally:
            for killer in killers:
                killer.stop()
        log, faults = load.judged()
    report(", ".join(f"{killer.kills} kills of a {killer.name}" for killer in killers))
    report(load.summary(log, faults))
    taken_over.sort()
    report(f"numbering taken over within {taken_over[-1]:.2f} s (median {taken_over[len(taken_over) // 2]:.2f} s)")
    assert faults == []


def test_processes_that_are_ended(installation: Installation, report: Callable[[str], None]) -> None:
    codes: list[int] = []
    with Load(installation, SEED) as load:
        for _ in range(max(1, round(TERMINATIONS * SHARE))):
            for server in installation.servers.values():
                written = load.written
                codes.append(server.end_and_start())
                server.until_ready()
                until(lambda written=written: load.written > written, "it goes on")  # type: ignore[misc]
        log, faults = load.judged()
    report(load.summary(log, faults))
    assert set(codes) == {0}
    assert faults == []

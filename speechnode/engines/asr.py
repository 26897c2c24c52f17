"""Speech to text: the engine's side in the node. The work is done by `asr_process`."""

import heapq
import itertools
import logging
import multiprocessing
import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from speechnode.engines.asr_process import READY, run
from speechnode.engines.pcm import duration_ms
from speechnode.engines.protocols import Recognised
from speechnode.failures import Cancelled, EngineFailed

logger = logging.getLogger(__name__)

#: How long an utterance may take: this, and this many times its length. A process that takes longer hangs.
_PATIENCE_SECONDS = 20.0
_PATIENCE_FACTOR = 10.0
_START_SECONDS = 60.0
_ENDED = "The speech recognition ended while it worked; try again."


class Job:
    """An utterance that is being worked on, or waits for it.

    Attributes:
        result: of type `Recognised`; or it raises Cancelled or EngineFailed.
    """

    result: Future[Recognised]

    def __init__(self, pcm: bytes) -> None:
        self.pcm = pcm
        self.result = Future()
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self.is_cancelled = False

    def cancel(self) -> None:
        """Nobody wants it any more: ends the process that works on it. Does not wait."""
        with self._lock:
            self.is_cancelled = True
            if self._process:
                self._process.end()
        self.result.cancel()

    def run(self, process: "_Process") -> Recognised:
        """Has a process do it; once more if that process dies by itself."""
        last = False
        while True:
            with self._lock:
                if self.is_cancelled:
                    raise Cancelled
                self._process = process
            try:
                return process.recognise(self)
            except EngineFailed as exc:
                if self.is_cancelled:
                    raise Cancelled from exc  # We ended it ourselves.
                if last:
                    raise
                last = True
                logger.warning("An utterance is done once more: %s", exc)
            finally:
                with self._lock:
                    self._process = None


class _Waiting:
    """The utterances that wait: those of one call in their order, those of different calls by turns.

    Each gets the turn after the last one of its call, but none before the turn that is being served (start-time fair
    queueing). So a call with one utterance does not wait for all that a long recording has waiting.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heap: list[tuple[int, int, Job, object]] = []
        self._numbers = itertools.count()
        self._served = 0
        #: Of each call that has utterances waiting: the turn of the last one, and how many there are.
        self._last: dict[object, tuple[int, int]] = {}

    def put(self, job: Job, call: object) -> None:
        with self._lock:
            last, count = self._last.get(call, (self._served - 1, 0))
            turn = max(self._served, last + 1)
            self._last[call] = turn, count + 1
            heapq.heappush(self._heap, (turn, next(self._numbers), job, call))

    def take(self) -> Job:
        """Remove the next one. There is one for each that was put."""
        with self._lock:
            self._served, _, job, call = heapq.heappop(self._heap)
            last, count = self._last.pop(call)
            if count > 1:
                self._last[call] = last, count - 1
            return job

    def cancel_all(self) -> None:
        with self._lock:
            for _, _, job, _ in self._heap:
                job.result.cancel()


class Asr:
    """Recognises utterances with warm processes: of one call in the order in which they come, calls by turns.

    Args:
        processes: how many utterances are worked on at once; each takes a core, and some 120 MB.
    """

    def __init__(self, processes: int = 1) -> None:
        self._all = [_Process() for _ in range(processes)]
        # The one that was used last comes first: it is warm.
        self._idle: queue.LifoQueue[_Process] = queue.LifoQueue()
        for process in self._all:
            self._idle.put(process)
        self._waiting = _Waiting()
        self._threads = ThreadPoolExecutor(processes, "asr")
        self._closed = False

    @property
    def loaded(self) -> bool:
        """Whether a process has its model in memory."""
        return any(process.is_ready for process in self._all)

    def warm_up(self) -> None:
        """Starts a process, if none is ready. Does not wait for it."""
        if not self.loaded and not self._closed:
            self._threads.submit(self._start)

    def submit(self, pcm: bytes, *, call: object = None) -> Job:
        """Begins to work on an utterance of this call."""
        job = Job(pcm)
        self._waiting.put(job, call)
        self._threads.submit(self._run_next)
        return job

    def close(self) -> None:
        """Ends the processes, whatever they do."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._waiting.cancel_all()
        for process in self._all:
            process.end(for_good=True)

    def _start(self) -> None:
        process = self._idle.get()
        try:
            process.start()
        except EngineFailed as exc:
            logger.warning("%s", exc)  # Whoever needs it tries again, and is told.
        finally:
            self._idle.put(process)

    def _run_next(self) -> None:
        job = self._waiting.take()
        if not job.result.set_running_or_notify_cancel():
            return
        try:
            recognised = self._run(job)
        except BaseException as exc:
            job.result.set_exception(exc)
        else:
            job.result.set_result(recognised)

    def _run(self, job: Job) -> Recognised:
        process = self._idle.get()
        try:
            return job.run(process)
        finally:
            self._idle.put(process)
            # One that was ended with its job: the next caller need not wait for another.
            with suppress(RuntimeError):  # The node is closing.
                self.warm_up()


class _Process:
    """A process that recognises one utterance after the other; one that has ended is replaced at the next.

    Attributes:
        is_ready: it runs, and its model is in memory.
    """

    def __init__(self) -> None:
        self.is_ready = False
        self._lock = threading.Lock()
        self._ended_for_good = False
        self._running: tuple[BaseProcess, Connection] | None = None

    def start(self) -> Connection:
        """Makes sure that it is ready; the pipe to it.

        Raises:
            EngineFailed: it has died at once, or was ended.
        """
        if self._running and self.is_ready and self._running[0].is_alive():
            return self._running[1]
        process, connection = self._replace()
        if self._receive(connection, _START_SECONDS) != READY:
            raise EngineFailed("The speech recognition speaks another language than the node.")
        with self._lock:
            # It may have been ended meanwhile.
            self.is_ready = process.is_alive()
        return connection

    def recognise(self, job: Job) -> Recognised:
        """The words of an utterance. Waits for it.

        Raises:
            Cancelled: nobody wants it any more.
            EngineFailed: it has died, was ended, or hung.
        """
        connection = self.start()
        # From here on, whoever cancels ends the process that we wait for; before, it may have been another one.
        if job.is_cancelled:
            raise Cancelled
        try:
            connection.send_bytes(job.pcm)
        except OSError as exc:
            raise EngineFailed(_ENDED) from exc
        answer: Recognised = self._receive(
            connection, _PATIENCE_SECONDS + _PATIENCE_FACTOR * duration_ms(job.pcm) / 1000
        )
        return answer

    def end(self, *, for_good: bool = False) -> None:
        """Ends it at once; whoever waits for it is told.

        Args:
            for_good: it is never replaced.
        """
        with self._lock:
            self.is_ready = False
            self._ended_for_good |= for_good
            if self._running:
                self._running[0].kill()

    def _replace(self) -> tuple[BaseProcess, Connection]:
        with self._lock:
            self.is_ready = False
            if self._ended_for_good:
                raise EngineFailed("The node is going away; another will do this.")
            if self._running:
                process, connection = self._running
                process.kill()
                process.join()
                process.close()
                connection.close()
            # Not by a fork: a process that serves gRPC does not survive that.
            spawn = multiprocessing.get_context("spawn")
            connection, its = spawn.Pipe()
            process = spawn.Process(target=run, args=(its,), name="speechnode-asr", daemon=True)
            process.start()
            # So that the pipe ends when the process does.
            its.close()
            self._running = process, connection
            return self._running

    def _receive(self, connection: Connection, seconds: float) -> Any:
        try:
            if connection.poll(seconds):
                return connection.recv()
        except (EOFError, OSError) as exc:
            self.end()
            raise EngineFailed(_ENDED) from exc
        self.end()
        raise EngineFailed("The speech recognition does not answer; try again.")

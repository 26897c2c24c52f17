"""Speech to text: the engine's side in the node. The work is done by `asr_process`."""

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


class Asr:
    """Recognises utterances in the order in which they come, with warm processes.

    Args:
        processes: how many utterances are worked on at once; each takes a core, and some 120 MB.
    """

    def __init__(self, processes: int = 1) -> None:
        self._all = [_Process() for _ in range(processes)]
        # The one that was used last comes first: it is warm.
        self._idle: queue.LifoQueue[_Process] = queue.LifoQueue()
        for process in self._all:
            self._idle.put(process)
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

    def submit(self, pcm: bytes) -> Job:
        """Begins to work on an utterance."""
        job = Job(pcm)
        job.result = self._threads.submit(self._run, job)
        return job

    def close(self) -> None:
        """Ends the processes, whatever they do."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
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

"""Speech to text: the part in the node, which schedules utterances on processes that run `asr_process`."""

import heapq
import itertools
import logging
import multiprocessing
import queue
import threading
from collections.abc import Callable, Sequence
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

#: Timeout of an utterance: so many seconds plus so many times its length. A process that exceeds it is taken to hang.
PATIENCE_SECONDS = 20.0
PATIENCE_FACTOR = 10.0
_START_SECONDS = 60.0
_ENDED = "The speech recognition process ended during the call; try again."


class Job:
    """An utterance that is being transcribed, or is queued.

    Attributes:
        result: resolves to a `Recognised`, or raises Cancelled or EngineFailed.
    """

    result: Future[Recognised]

    def __init__(self, pcm: bytes, language: str = "", *, is_draft: bool = False) -> None:
        self.pcm = pcm
        self.language = language
        self.is_draft = is_draft
        self.result = Future()
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self.is_cancelled = False

    def cancel(self) -> None:
        """Cancel the job, and kill the process that works on it. Does not wait."""
        with self._lock:
            self.is_cancelled = True
            if self._process:
                self._process.end()
        self.result.cancel()

    def run(self, process: "_Process") -> Recognised:
        """Transcribe with a process. Retried once if that process dies by itself."""
        is_retry = False
        while True:
            with self._lock:
                if self.is_cancelled:
                    raise Cancelled
                self._process = process
            try:
                return process.recognise(self)
            except EngineFailed as exc:
                if self.is_cancelled:
                    raise Cancelled from exc  # `cancel` killed the process.
                if is_retry:
                    raise
                is_retry = True
                logger.warning("Retrying an utterance: %s", exc)
            finally:
                with self._lock:
                    self._process = None


class _Waiting:
    """Queued utterances: the urgent ones first; of these and of the others, those of different calls in turn.

    Each gets the turn after the last one of its call, but not one before the turn that is being served (start-time fair
    queueing). So a call with one utterance does not wait for the whole queue of a long recording.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heap: list[tuple[bool, int, int, Job, object]] = []
        self._numbers = itertools.count()
        self._served = 0
        #: For each call with queued utterances: the turn of the last one, and their number.
        self._last: dict[object, tuple[int, int]] = {}

    def put(self, job: Job, call: object, *, is_urgent: bool) -> None:
        with self._lock:
            last, count = self._last.get(call, (self._served - 1, 0))
            turn = max(self._served, last + 1)
            self._last[call] = turn, count + 1
            heapq.heappush(self._heap, (not is_urgent, turn, next(self._numbers), job, call))

    def take(self) -> Job:
        """Remove and return the next utterance. Call it once for each `put`."""
        with self._lock:
            _, turn, _, job, call = heapq.heappop(self._heap)
            self._served = max(self._served, turn)
            last, count = self._last.pop(call)
            if count > 1:
                self._last[call] = last, count - 1
            return job

    def cancel_all(self) -> None:
        with self._lock:
            for *_, job, _ in self._heap:
                job.result.cancel()


class Asr:
    """Transcribes utterances with warm processes, in the order of `_Waiting`.

    Args:
        module: the one of `speechnode.engines` with the recogniser.
        processes: how many utterances are transcribed concurrently; each takes a core and 120 to 260 MB.
        unusable: called with a sentence when the model cannot be loaded.
        arguments: of the recogniser.
    """

    def __init__(
        self,
        module: str,
        processes: int = 1,
        unusable: Callable[[str], None] = lambda _: None,
        arguments: Sequence[str] = (),
    ) -> None:
        self._all = [_Process(module, unusable, arguments) for _ in range(processes)]
        # Last in, first out: the process that was used last is warm.
        self._idle: queue.LifoQueue[_Process] = queue.LifoQueue()
        for process in self._all:
            self._idle.put(process)
        self._waiting = _Waiting()
        self._threads = ThreadPoolExecutor(processes, "asr")
        self._closed = False

    @property
    def loaded(self) -> bool:
        """True if a process has its model in memory."""
        return any(process.is_ready for process in self._all)

    def warm_up(self) -> None:
        """Start a process unless one is ready. Does not wait for it."""
        if not self.loaded and not self._closed:
            self._threads.submit(self._start)

    def load(self) -> None:
        """Start a process, and wait until it has its model in memory.

        Raises:
            EngineFailed: the model cannot be loaded.
        """
        process = self._idle.get()
        try:
            process.start()
        finally:
            self._idle.put(process)

    def submit(
        self, pcm: bytes, *, call: object = None, language: str = "", is_draft: bool = False, is_urgent: bool = False
    ) -> Job:
        """Queue an utterance of a call."""
        job = Job(pcm, language, is_draft=is_draft)
        self._waiting.put(job, call, is_urgent=is_urgent)
        self._threads.submit(self._run_next)
        return job

    def close(self) -> None:
        """Kill the processes, and cancel the queued utterances."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._waiting.cancel_all()
        for process in self._all:
            process.end(for_good=True)

    def _start(self) -> None:
        try:
            self.load()
        except EngineFailed as exc:
            logger.warning("%s", exc)  # The next job starts the process again, and reports its failure.

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
            # Replace a process that was killed with its job, so that the next call does not wait for its start.
            with suppress(RuntimeError):  # The node is closing.
                self.warm_up()


class _Process:
    """A process that transcribes one utterance at a time. If it has ended, the next utterance starts a new one.

    Attributes:
        is_ready: whether it runs and has its model in memory.
    """

    def __init__(self, module: str, unusable: Callable[[str], None], arguments: Sequence[str]) -> None:
        self._module = module
        self._arguments = tuple(arguments)
        self._unusable = unusable
        self.is_ready = False
        self._lock = threading.Lock()
        self._ended_for_good = False
        self._running: tuple[BaseProcess, Connection] | None = None

    def start(self) -> Connection:
        """Start the process unless it is ready. Returns the pipe to it.

        Raises:
            EngineFailed: it died at once, or was killed.
        """
        if self._running and self.is_ready and self._running[0].is_alive():
            return self._running[1]
        process, connection = self._replace()
        if (said := self._receive(connection, _START_SECONDS)) != READY:
            self._unusable(str(said))
            raise EngineFailed(f"{said} Try again, with another engine.")
        with self._lock:
            # It may have been killed since.
            self.is_ready = process.is_alive()
        return connection

    def recognise(self, job: Job) -> Recognised:
        """Return the words of an utterance. Blocks until they are known.

        Raises:
            Cancelled: the job was cancelled.
            EngineFailed: the process died, was killed, or hung.
        """
        connection = self.start()
        # A cancellation from here on kills this process; an earlier one may have killed its predecessor.
        if job.is_cancelled:
            raise Cancelled
        logger.debug("Sending an utterance of %d ms to the recogniser.", duration_ms(job.pcm))
        try:
            connection.send((job.language, job.pcm, job.is_draft))
        except OSError as exc:
            # It may still count as alive; the retry needs another one.
            self.end()
            raise EngineFailed(_ENDED) from exc
        answer: Recognised = self._receive(connection, PATIENCE_SECONDS + PATIENCE_FACTOR * duration_ms(job.pcm) / 1000)
        return answer

    def end(self, *, for_good: bool = False) -> None:
        """Kill the process. A waiting `recognise` raises EngineFailed.

        Args:
            for_good: do not replace it.
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
                raise EngineFailed("The speech node is shutting down; send the call to another node.")
            if self._running:
                process, connection = self._running
                process.kill()
                process.join()
                process.close()
                connection.close()
            # Spawned, because grpc does not support forking a process that serves.
            spawn = multiprocessing.get_context("spawn")
            connection, child_end = spawn.Pipe()
            process = spawn.Process(
                target=run, args=(child_end, self._module, self._arguments), name="speechnode-asr", daemon=True
            )
            process.start()
            # Closed here, so that the pipe reports end of file when the process ends.
            child_end.close()
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
        raise EngineFailed("The speech recognition process does not respond; try again.")

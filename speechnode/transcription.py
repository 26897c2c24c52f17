"""One Transcribe call: a listener thread reads the requests, and the call's thread sends the results.

The listener receives the audio, cuts it into utterances, and cuts these at changes of voice. The engine transcribes
them in its own processes, in order. The call's thread waits for the next event of either, so that pings are answered
while the engine is busy, and the call stops as soon as its caller leaves.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING

import grpc

from speechnode.calls import InferenceCall
from speechnode.engines.pcm import Piece
from speechnode.engines.protocols import AsrEngine, AsrJob, Recognised
from speechnode.failures import Cancelled, Invalid
from speechnode.intake import MeasuredIntake
from tandem.speech.v1 import speech_pb2

if TYPE_CHECKING:
    from speechnode.engines.vad import VoiceSegments

#: Maximum number of utterances that wait for the engine; the listener then reads no further audio.
_MAX_WAITING = 8
#: Minimum step between two progress messages.
_PROGRESS_MS = 1000
#: Minimum length of an utterance for its first draft; it is repeated soon until it has words. Each further draft needs
#: half a second more, or a third more if that is longer, so that all of them cost about three times the final. In each
#: pause that may end the utterance, one is made as the final is, so that the final does not begin after that pause.
_FIRST_DRAFT_MS, _RETRY_STEP_MS, _RETRY_UNTIL_MS = 500, 64, 2_000
_DRAFT_STEP_MS = 500


@dataclass(frozen=True, slots=True)
class _Ended:
    """An utterance, or the part of it in which one voice speaks.

    Attributes:
        resume_ms: where to begin so that what follows it is found again.
    """

    piece: Piece
    resume_ms: int


@dataclass(frozen=True, slots=True)
class _Heard:
    """The listener has processed more audio.

    Attributes:
        ended: what has ended.
        open: the unfinished one, if the caller requested drafts; in a pause, as it ends unless speech continues.
        is_paused: whether there is a pause.
        may_pause: whether a pause has probably begun, or there is one.
        until_ms: everything before is in utterances or is not speech.
    """

    ended: list[_Ended]
    open: Piece | None
    is_paused: bool
    may_pause: bool
    until_ms: int


@dataclass(frozen=True, slots=True)
class _AllHeard:
    """The audio has ended."""

    end_ms: int
    cpu_seconds: float


class _Pinged:
    """The caller has sent a ping."""


@dataclass(frozen=True, slots=True)
class _Failed:
    """The listener has failed."""

    failure: Exception


_Event = _Heard | _AllHeard | _Pinged | _Failed | Future[Recognised] | None


class Transcription:
    """The transcription of one call.

    Args:
        start: its first message.
        intake: for its audio.
        parts: cuts an utterance at changes of voice.
    """

    def __init__(
        self,
        call: InferenceCall,
        asr: AsrEngine,
        start: speech_pb2.AsrStart,
        intake: MeasuredIntake,
        parts: Callable[[Piece], list[Piece]] = lambda utterance: [utterance],
    ) -> None:
        self._call = call
        self._asr = asr
        self._parts = parts
        self._start = start
        self._intake = intake
        self._events: SimpleQueue[_Event] = SimpleQueue()
        self._room = threading.Semaphore(_MAX_WAITING)
        self._stopped = False
        self._finals: deque[tuple[_Ended, AsrJob]] = deque()
        self._draft: tuple[Piece, AsrJob] | None = None
        #: What was recognised in a pause as a final is. It becomes the final if the utterance ends with that pause.
        self._early: tuple[Piece, AsrJob] | None = None
        self._open: Piece | None = None
        self._is_paused = self._may_pause = False
        self._next_draft_ms = _FIRST_DRAFT_MS
        #: The latest revision of each unfinished utterance, by its start in ms.
        self._revisions: dict[int, int] = {}
        self._reported_ms = self._heard_ms = start.start_ms
        #: The utterance of the present pause, and the parts in which one voice speaks.
        self._paused: tuple[Piece, list[Piece]] | None = None
        #: From where on nothing depends on what was before.
        self._anew_ms = start.start_ms
        self._asr_cpu_ms = 0
        self._speech_ms = 0
        #: As detected; empty = the engine has not detected any.
        self._language = start.language

    def run(self, requests: Iterator[speech_pb2.AsrUp]) -> Iterator[speech_pb2.AsrDown]:
        """Process the remaining requests, and yield the responses."""
        from speechnode.engines.vad import VoiceSegments  # Loads a model.

        voices = VoiceSegments(self._start.start_ms)
        begun = time.thread_time()
        self._call.when_ended(lambda: self._events.put(None))
        listener = threading.Thread(target=self._listen, args=(requests, voices), name="listener", daemon=True)
        listener.start()
        try:
            all_heard = yield from self._respond()
            cpu_ms = self._asr_cpu_ms + round((all_heard.cpu_seconds + time.thread_time() - begun) * 1000)
            self._call.facts |= {"audio_ms": all_heard.end_ms - self._start.start_ms, "cpu_ms": cpu_ms}
            yield speech_pb2.AsrDown(
                done=speech_pb2.Done(
                    audio_ms=all_heard.end_ms,
                    cpu_ms=cpu_ms,
                    incomplete_reason=self._intake.incomplete_reason,
                    notice=self._intake.notice,
                    speech_ms=self._speech_ms,
                    peaks=self._intake.peaks,
                )
            )
        finally:
            self._stop()

    # The listener's thread.

    def _listen(self, requests: Iterator[speech_pb2.AsrUp], voices: "VoiceSegments") -> None:
        begun = time.thread_time()
        try:
            for request in requests:
                match request.WhichOneof("up"):
                    case "audio":
                        self._feed(voices, self._intake.take(request.audio))
                    case "finalize":
                        self._report(voices, voices.finish())
                    case "ping":
                        self._events.put(_Pinged())
                    case _:
                        raise Invalid("Every message after `start` must be `audio`, `finalize` or `ping`.")
            self._feed(voices, self._intake.end())
            self._report(voices, voices.finish())
            self._events.put(_AllHeard(voices.heard_ms, time.thread_time() - begun))
        except (Cancelled, grpc.RpcError):
            self._events.put(None)
        except Exception as exc:
            self._events.put(_Failed(exc))
        finally:
            self._intake.close()

    def _feed(self, voices: "VoiceSegments", pieces: Iterator[Piece]) -> None:
        for piece in pieces:
            self._report(voices, voices.hear(piece))

    def _report(self, voices: "VoiceSegments", utterances: list[Piece]) -> None:
        for ended in (ended for utterance in utterances for ended in self._ended(utterance)):
            self._room.acquire()
            if self._stopped:
                raise Cancelled
            self._events.put(_Heard([ended], None, False, False, ended.piece.end_ms))
        if self._stopped:
            raise Cancelled
        paused = voices.paused if self._start.interim else None
        unfinished = paused or voices.open if self._start.interim else None
        self._events.put(_Heard([], unfinished, paused is not None, voices.may_pause, voices.heard_ms))
        if paused and not (self._paused and self._paused[0] == paused):
            # Sought while the engine recognises it, not after the pause.
            self._paused = paused, self._parts(paused)

    def _ended(self, utterance: Piece) -> list[_Ended]:
        """Return the parts of an utterance. Only from its beginning on are they found again."""
        from speechnode.engines.vad import detected_from, may_be_cut  # Loads a model.

        begin_ms = max(self._anew_ms, detected_from(utterance.start_ms))
        if may_be_cut(utterance):
            self._anew_ms = utterance.end_ms
        end_ms = max(self._anew_ms, detected_from(utterance.end_ms))
        paused, self._paused = self._paused, None
        *parts, last = paused[1] if paused and paused[0] == utterance else self._parts(utterance)
        return [*(_Ended(part, begin_ms) for part in parts), _Ended(last, end_ms)]

    # The call's thread.

    def _respond(self) -> Generator[speech_pb2.AsrDown, None, _AllHeard]:
        all_heard: _AllHeard | None = None
        while True:
            event = self._events.get()
            self._call.checkpoint()
            match event:
                case None:
                    raise Cancelled
                case _Failed(failure):
                    raise failure
                case _AllHeard():
                    all_heard = event
                case _Pinged():
                    yield self._progress()
                case _Heard():
                    self._take_up(event)
                    yield from self._finished_finals()
                case _:  # A job has ended.
                    self._count(event)
                    if draft := self._finished_draft():
                        yield draft
                    yield from self._finished_finals()
            ended = all_heard and not self._finals and not self._draft
            if (known_ms := self._known_ms()) - self._reported_ms >= (1 if ended else _PROGRESS_MS):
                self._reported_ms = known_ms
                yield self._progress()
            if ended and all_heard:
                return all_heard
            self._begin_draft()

    def _take_up(self, heard: _Heard) -> None:
        for ended in heard.ended:
            self._speech_ms += ended.piece.end_ms - ended.piece.start_ms
            self._finals.append((ended, self._final(ended.piece)))
        if heard.open is None or self._open is None or heard.open.start_ms != self._open.start_ms:
            self._next_draft_ms = _FIRST_DRAFT_MS
        self._open, self._is_paused, self._may_pause = heard.open, heard.is_paused, heard.may_pause
        self._heard_ms = heard.until_ms

    def _final(self, utterance: Piece) -> AsrJob:
        """Return the job of an utterance that has ended: the one of its last pause, if there is one."""
        early, self._early = self._early, None
        if early and early[0] == utterance:
            if early == self._draft:
                self._draft = None
            return early[1]
        self._withdraw_draft()
        return self._submit(utterance)

    def _withdraw_draft(self) -> None:
        """Withdraw the draft if it is still queued."""
        if self._draft and self._draft[1].result.cancel():
            self._draft = None

    def _submit(self, utterance: Piece, *, is_draft: bool = False, is_repeated: bool = False) -> AsrJob:
        job = self._asr.submit(
            utterance.pcm,
            call=self,
            language=self._start.language,
            is_draft=is_draft,
            # Those who speak now wait for first words and for finals.
            is_urgent=self._start.interim and not is_repeated,
        )
        job.result.add_done_callback(self._events.put)
        return job

    def _begin_draft(self) -> None:
        """Submit the open utterance for a draft, if it is long enough and no final of this call is pending."""
        if not self._open or self._finals:
            return
        if self._early and self._early[0] == self._open:
            return
        length = self._open.end_ms - self._open.start_ms
        is_repeated = self._open.start_ms in self._revisions
        if self._is_paused:
            self._withdraw_draft()
            self._next_draft_ms = length + _DRAFT_STEP_MS
            self._draft = self._early = self._open, self._submit(self._open)
        # What is likely to be recognised as a final soon is not recognised as a draft before.
        elif not self._draft and length >= self._next_draft_ms and not (is_repeated and self._may_pause):
            is_awaited = length < _RETRY_UNTIL_MS and not is_repeated
            self._next_draft_ms = length + (_RETRY_STEP_MS if is_awaited else max(_DRAFT_STEP_MS, length // 3))
            self._draft = self._open, self._submit(self._open, is_draft=True, is_repeated=is_repeated)

    def _finished_draft(self) -> speech_pb2.AsrDown | None:
        if not self._draft or not self._draft[1].result.done():
            return None
        utterance, job = self._draft
        self._draft = None
        recognised = self._recognised(job)
        if not self._open or self._open.start_ms != utterance.start_ms:
            return None  # The utterance has ended since, and its final is pending.
        return self._segment(utterance, recognised) if recognised.words else None

    def _finished_finals(self) -> Iterator[speech_pb2.AsrDown]:
        while self._finals and self._finals[0][1].result.done():
            ended, job = self._finals.popleft()
            self._room.release()
            recognised = self._recognised(job)
            if recognised.language and not self._language:
                self._language = recognised.language
                yield speech_pb2.AsrDown(language=speech_pb2.DetectedLanguage(language=recognised.language))
            # An utterance with a draft needs a final, even if the engine found no words in it.
            if recognised.words or ended.piece.start_ms in self._revisions:
                yield self._segment(ended.piece, recognised, ended.resume_ms)
                self._revisions.pop(ended.piece.start_ms)

    def _count(self, result: Future[Recognised]) -> None:
        if not result.cancelled() and not result.exception():
            self._asr_cpu_ms += result.result().cpu_ms

    def _recognised(self, job: AsrJob) -> Recognised:
        try:
            return job.result.result()
        except CancelledError:  # The node is shutting down.
            raise Cancelled from None

    def _segment(self, utterance: Piece, recognised: Recognised, resume_ms: int | None = None) -> speech_pb2.AsrDown:
        """Return the message of a final, or of a draft if it cannot be resumed after it."""
        start = utterance.start_ms
        self._revisions[start] = self._revisions.get(start, 0) + 1
        words = [
            speech_pb2.Word(
                text=word.text,
                start_ms=start + word.start_ms,
                end_ms=start + word.end_ms,
                confidence=word.confidence,
            )
            for word in recognised.words
        ]
        return speech_pb2.AsrDown(
            segment=speech_pb2.Segment(
                segment_id=f"s{start:010d}",
                revision=self._revisions[start],
                final=resume_ms is not None,
                start_ms=start,
                end_ms=utterance.end_ms,
                text=" ".join(word.text for word in recognised.words),
                confidence=sum(word.confidence for word in recognised.words) / max(1, len(words)),
                words=words if self._start.word_times else (),
                resume_ms=resume_ms,
            )
        )

    def _known_ms(self) -> int:
        """Return the time before which all results have been sent."""
        return self._finals[0][0].piece.start_ms if self._finals else self._heard_ms

    def _progress(self) -> speech_pb2.AsrDown:
        progress = speech_pb2.Progress(audio_ms_done=self._reported_ms, audio_ms_total=self._intake.total_ms)
        return speech_pb2.AsrDown(progress=progress)

    def _stop(self) -> None:
        """Stop the listener and the pending jobs of this call."""
        self._stopped = True
        for _, job in [*self._finals, *([self._draft] if self._draft else [])]:
            job.cancel()
        # The listener may be waiting for room; it then finds `_stopped` set and ends.
        self._room.release(_MAX_WAITING)

"""Interfaces of speech engines, their requests and answers, and their errors.

All calls block, stream their answers as the dataclasses here, and end soon after their `Call` was stopped. Times are
milliseconds from the beginning of the recording.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Protocol


class Kind(Enum):
    """Kinds of engines; the values complete the sentence "No speech engine here can …"."""

    ASR = "turn speech into text"
    SPEAKER = "tell voices apart"
    SUMMARY = "summarise"


class EngineError(Exception):
    """Base of the errors below. The message is a sentence for people."""


class BadRecording(EngineError):
    """No engine of this kind can process the recording: no audio, too large. Do not retry."""


class NoCapableEngine(EngineError):
    """No engine of this kind is configured, or none supports the language."""


class EngineUnavailable(EngineError):
    """No engine could be reached, or it has no space for the file. Processing has not begun; retry later."""


class EngineBusy(EngineError):
    """All streams of the engine are in use. Retry soon; this does not count as an attempt."""


class EngineFailed(EngineError):
    """The engine died, hung, ended early, or gave an invalid answer. Retry a limited number of times."""


class Stopped(Exception):
    """The caller stopped the call."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine's description.

    Attributes:
        languages: ISO 639-1; empty = any.
    """

    name: str
    version: str
    kind: Kind
    model_id: str = ""
    model_sha256: str = ""
    languages: tuple[str, ...] = ()

    @property
    def description(self) -> dict[str, str]:
        """The description for rows and messages."""
        return {
            "name": self.name,
            "version": self.version,
            "model_id": self.model_id,
            "model_sha256": self.model_sha256,
        }

    @property
    def hash(self) -> str:
        """SHA-256 of the description. Engines with the same hash give the same answers."""
        return hashlib.sha256(json.dumps([self.kind.name, self.description], sort_keys=True).encode()).hexdigest()

    def knows(self, language: str) -> bool:
        """Return whether the engine supports this language; empty = to be detected."""
        return not language or not self.languages or language in self.languages


class Call:
    """One call of an engine, which another thread may stop. Records when the engine last gave a sign of life."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._wake: Callable[[], None] | None = None
        self.why: Exception | None = None
        self._moved_at = self._seen_at = time.monotonic()

    def stop(self, why: Exception) -> None:
        """Stop the call. The first reason is raised in the calling thread; later ones are ignored."""
        with self._lock:
            if self._stopped.is_set():
                return
            self.why = why
            self._stopped.set()
            wake = self._wake
        if wake:
            wake()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    def raise_if_stopped(self) -> None:
        if self.why:
            raise self.why

    def when_stopped(self, wake: Callable[[], None]) -> None:
        """Set the function to call when the call is stopped, at once if it already is. Replaces an earlier one."""
        with self._lock:
            self._wake = wake
            stopped = self._stopped.is_set()
        if stopped:
            wake()

    def wait(self, seconds: float) -> None:
        """Sleep until the time is over or the call is stopped.

        Raises:
            Exception: the reason why it was stopped.
        """
        self._stopped.wait(seconds)
        self.raise_if_stopped()

    def moved(self) -> None:
        """Record that the engine has answered or accepted audio."""
        self._moved_at = self._seen_at = time.monotonic()

    def seen(self) -> None:
        """Record a sign of life of an engine without progress."""
        self._seen_at = time.monotonic()

    @property
    def quiet_seconds(self) -> float:
        """Seconds since the engine last answered or accepted audio."""
        return time.monotonic() - self._moved_at

    @property
    def unseen_seconds(self) -> float:
        """Seconds since the engine's last sign of life."""
        return time.monotonic() - self._seen_at


@dataclass(frozen=True, slots=True)
class Word:
    """A word, and the engine's confidence, 0 to 1."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Final:
    """An utterance without a pause, in its final form."""

    start_ms: int
    end_ms: int
    text: str
    confidence: float
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """Everything before `done_ms` has been processed and returned.

    Attributes:
        total_ms: length of the recording; 0 = unknown.
    """

    done_ms: int
    total_ms: int = 0


@dataclass(frozen=True, slots=True)
class Detected:
    """The detected language, in ISO 639-1."""

    language: str


@dataclass(frozen=True, slots=True)
class Done:
    """The last answer.

    Attributes:
        audio_ms: length of the recording.
        cpu_ms: CPU time of the call.
        incomplete_reason: why the recording is truncated, as a sentence; empty = it is complete.
    """

    audio_ms: int
    cpu_ms: int = 0
    incomplete_reason: str = ""


@dataclass(frozen=True, slots=True)
class SpeakerTrack:
    """A speaker. All are returned before the first turn, in the order of their first utterances."""

    label: str
    speech_ms: int
    voice_print: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """A time in which one speaker speaks."""

    start_ms: int
    end_ms: int
    label: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """A segment to be summarised.

    Attributes:
        person_id: the speaker's id in the roster, to resolve "I"; empty = unknown.
    """

    segment_id: str
    start_ms: int
    end_ms: int
    text: str
    person_id: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """A possible owner of action items, and the names by which others may call them."""

    person_id: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A text and its source segments, at least one."""

    text: str
    segment_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DetectedActionItem:
    """A commitment detected in the meeting.

    Attributes:
        person_id: of the roster; empty = no person of the roster, or several.
        due_on: None = no date was mentioned, or it cannot be resolved.
    """

    text: str
    segment_ids: tuple[str, ...]
    owner: str = ""
    person_id: str = ""
    due: str = ""
    due_on: date | None = None
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary of a meeting, with its action items."""

    overview: tuple[Statement, ...] = ()
    topics: tuple[Statement, ...] = ()
    decisions: tuple[Statement, ...] = ()
    deeds: tuple[DetectedActionItem, ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True)
class AudioRequest:
    """Parameters of a transcription or diarization.

    Attributes:
        session_id: the caller's name for this work, for logs.
        language: empty = to be detected.
        speaker_count: 0 = to be detected.
        start_ms: where in the recording to start.
    """

    session_id: str
    language: str = ""
    speaker_count: int = 0
    start_ms: int = 0


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """The segments to be summarised, and the people involved.

    Attributes:
        held_on: the day that relative dates such as "by Friday" refer to; None = they are not resolved.
    """

    session_id: str
    segments: Sequence[Utterance]
    language: str = ""
    roster: Sequence[Person] = ()
    held_on: date | None = None


class AsrEngine(Protocol):
    """An engine that transcribes speech."""

    def transcribe(
        self, audio: Iterable[bytes], request: AudioRequest, call: Call
    ) -> Iterator[Final | Progress | Detected | Done]:
        """Transcribe a file, whose bytes are `audio`. Yield finals in their order, and `Done` last."""
        ...


class SpeakerEngine(Protocol):
    """An engine that finds when each speaker speaks."""

    def diarize(
        self, audio: Iterable[bytes], request: AudioRequest, call: Call
    ) -> Iterator[SpeakerTrack | Turn | Progress | Done]:
        """Yield the speakers in a file, then their turns, and `Done` last."""
        ...


class SummaryEngine(Protocol):
    """An engine that summarises segments."""

    def summarize(self, request: SummaryRequest, call: Call) -> Summary:
        """Return a summary of the segments."""
        ...


class Node(AsrEngine, SpeakerEngine, SummaryEngine, Protocol):
    """A process that runs engines."""

    def engines(self) -> Sequence[Engine]:
        """Return the engines that are available at present.

        Raises:
            EngineUnavailable: the node cannot be reached.
        """
        ...

    def lives(self) -> bool:
        """Return whether the node answers within seconds, even if it is busy."""
        ...

    def give_up(self) -> None:
        """Restart the node, if this process can, because it has hung."""
        ...

    def close(self) -> None:
        """Stop the node's process and close its connection, if there are any."""
        ...

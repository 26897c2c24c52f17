"""What the pipeline expects of an engine, whatever runs it and wherever; and how engines fail.

All calls block, answer as a stream of the dataclasses here, and end soon after their `Call` was stopped. Times are
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
    """What an engine does, in words for people."""

    ASR = "turn speech into text"
    SPEAKER = "tell voices apart"
    SUMMARY = "summarise"


class EngineError(Exception):
    """The message is a sentence for people. One of the classes below."""


class BadRecording(EngineError):
    """It cannot be worked on by any engine of this kind: no audio, too large. Trying again does not help."""


class NoCapableEngine(EngineError):
    """No engine here can do that, or knows the language."""


class EngineUnavailable(EngineError):
    """No engine could be asked, or it has no room for the file: nothing was begun. Worth another try, later."""


class EngineBusy(EngineError):
    """All places are taken: worth another try soon, which is no try at the recording."""


class EngineFailed(EngineError):
    """It died, hung, broke off, or answered what it must not. Worth another try, but not for ever."""


class Stopped(Exception):
    """The call was stopped by whoever made it."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What an engine says of itself.

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
    def told(self) -> dict[str, str]:
        """As rows and messages tell it."""
        return {
            "name": self.name,
            "version": self.version,
            "model_id": self.model_id,
            "model_sha256": self.model_sha256,
        }

    @property
    def hash(self) -> str:
        """The same hash means the same answers."""
        return hashlib.sha256(json.dumps([self.kind.name, self.told], sort_keys=True).encode()).hexdigest()

    def knows(self, language: str) -> bool:
        """Whether it understands this language; empty = whichever it finds."""
        return not language or not self.languages or language in self.languages


class Call:
    """One call of an engine, which another thread may stop. Knows when the engine last gave a sign of life."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._wake: Callable[[], None] | None = None
        self.why: Exception | None = None
        self._moved_at = self._seen_at = time.monotonic()

    def stop(self, why: Exception) -> None:
        """Ends it; the first reason counts, and is what the caller gets."""
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
        """Has this called when the call is stopped, at once if it is already. Of several the last counts."""
        with self._lock:
            self._wake = wake
            stopped = self._stopped.is_set()
        if stopped:
            wake()

    def wait(self, seconds: float) -> None:
        """Sleeps, unless it is stopped.

        Raises:
            Exception: the reason why it was stopped.
        """
        self._stopped.wait(seconds)
        self.raise_if_stopped()

    def moved(self) -> None:
        """The engine has answered something, or taken audio."""
        self._moved_at = self._seen_at = time.monotonic()

    def seen(self) -> None:
        """It lives, though it has nothing to say."""
        self._seen_at = time.monotonic()

    @property
    def quiet_seconds(self) -> float:
        """Since it last answered something, or took audio."""
        return time.monotonic() - self._moved_at

    @property
    def unseen_seconds(self) -> float:
        """Since it last gave any sign of life."""
        return time.monotonic() - self._seen_at


@dataclass(frozen=True, slots=True)
class Word:
    """A word, and how sure the engine is of it, 0 to 1."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Final:
    """Something that was said without a pause; it does not change any more."""

    start_ms: int
    end_ms: int
    text: str
    confidence: float
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """Everything before `done_ms` has been worked on, and told.

    Attributes:
        total_ms: how long the recording is; 0 = not known.
    """

    done_ms: int
    total_ms: int = 0


@dataclass(frozen=True, slots=True)
class Detected:
    """The language that is spoken, as ISO 639-1 says it."""

    language: str


@dataclass(frozen=True, slots=True)
class Done:
    """The last answer.

    Attributes:
        audio_ms: when the recording ends.
        cpu_ms: what it took.
        incomplete_reason: why it ends before it should, as a sentence; empty = it is whole.
    """

    audio_ms: int
    cpu_ms: int = 0
    incomplete_reason: str = ""


@dataclass(frozen=True, slots=True)
class SpeakerTrack:
    """A speaker; all of them come before the first turn, in the order in which they are first heard."""

    label: str
    speech_ms: int
    voice_print: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """A voice speaks."""

    start_ms: int
    end_ms: int
    label: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """A segment to be summarised.

    Attributes:
        person_id: of the roster, whose "I" this is; empty = not known.
    """

    segment_id: str
    start_ms: int
    end_ms: int
    text: str
    person_id: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Who may own an action item, and what others may call them."""

    person_id: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A text and the segments that it rests on: at least one."""

    text: str
    segment_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DetectedActionItem:
    """What somebody said they, or somebody else, would do.

    Attributes:
        person_id: of the roster; empty = nobody on it, or several.
        due_on: None = not said, or it cannot be told.
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
    """What was said, in short."""

    overview: tuple[Statement, ...] = ()
    topics: tuple[Statement, ...] = ()
    decisions: tuple[Statement, ...] = ()
    deeds: tuple[DetectedActionItem, ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True)
class AudioRequest:
    """How a recording is to be listened to.

    Attributes:
        session_id: the caller's name for this work, for logs.
        language: empty = to be found out.
        speaker_count: 0 = to be found out.
        start_ms: from when on.
    """

    session_id: str
    language: str = ""
    speaker_count: int = 0
    start_ms: int = 0


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """What is to be summarised, for whom.

    Attributes:
        held_on: from which "by Friday" is counted; None = no date is worked out.
    """

    session_id: str
    segments: Sequence[Utterance]
    language: str = ""
    roster: Sequence[Person] = ()
    held_on: date | None = None


class AsrEngine(Protocol):
    """Speech to text."""

    def transcribe(
        self, audio: Iterable[bytes], asked: AudioRequest, call: Call
    ) -> Iterator[Final | Progress | Detected | Done]:
        """What is said in a file, whose bytes are `audio`. Finals in their order; `Done` last."""
        ...


class SpeakerEngine(Protocol):
    """Who spoke when."""

    def diarize(
        self, audio: Iterable[bytes], asked: AudioRequest, call: Call
    ) -> Iterator[SpeakerTrack | Turn | Progress | Done]:
        """The voices in a file, then when each speaks; `Done` last."""
        ...


class SummaryEngine(Protocol):
    """What was said, in short."""

    def summarize(self, asked: SummaryRequest, call: Call) -> Summary:
        """The summary."""
        ...


class Node(AsrEngine, SpeakerEngine, SummaryEngine, Protocol):
    """Where engines run."""

    def engines(self) -> Sequence[Engine]:
        """What it can do just now.

        Raises:
            EngineUnavailable: it cannot be asked.
        """
        ...

    def lives(self) -> bool:
        """Whether it answers at all, within seconds, however busy it is."""
        ...

    def give_up(self) -> None:
        """It has hung: whoever can starts it anew."""
        ...

    def close(self) -> None:
        """Ends what was started for it."""
        ...

"""Interfaces of engines. docs/extend/speech.md describes how to add one to `catalog`."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from speechnode.engines.pcm import Piece
    from speechnode.engines.speakers import Speaker, Turn
    from speechnode.engines.summary import Said, Summary
    from speechnode.engines.voice_prints import Floats


class SpokenWord(NamedTuple):
    """A word; times in ms from the beginning of its utterance, confidence from 0 to 1."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


class Recognised(NamedTuple):
    """The words of an utterance, the CPU time of the recognition, and the language if the engine has detected it."""

    words: list[SpokenWord]
    cpu_ms: int
    language: str = ""


class AsrJob(Protocol):
    """An utterance that is being transcribed, or is queued.

    Attributes:
        result: resolves to the words, or raises a `Failure`. Its own `cancel` withdraws the job if it is still queued.
    """

    result: Future[Recognised]

    def cancel(self) -> None:
        """Cancel the job. The work ends within a second; this does not wait for it."""
        ...


class AsrEngine(Protocol):
    """Speech to text, utterance by utterance (at most `vad.MAX_MS`). The same samples give the same words."""

    @property
    def loaded(self) -> bool:
        """True if the model is in memory."""
        ...

    def warm_up(self) -> None:
        """Start loading the model. Does not wait for it."""
        ...

    def submit(
        self, pcm: bytes, *, call: object = None, language: str = "", is_draft: bool = False, is_urgent: bool = False
    ) -> AsrJob:
        """Queue an utterance. Those of one call are transcribed in order, those of different calls in turn.

        Args:
            language: of the recording; empty = not known.
            is_draft: the utterance is unfinished: its words may be less certain, and their times less exact.
            is_urgent: transcribed before all that are not urgent, because people wait for it.
        """
        ...

    def close(self) -> None:
        """Stop the work and the processes."""
        ...


class Listener(Protocol):
    """Receives the utterances of a recording, then assigns them to speakers."""

    @property
    def speech_ms(self) -> int:
        """Duration of the speech received so far."""
        ...

    def take(self, utterance: "Piece") -> None:
        """Process an utterance, within a second."""
        ...

    def overall_print(self) -> "Floats":
        """Return the voice print of all received speech. Raises TooLittleSpeech."""
        ...

    def told_apart(self, count: int = 0, checkpoint: Callable[[], None] = ...) -> "tuple[list[Speaker], list[Turn]]":
        """Return the speakers, in the order of their first turns, and the turns."""
        ...


class SpeakerEngine(Protocol):
    """Diarization and voice prints."""

    def listen(self) -> Listener:
        """Return a listener for one recording."""
        ...

    def parts(self, utterance: "Piece") -> "list[Piece]":
        """Cut an utterance at its changes of voice, within a second. The same samples give the same parts."""
        ...


class SummaryEngine(Protocol):
    """Summaries of transcripts."""

    def summarise(self, transcript: "Said", checkpoint: Callable[[], None]) -> "Iterator[str | Summary]":
        """Yield pieces of the overview, if the engine produces them one by one; then the summary."""
        ...

"""What the node expects of an engine. docs/extend/speech.md describes how to add one to `catalog`."""

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
    """What was said in an utterance, and what CPU time it took to find out."""

    words: list[SpokenWord]
    cpu_ms: int


class AsrJob(Protocol):
    """An utterance that is being worked on, or waits for it.

    Attributes:
        result: set to what was said, or to a `Failure`.
    """

    result: Future[Recognised]

    def cancel(self) -> None:
        """Nobody wants it any more. The work ends within a second; this does not wait for it."""
        ...


class AsrEngine(Protocol):
    """Speech to text, utterance by utterance (at most `vad.MAX_MS`). The same samples give the same words."""

    @property
    def loaded(self) -> bool:
        """Whether its model is in memory."""
        ...

    def warm_up(self) -> None:
        """Begins to load the model. Does not wait for it."""
        ...

    def submit(self, pcm: bytes, *, call: object = None) -> AsrJob:
        """Begins to work on an utterance; those of one call are worked on in the order in which they come, and calls
        take turns.
        """
        ...

    def close(self) -> None:
        """Ends its work and its processes."""
        ...


class Listener(Protocol):
    """Takes the utterances of a recording, then tells whose they are."""

    @property
    def speech_ms(self) -> int:
        """How much speech it has heard."""
        ...

    def take(self, utterance: "Piece") -> None:
        """Hears an utterance, within a second."""
        ...

    def overall_print(self) -> "Floats":
        """The voice print of all that was heard. Raises TooLittleSpeech."""
        ...

    def told_apart(self, count: int = 0, checkpoint: Callable[[], None] = ...) -> "tuple[list[Speaker], list[Turn]]":
        """The speakers in the order in which they begin, and their turns."""
        ...


class SpeakerEngine(Protocol):
    """Who spoke when, and voice prints."""

    def listen(self) -> Listener:
        """For one recording."""
        ...


class SummaryEngine(Protocol):
    """What was said, in short."""

    def summarise(self, said: "Said", checkpoint: Callable[[], None]) -> "Iterator[str | Summary]":
        """Pieces of the overview, if it makes them one by one; then the summary."""
        ...

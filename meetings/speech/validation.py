"""What an engine answers, held against what it must be: an engine that breaks the rules has failed, whoever made it."""

from collections.abc import Iterable, Iterator
from math import isfinite

from meetings.speech.protocols import (
    AudioRequest,
    Call,
    Detected,
    Done,
    EngineFailed,
    Final,
    Node,
    Progress,
    SpeakerTrack,
    Statement,
    Summary,
    SummaryRequest,
    Turn,
)

MAX_TEXT_LENGTH = 10_000
MAX_VOICES = 100
MAX_STATEMENTS = 1_000
#: All of a summary fits in one message, and all its action items in another, of the 4 MB that gRPC clients take.
MAX_CHARACTERS, MAX_SOURCES = 300_000, 20_000


class ValidatingNode:
    """A node's engines, which raise EngineFailed where the node's answer is none."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def transcribe(
        self, audio: Iterable[bytes], asked: AudioRequest, call: Call
    ) -> Iterator[Final | Progress | Detected | Done]:
        heard_ms = done_ms = asked.start_ms
        end: Done | None = None
        for answer in self._node.transcribe(audio, asked, call):
            _require(end is None, "it went on after its end")
            match answer:
                case Final():
                    # It may begin before `start_ms`: utterances have a margin.
                    _require(0 <= answer.start_ms < answer.end_ms, "a segment ends before it begins")
                    _require(answer.start_ms >= heard_ms or heard_ms == asked.start_ms, "its segments overlap")
                    _require(len(answer.text) <= MAX_TEXT_LENGTH and "\0" not in answer.text, "a segment is no text")
                    _require(_is_share(answer.confidence), "its confidence is none")
                    _require(all(word.start_ms <= word.end_ms for word in answer.words), "a word ends before it begins")
                    _require(all(_is_share(word.confidence) for word in answer.words), "its confidence is none")
                    heard_ms = answer.end_ms
                case Progress():
                    _require(answer.done_ms >= done_ms and answer.total_ms >= 0, "it went backwards")
                    done_ms = answer.done_ms
                case Detected():
                    _require(answer.language.isalpha() and len(answer.language) in (2, 3), "it named no language")
                case Done():
                    # Who is told of it believes that nothing follows.
                    end = answer
                    continue
            yield answer
        yield _ended(end)

    def diarize(
        self, audio: Iterable[bytes], asked: AudioRequest, call: Call
    ) -> Iterator[SpeakerTrack | Turn | Progress | Done]:
        labels: set[str] = set()
        turn_ms, turned = 0, False
        end: Done | None = None
        for answer in self._node.diarize(audio, asked, call):
            _require(end is None, "it went on after its end")
            match answer:
                case SpeakerTrack():
                    _require(not turned and answer.label not in labels, "a voice came twice, or too late")
                    _require(
                        0 < len(answer.label) <= 20 and answer.label.isprintable() and len(labels) < MAX_VOICES,
                        "its voices are none",
                    )
                    _require(answer.speech_ms >= 0 and all(map(isfinite, answer.voice_print)), "a voice is no voice")
                    labels.add(answer.label)
                case Turn():
                    _require(answer.label in labels, "nobody has the voice that speaks")
                    _require(turn_ms <= answer.start_ms <= answer.end_ms, "its turns are in no order")
                    turn_ms, turned = answer.start_ms, True
                case Done():
                    # Who is told of it believes that nothing follows.
                    end = answer
                    continue
            yield answer
        yield _ended(end)

    def summarize(self, asked: SummaryRequest, call: Call) -> Summary:
        summary = self._node.summarize(asked, call)
        known = {segment.segment_id for segment in asked.segments}
        persons = {"", *(person.person_id for person in asked.roster)}
        statements = [*summary.overview, *summary.topics, *summary.decisions]
        said = [*statements, *(Statement(deed.text, deed.segment_ids) for deed in summary.deeds)]
        _require(
            len(said) <= MAX_STATEMENTS
            and sum(len(statement.text) for statement in said) <= MAX_CHARACTERS
            and sum(len(statement.segment_ids) for statement in said) <= MAX_SOURCES,
            "its summary has no end",
        )
        for statement in said:
            _require(bool(statement.text.strip()) and len(statement.text) <= MAX_TEXT_LENGTH, "a statement is no text")
            _require("\0" not in statement.text, "a statement is no text")
            _require(bool(statement.segment_ids), "a statement rests on nothing")
            _require(known.issuperset(statement.segment_ids), "it names what was never said")
        for deed in summary.deeds:
            _require(deed.person_id in persons, "it names somebody who is not there")
            _require(_is_share(deed.confidence), "its confidence is none")
        return summary


def _ended(end: Done | None) -> Done:
    if end is None:
        raise EngineFailed("The speech engine's answer cannot be used: it broke off.")
    _require(end.audio_ms >= 0 and end.cpu_ms >= 0, "it ends before it begins")
    return end


def _is_share(number: float) -> bool:
    return -0.001 <= number <= 1.001


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise EngineFailed(f"The speech engine's answer cannot be used: {what}.")

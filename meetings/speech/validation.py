"""What an engine answers, held against what it must be: an engine that breaks the rules has failed, whoever made it."""

from collections.abc import Iterable, Iterator
from math import isfinite

from meetings.speech.protocols import (
    Call,
    Detected,
    Done,
    EngineFailed,
    Final,
    Listening,
    Node,
    Progress,
    Statement,
    Summary,
    Telling,
    Turn,
    Voice,
)

LONGEST_TEXT = 10_000
MOST_VOICES = 100
MOST_STATEMENTS = 1_000
#: All of a summary fits in one message, and all its action items in another, of the 4 MB that gRPC clients take.
MOST_CHARACTERS, MOST_SOURCES = 300_000, 20_000


class Checked:
    """A node's engines, which raise EngineFailed where the node's answer is none."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def transcribe(
        self, audio: Iterable[bytes], asked: Listening, call: Call
    ) -> Iterator[Final | Progress | Detected | Done]:
        heard_ms = done_ms = asked.start_ms
        end: Done | None = None
        for answer in self._node.transcribe(audio, asked, call):
            _demand(end is None, "it went on after its end")
            match answer:
                case Final():
                    # It may begin before `start_ms`: utterances have a margin.
                    _demand(0 <= answer.start_ms < answer.end_ms, "a segment ends before it begins")
                    _demand(answer.start_ms >= heard_ms or heard_ms == asked.start_ms, "its segments overlap")
                    _demand(len(answer.text) <= LONGEST_TEXT and "\0" not in answer.text, "a segment is no text")
                    _demand(_is_share(answer.confidence), "its confidence is none")
                    _demand(all(word.start_ms <= word.end_ms for word in answer.words), "a word ends before it begins")
                    _demand(all(_is_share(word.confidence) for word in answer.words), "its confidence is none")
                    heard_ms = answer.end_ms
                case Progress():
                    _demand(answer.done_ms >= done_ms and answer.total_ms >= 0, "it went backwards")
                    done_ms = answer.done_ms
                case Detected():
                    _demand(answer.language.isalpha() and len(answer.language) in (2, 3), "it named no language")
                case Done():
                    # Who is told of it believes that nothing follows.
                    end = answer
                    continue
            yield answer
        yield _ended(end)

    def diarize(self, audio: Iterable[bytes], asked: Listening, call: Call) -> Iterator[Voice | Turn | Progress | Done]:
        labels: set[str] = set()
        turn_ms, turned = 0, False
        end: Done | None = None
        for answer in self._node.diarize(audio, asked, call):
            _demand(end is None, "it went on after its end")
            match answer:
                case Voice():
                    _demand(not turned and answer.label not in labels, "a voice came twice, or too late")
                    _demand(
                        0 < len(answer.label) <= 20 and answer.label.isprintable() and len(labels) < MOST_VOICES,
                        "its voices are none",
                    )
                    _demand(answer.speech_ms >= 0 and all(map(isfinite, answer.voice_print)), "a voice is no voice")
                    labels.add(answer.label)
                case Turn():
                    _demand(answer.label in labels, "nobody has the voice that speaks")
                    _demand(turn_ms <= answer.start_ms <= answer.end_ms, "its turns are in no order")
                    turn_ms, turned = answer.start_ms, True
                case Done():
                    # Who is told of it believes that nothing follows.
                    end = answer
                    continue
            yield answer
        yield _ended(end)

    def summarize(self, asked: Telling, call: Call) -> Summary:
        summary = self._node.summarize(asked, call)
        known = {segment.segment_id for segment in asked.segments}
        persons = {"", *(person.person_id for person in asked.roster)}
        statements = [*summary.overview, *summary.topics, *summary.decisions]
        said = [*statements, *(Statement(deed.text, deed.segment_ids) for deed in summary.deeds)]
        _demand(
            len(said) <= MOST_STATEMENTS
            and sum(len(statement.text) for statement in said) <= MOST_CHARACTERS
            and sum(len(statement.segment_ids) for statement in said) <= MOST_SOURCES,
            "its summary has no end",
        )
        for statement in said:
            _demand(bool(statement.text.strip()) and len(statement.text) <= LONGEST_TEXT, "a statement is no text")
            _demand("\0" not in statement.text, "a statement is no text")
            _demand(bool(statement.segment_ids), "a statement rests on nothing")
            _demand(known.issuperset(statement.segment_ids), "it names what was never said")
        for deed in summary.deeds:
            _demand(deed.person_id in persons, "it names somebody who is not there")
            _demand(_is_share(deed.confidence), "its confidence is none")
        return summary


def _ended(end: Done | None) -> Done:
    if end is None:
        raise EngineFailed("The speech engine's answer cannot be used: it broke off.")
    _demand(end.audio_ms >= 0 and end.cpu_ms >= 0, "it ends before it begins")
    return end


def _is_share(number: float) -> bool:
    return -0.001 <= number <= 1.001


def _demand(holds: bool, what: str) -> None:
    if not holds:
        raise EngineFailed(f"The speech engine's answer cannot be used: {what}.")

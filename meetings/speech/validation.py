"""Validation of engines' answers: an engine that violates the contract has failed."""

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
    """A node whose engines raise EngineFailed if an answer is invalid."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def transcribe(
        self, audio: Iterable[bytes], request: AudioRequest, call: Call
    ) -> Iterator[Final | Progress | Detected | Done]:
        heard_ms = done_ms = request.start_ms
        end: Done | None = None
        for answer in self._node.transcribe(audio, request, call):
            _require(end is None, "answer after the final one")
            match answer:
                case Final():
                    # A segment may begin before `start_ms`: utterances have a margin.
                    _require(0 <= answer.start_ms < answer.end_ms, "a segment ends before it begins")
                    _require(answer.start_ms >= heard_ms or heard_ms == request.start_ms, "segments overlap")
                    _require(len(answer.text) <= MAX_TEXT_LENGTH and "\0" not in answer.text, "invalid segment text")
                    _require(_is_share(answer.confidence), "invalid confidence")
                    _require(all(word.start_ms <= word.end_ms for word in answer.words), "a word ends before it begins")
                    _require(all(_is_share(word.confidence) for word in answer.words), "invalid confidence")
                    heard_ms = answer.end_ms
                case Progress():
                    _require(answer.done_ms >= done_ms and answer.total_ms >= 0, "progress went backwards")
                    done_ms = answer.done_ms
                case Detected():
                    _require(answer.language.isalpha() and len(answer.language) in (2, 3), "invalid language")
                case Done():
                    # The consumer takes `Done` as the last answer, so it is only yielded after the end of the stream.
                    end = answer
                    continue
            yield answer
        yield _ended(end)

    def diarize(
        self, audio: Iterable[bytes], request: AudioRequest, call: Call
    ) -> Iterator[SpeakerTrack | Turn | Progress | Done]:
        labels: set[str] = set()
        turn_ms, turned = 0, False
        end: Done | None = None
        for answer in self._node.diarize(audio, request, call):
            _require(end is None, "answer after the final one")
            match answer:
                case SpeakerTrack():
                    _require(
                        not turned and answer.label not in labels, "duplicate speaker, or speaker after the first turn"
                    )
                    _require(
                        0 < len(answer.label) <= 20 and answer.label.isprintable() and len(labels) < MAX_VOICES,
                        "invalid speakers",
                    )
                    _require(
                        answer.speech_ms >= 0 and all(map(isfinite, answer.voice_print)),
                        "invalid speech time or voice print",
                    )
                    labels.add(answer.label)
                case Turn():
                    _require(answer.label in labels, "turn refers to an unknown speaker")
                    _require(turn_ms <= answer.start_ms <= answer.end_ms, "turns are not in order")
                    turn_ms, turned = answer.start_ms, True
                case Done():
                    # The consumer takes `Done` as the last answer, so it is only yielded after the end of the stream.
                    end = answer
                    continue
            yield answer
        yield _ended(end)

    def summarize(self, request: SummaryRequest, call: Call) -> Summary:
        summary = self._node.summarize(request, call)
        known = {segment.segment_id for segment in request.segments}
        persons = {"", *(person.person_id for person in request.roster)}
        statements = [*summary.overview, *summary.topics, *summary.decisions]
        sourced = [*statements, *(Statement(deed.text, deed.segment_ids) for deed in summary.deeds)]
        _require(
            len(sourced) <= MAX_STATEMENTS
            and sum(len(statement.text) for statement in sourced) <= MAX_CHARACTERS
            and sum(len(statement.segment_ids) for statement in sourced) <= MAX_SOURCES,
            "summary too long",
        )
        for statement in sourced:
            _require(bool(statement.text.strip()) and len(statement.text) <= MAX_TEXT_LENGTH, "invalid statement text")
            _require("\0" not in statement.text, "invalid statement text")
            _require(bool(statement.segment_ids), "statement without source segments")
            _require(known.issuperset(statement.segment_ids), "unknown source segment")
        for deed in summary.deeds:
            _require(deed.person_id in persons, "unknown person")
            _require(_is_share(deed.confidence), "invalid confidence")
        return summary


def _ended(end: Done | None) -> Done:
    if end is None:
        raise EngineFailed("Invalid engine response: the final answer is missing.")
    _require(end.audio_ms >= 0 and end.cpu_ms >= 0, "negative duration")
    return end


def _is_share(number: float) -> bool:
    return -0.001 <= number <= 1.001


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise EngineFailed(f"Invalid engine response: {problem}.")

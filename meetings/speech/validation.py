"""Validation of engines' answers: an engine that violates the contract has failed.

Each function yields or returns the answers that the pipeline uses, and raises EngineFailed at the first invalid one.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from math import isfinite
from typing import TypeVar

from meetings.speech.node import EngineFailed
from tandem.speech.v1 import speech_pb2

Down = TypeVar("Down", speech_pb2.AsrDown, speech_pb2.DiarizeDown)

MAX_TEXT_LENGTH = 10_000
MAX_VOICES = 100
MAX_PEAKS = 4_000
MAX_STATEMENTS = 1_000
#: All of a summary fits in one message, and all its action items in another, of the 4 MB that gRPC clients take.
MAX_CHARACTERS, MAX_SOURCES = 300_000, 20_000


def validate_transcription(
    start: speech_pb2.AsrStart, answers: Iterable[speech_pb2.AsrDown]
) -> Iterator[speech_pb2.AsrDown]:
    """Yield the engine, the segments with text, the progress and the detected language, and `done` last. Drafts are
    yielded only if they were requested.
    """
    heard_ms = done_ms = start.start_ms
    for answer in _until_done(answers):
        match answer.WhichOneof("down"):
            case "segment" if answer.segment.final and answer.segment.text:
                segment = answer.segment
                _check_segment(segment)
                # A segment may begin before `start_ms`: utterances have a margin.
                _require(segment.start_ms >= heard_ms or heard_ms == start.start_ms, "segments overlap")
                heard_ms = segment.end_ms
            case "segment" if start.interim and answer.segment.text:
                _require(0 <= answer.segment.start_ms <= answer.segment.end_ms, "invalid draft")
            case "progress":
                progress = answer.progress
                _require(progress.audio_ms_done >= done_ms and progress.audio_ms_total >= 0, "progress went backwards")
                done_ms = progress.audio_ms_done
            case "language" if language := answer.language.language:
                _require(language.isalpha() and len(language) in (2, 3), "invalid language")
            case "accepted" if answer.accepted.engine.name:
                pass
            case "done":
                pass
            case _:
                continue
        yield answer


def validate_diarization(answers: Iterable[speech_pb2.DiarizeDown]) -> Iterator[speech_pb2.DiarizeDown]:
    """Yield the progress, the speakers, then their turns in order, and `done` last."""
    labels: set[str] = set()
    turn_ms, turned = 0, False
    for answer in _until_done(answers):
        match answer.WhichOneof("down"):
            case "speaker":
                speaker = answer.speaker
                _require(
                    not turned and speaker.label not in labels, "duplicate speaker, or speaker after the first turn"
                )
                _require(
                    0 < len(speaker.label) <= 20 and speaker.label.isprintable() and len(labels) < MAX_VOICES,
                    "invalid speakers",
                )
                _require(
                    speaker.speech_ms >= 0 and all(map(isfinite, speaker.embedding)),
                    "invalid speech time or voice print",
                )
                labels.add(speaker.label)
            case "turn":
                turn = answer.turn
                _require(turn.label in labels, "turn refers to an unknown speaker")
                _require(turn_ms <= turn.start_ms <= turn.end_ms, "turns are not in order")
                turn_ms, turned = turn.start_ms, True
            case "progress" | "done":
                pass
            case _:
                continue
        yield answer


def validate_summary(
    request: speech_pb2.SummarizeRequest, answers: Iterable[speech_pb2.SummarizeDown]
) -> speech_pb2.Summary:
    """Return the summary, whose statements rest on segments of the request."""
    results = [answer.result for answer in answers if answer.HasField("result")]
    _require(len(results) == 1, "not exactly one summary")
    (summary,) = results
    known = {segment.segment_id for segment in request.segments}
    persons = {"", *(person.person_id for person in request.roster)}
    sourced: list[speech_pb2.Statement | speech_pb2.ActionItem]
    sourced = [*summary.overview, *summary.topics, *summary.decisions, *summary.action_items]
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
    for item in summary.action_items:
        _require(item.person_id in persons, "unknown person")
        _require(_is_share(item.confidence), "invalid confidence")
        _require(not item.due_on or _is_date(item.due_on), "malformed date")
    return summary


def _until_done(answers: Iterable[Down]) -> Iterator[Down]:
    """Yield the answers; `done` only after the end of the stream, as the consumer takes it as the last one."""
    end: Down | None = None
    for answer in answers:
        _require(end is None, "answer after the final one")
        if answer.WhichOneof("down") == "done":
            end = answer
        else:
            yield answer
    if end is None:
        raise EngineFailed("Invalid engine response: the final answer is missing.")
    _require(min(end.done.audio_ms, end.done.cpu_ms, end.done.speech_ms) >= 0, "negative duration")
    _require(len(end.done.peaks) <= MAX_PEAKS, "too many peaks")
    yield end


def _check_segment(segment: speech_pb2.Segment) -> None:
    _require(0 <= segment.start_ms < segment.end_ms, "a segment ends before it begins")
    _require(0 <= segment.resume_ms <= segment.end_ms, "invalid time to resume")
    _require(len(segment.text) <= MAX_TEXT_LENGTH and "\0" not in segment.text, "invalid segment text")
    _require(_is_share(segment.confidence), "invalid confidence")
    _require(all(word.start_ms <= word.end_ms for word in segment.words), "a word ends before it begins")
    _require(all(_is_share(word.confidence) for word in segment.words), "invalid confidence")


def _is_share(number: float) -> bool:
    return -0.001 <= number <= 1.001


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise EngineFailed(f"Invalid engine response: {problem}.")

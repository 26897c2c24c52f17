"""Segments become lines: the words of each speaker."""

from typing import Any

import pytest

from changes.models import Change, Operation
from meetings.models import Segment, Speaker
from meetings.services.pipeline.turns import Turns
from meetings.services.transcripts import edit_segment
from tandem.speech.v1 import speech_pb2
from tests.support.exchange import as_wav, exchanged
from tests.support.pipeline_jobs import DONE, RunningJob, Script, process
from tests.support.scripts import submitted
from tests.support.servers import until
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]

SAID = "Did you send it? Yes, on Monday. Good."


def words(text: str, start_ms: int = 0, each_ms: int = 400) -> list[dict[str, Any]]:
    """Return the words of a text, each as long as the others."""
    return [
        {"text": word, "start_ms": start_ms + each_ms * place, "end_ms": start_ms + each_ms * (place + 1),
         "confidence": 0.2 if place < 4 else 0.8}
        for place, word in enumerate(text.split())
    ]  # fmt: skip


def final(text: str = SAID, **fields: Any) -> dict[str, Any]:
    spoken = words(text)
    return {"final": {"start_ms": 0, "end_ms": spoken[-1]["end_ms"] + 200, "text": text, "words": spoken, **fields}}


def turns(*spoken: tuple[int, int, str]) -> list[dict[str, Any]]:
    voices = [{"voice": {"label": label}} for label in sorted({label for _, _, label in spoken})]
    return [*voices, *({"turn": {"start_ms": a, "end_ms": b, "label": label}} for a, b, label in spoken), DONE]


THREE_TURNS = turns((0, 1600, "S1"), (1600, 2700, "S2"), (2700, 3400, "S1"))


def lines() -> list[tuple[str, str]]:
    """Return the label of the speaker and the text of each segment."""
    labels = dict(Speaker.objects.values_list("pk", "label"))
    rows = Segment.objects.order_by("start_ms").values_list("speaker_id", "text")
    return [(labels.get(speaker_id, ""), text) for speaker_id, text in rows]


def test_each_turn_in_one_segment_is_a_line(script: Script, ann: User) -> None:
    script(summarize=[], transcribe=[final(), DONE], diarize=THREE_TURNS)
    meeting = submitted(owner=ann)
    process(meeting)
    assert lines() == [("S1", "Did you send it?"), ("S2", "Yes, on Monday."), ("S1", "Good.")]
    first, second, last = Segment.objects.order_by("start_ms")
    assert [(one.start_ms, one.end_ms) for one in (first, second, last)] == [(0, 1600), (1600, 2800), (2800, 3400)]
    assert (first.confidence, second.confidence) == (pytest.approx(0.2), pytest.approx(0.8))
    assert [word["text"] for word in second.words] == second.recognized_text.split() == ["Yes,", "on", "Monday."]
    assert (second.engine, second.degraded) == (first.engine, first.degraded)
    logged = Change.objects.filter(subject_type="meeting.segment").order_by("id")
    operations = [(change.subject_id == first.pk, Operation(change.operation)) for change in logged]
    assert operations == [
        (True, Operation.CREATED), (True, Operation.UPDATED), (False, Operation.CREATED), (False, Operation.CREATED)
    ]  # fmt: skip


def test_corrected_text_is_split_at_the_same_words_or_not_at_all(script: Script, ann: User) -> None:
    for corrected, expected in (
        ("Did you mend it? Yes, on Tuesday. Good.", ["Did you mend it?", "Yes, on Tuesday.", "Good."]),
        ("Something else.", ["Something else."]),
    ):
        Segment.objects.all().delete()
        Speaker.objects.all().delete()
        script(summarize=[], transcribe=[final(), DONE], diarize=[{"wait": 0.5}, *THREE_TURNS])
        meeting = submitted(owner=ann)
        job = RunningJob()
        until(Segment.objects.exists, "the segment is stored")
        edit_segment(ann, str(meeting.pk), str(Segment.objects.get().pk), {"text": corrected})
        assert job.ended() == "done"
        assert [text for _, text in lines()] == expected
        assert lines()[0][0] == "S1"


def test_segment_without_words_belongs_to_the_longest_speech(script: Script, ann: User) -> None:
    script(summarize=[], transcribe=[final(words=[]), DONE], diarize=THREE_TURNS)
    process(submitted(owner=ann))
    assert lines() == [("S1", SAID)]


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        ([(0, 1900, "S1"), (1900, 3400, "S2")], ["Did you send it?", "Yes, on Monday. Good."]),
        ([(0, 1300, "S1"), (1300, 3400, "S2")], ["Did you send it?", "Yes, on Monday. Good."]),
        ([(0, 900, "S1"), (900, 3400, "S2")], ["Did you", "send it? Yes, on Monday. Good."]),
        ([(700, 2000, "S1")], [SAID]),
        ([(0, 3300, "S1"), (3300, 3400, "S2")], [SAID]),
        ([(0, 1600, "S1"), (1200, 3400, "S2")], ["Did you send it?", "Yes, on Monday. Good."]),
        ([], [SAID]),
    ],
    ids=["late", "early", "in a sentence", "one turn", "a short end", "overlapping", "no turns"],
)
def test_changes_of_speakers_are_at_ends_of_sentences_if_one_is_near(
    spoken: list[tuple[int, int, str]], expected: list[str]
) -> None:
    laid = Turns([speech_pb2.Turn(start_ms=a, end_ms=b, label=label) for a, b, label in spoken])
    texts = SAID.split()
    assert [" ".join(texts[line.first : line.until]) for line in laid.lines(words(SAID))] == expected


@pytest.mark.tools("flite")
def test_each_turn_of_an_exchange_without_pauses_is_a_line(ann: User) -> None:
    """Processed by the embedded node: the utterance has two voices, with pauses of 0.15 s."""
    pcm, _ = exchanged()
    process(submitted(as_wav(pcm), owner=ann))
    first_words = [(label, text.split()[0].strip(".,")) for label, text in lines()]
    assert first_words == [("S1", "Did"), ("S2", "Yes"), ("S1", "And"), ("S2", "They")]

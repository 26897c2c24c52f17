"""EditSegment that divides a segment, or joins what was divided."""

from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from changes.models import Change
from meetings.models import ActionItem, Segment, SegmentEdit, Speaker, Summary
from tandem.meeting.v1 import meeting_pb2
from tandem.meeting.v1.meeting_pb2 import EditSegmentRequest, GetTranscriptRequest
from tests.support.factories import SpeakerFactory, TranscribedMeetingFactory
from tests.support.meeting_rows import a_segment, a_summary, an_action_item
from tests.support.transports import Transport
from users.models import User

EDIT = "MeetingService/EditSegment"
#: Its words begin at 0, 400, 800 … ms; the segment ends at 9,000.
SAID = "Did you send it? Yes, on Monday."
LIMITS = "Choose a time within the segment: after 0 and before 9000 ms."


@pytest.fixture
def segment(ann: User, bob: User) -> Segment:
    meeting = TranscribedMeetingFactory(owner=ann, participants=[bob.pk])
    speaker = SpeakerFactory(meeting=meeting)
    a_segment(meeting, 1)
    return a_segment(meeting, 0, text=SAID, speaker_id=speaker.pk)


@pytest.fixture
def another(segment: Segment) -> Speaker:
    return SpeakerFactory(meeting=segment.meeting)  # type: ignore[no-any-return]


def request(segment_id: Any, segment: Segment, *paths: str, **fields: Any) -> EditSegmentRequest:
    return EditSegmentRequest(
        meeting_id=str(segment.meeting_id),
        segment_id=str(segment_id),
        segment=meeting_pb2.Segment(**fields),
        update_mask=FieldMask(paths=paths) if paths else None,
    )


def lines(api: Transport, segment: Segment, ann: User) -> list[Any]:
    asked = GetTranscriptRequest(meeting_id=str(segment.meeting_id))
    return list(api("MeetingService/GetTranscript", asked, actor=ann).segments)[:-1]


def test_words_are_divided_by_their_times(api: Transport, segment: Segment, another: Speaker, ann: User) -> None:
    part = {"speaker_id": str(another.pk)}
    first = api(EDIT, request(segment.pk, segment, split_at_ms=1_700, second_part=part), actor=ann).segment
    assert (first.id, first.start_ms, first.end_ms, first.split_at_ms) == (str(segment.pk), 0, 1_700, 1_700)
    assert (first.text, first.recognized_text) == ("Did you send it?", "Did you send it?")
    assert [word.text for word in first.words] == ["Did", "you", "send", "it?"]
    assert (first.speaker_id, first.version, first.edited_by) == (str(segment.speaker_id), 2, str(ann.pk))
    same, second = lines(api, segment, ann)
    assert same == first
    assert (second.id, second.start_ms, second.end_ms) == (first.second_part.id, 1_700, 9_000)
    assert (second.text, [word.text for word in second.words]) == ("Yes, on Monday.", ["Yes,", "on", "Monday."])
    assert (second.speaker_id, second.edited_by, second.split_at_ms) == (str(another.pk), str(ann.pk), 0)
    assert (second.confidence, second.engine) == (first.confidence, first.engine)


def test_both_parts_are_in_the_log(api: Transport, segment: Segment, ann: User) -> None:
    first = api(EDIT, request(segment.pk, segment, split_at_ms=1_700), actor=ann).segment
    logged = Change.objects.filter(subject_type="meeting.segment").order_by("-id")[:2]
    assert {(str(change.subject_id), change.actor) for change in logged} == {
        (first.id, str(ann.pk)),
        (first.second_part.id, str(ann.pk)),
    }


def test_each_part_may_have_its_own_text(api: Transport, segment: Segment, ann: User) -> None:
    fields = {"text": "Was it sent?", "second_part": {"text": "On Monday."}, "split_at_ms": 1_700}
    api(EDIT, request(segment.pk, segment, **fields), actor=ann)
    first, second = lines(api, segment, ann)
    assert (first.text, first.recognized_text) == ("Was it sent?", "Did you send it?")
    assert (second.text, second.recognized_text) == ("On Monday.", "Yes, on Monday.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DID you  send\nit? Yes, on Monday!", ["DID you  send\nit?", "Yes, on Monday!"]),
        ("Sent: Monday, as was agreed on", ["Sent:", "Monday, as was agreed on"]),
        ("会議は九時に始まりました", ["会議", "は九時に始まりました"]),
    ],
)
def test_a_corrected_text_is_divided_too(
    api: Transport, segment: Segment, ann: User, text: str, expected: list[str]
) -> None:
    api(EDIT, request(segment.pk, segment, text=text), actor=ann)
    api(EDIT, request(segment.pk, segment, split_at_ms=1_700), actor=ann)
    assert [line.text for line in lines(api, segment, ann)] == expected
    api(EDIT, request(segment.pk, segment, "split_at_ms"), actor=ann)
    (whole,) = lines(api, segment, ann)
    assert (whole.text.split(), whole.recognized_text) == (text.split(), SAID)


def test_clearing_joins_the_parts_and_loses_nothing(
    api: Transport, segment: Segment, another: Speaker, ann: User
) -> None:
    before = lines(api, segment, ann)[0]
    part = {"text": "On Monday.", "speaker_id": str(another.pk)}
    first = api(EDIT, request(segment.pk, segment, split_at_ms=1_700, second_part=part), actor=ann).segment
    api(EDIT, request(first.second_part.id, segment, text="On Tuesday."), actor=ann)
    item = an_action_item(segment.meeting, segment_ids=[first.second_part.id])
    a_summary(segment.meeting, decisions=[{"text": "x", "segment_ids": [first.id, first.second_part.id]}])
    joined = api(EDIT, request(segment.pk, segment, "split_at_ms"), actor=ann).segment
    assert lines(api, segment, ann) == [joined]
    assert joined.text == "Did you send it? On Tuesday."
    for name in ("id", "start_ms", "end_ms", "recognized_text", "words", "confidence", "split_at_ms", "speaker_id"):
        assert getattr(joined, name) == getattr(before, name)
    assert not joined.HasField("second_part")
    history = SegmentEdit.objects.filter(segment=segment).order_by("created_at", "id")
    assert [(edit.text, edit.end_ms) for edit in history] == [
        ("Did you send it?", 1_700),
        ("On Monday.", 9_000),
        ("On Tuesday.", None),
        ("Did you send it? On Tuesday.", 9_000),
    ]
    assert ActionItem.objects.get(pk=item.pk).segment_ids == [segment.pk]
    assert Summary.objects.get().decisions[0]["segment_ids"] == [str(segment.pk)]


def test_parts_are_divided_again_and_joined_one_by_one(api: Transport, segment: Segment, ann: User) -> None:
    api(EDIT, request(segment.pk, segment, split_at_ms=1_700), actor=ann)
    api(EDIT, request(segment.pk, segment, split_at_ms=500), actor=ann)
    assert [line.text for line in lines(api, segment, ann)] == ["Did", "you send it?", "Yes, on Monday."]
    api(EDIT, request(segment.pk, segment, "split_at_ms"), actor=ann)
    assert [line.text for line in lines(api, segment, ann)] == ["Did you send it?", "Yes, on Monday."]
    api(EDIT, request(segment.pk, segment, "split_at_ms"), actor=ann)
    assert [line.text for line in lines(api, segment, ann)] == [SAID]
    again = api(EDIT, request(segment.pk, segment, "split_at_ms"), actor=ann).segment
    assert again.version == 5


@pytest.mark.parametrize("at_ms", [-5, 9_000, 9_001, 10**15])
def test_time_lies_within_the_segment(api: Transport, segment: Segment, ann: User, at_ms: int) -> None:
    failed = api.failure(EDIT, request(segment.pk, segment, split_at_ms=at_ms), actor=ann)
    assert (failed.reason, failed.fields, failed.messages) == (
        "INVALID",
        {"split_at_ms": "range"},
        {"split_at_ms": LIMITS},
    )
    assert not SegmentEdit.objects.exists()


def test_time_at_which_another_segment_begins_is_refused(api: Transport, segment: Segment, ann: User) -> None:
    a_segment(segment.meeting, 0, start_ms=1_700, end_ms=2_000)
    failed = api.failure(EDIT, request(segment.pk, segment, split_at_ms=1_700), actor=ann)
    assert failed.fields == {"split_at_ms": "unique"}


def test_part_without_words_needs_a_text(api: Transport, segment: Segment, ann: User) -> None:
    failed = api.failure(EDIT, request(segment.pk, segment, split_at_ms=8_000), actor=ann)
    assert failed.messages == {"second_part.text": "No words were recognised in this part; give its text."}
    part = {"text": "(They laugh.)"}
    api(EDIT, request(segment.pk, segment, split_at_ms=8_000, second_part=part), actor=ann)
    assert [line.text for line in lines(api, segment, ann)] == [SAID, "(They laugh.)"]


def test_every_invalid_field_of_both_parts_is_named(api: Transport, segment: Segment, ann: User) -> None:
    wrong = {"text": "a\0b", "speaker_id": "nobody"}
    failed = api.failure(EDIT, request(segment.pk, segment, split_at_ms=1_700, second_part=wrong, **wrong), actor=ann)
    assert failed.fields == {
        "text": "control_characters",
        "speaker_id": "unknown",
        "second_part.text": "control_characters",
        "second_part.speaker_id": "unknown",
    }
    assert [line.text for line in lines(api, segment, ann)] == [SAID]


def test_second_part_needs_a_new_division(api: Transport, segment: Segment, ann: User) -> None:
    part = {"text": "Yes."}
    failed = api.failure(EDIT, request(segment.pk, segment, second_part=part), actor=ann)
    assert failed.messages == {"second_part.text": "Give split_at_ms, the time at which the second part begins."}
    first = api(EDIT, request(segment.pk, segment, split_at_ms=1_700), actor=ann).segment
    failed = api.failure(EDIT, request(segment.pk, segment, split_at_ms=1_700, second_part=part), actor=ann)
    assert (first.second_part.id in failed.message, set(failed.fields)) == (True, {"second_part.text"})
    # A client that sends what it has read changes nothing.
    same = api(EDIT, request(segment.pk, segment, split_at_ms=1_700, text=first.text), actor=ann).segment
    assert same.version == first.version


def test_second_of_two_people_is_told(api: Transport, segment: Segment, ann: User, administrator: User) -> None:
    api(EDIT, request(segment.pk, segment, split_at_ms=1_700), actor=ann, if_match='"1"')
    asked = request(segment.pk, segment, split_at_ms=2_100)
    stale = api.failure(EDIT, asked, actor=administrator, if_match='"1"')
    assert (stale.reason, stale.metadata) == ("STALE", {"current_version": "2"})
    late = api.failure(EDIT, asked, actor=administrator)
    assert late.messages == {"split_at_ms": "Choose a time within the segment: after 0 and before 1700 ms."}


def test_participant_divides_nothing(api: Transport, segment: Segment, bob: User) -> None:
    assert api.failure(EDIT, request(segment.pk, segment, split_at_ms=1_700), actor=bob).reason == "FORBIDDEN"

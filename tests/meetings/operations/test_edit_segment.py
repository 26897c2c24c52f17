from uuid import uuid4

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from changes.models import Change
from meetings.models import EditSource, Segment, SegmentEdit
from tandem.meeting.v1 import meeting_pb2
from tandem.meeting.v1.meeting_pb2 import (
    TEXT_SOURCE_RECOGNITION,
    TEXT_SOURCE_USER,
    TEXT_SOURCE_VOCABULARY,
    EditSegmentRequest,
)
from tests.support.factories import SegmentFactory, SpeakerFactory, TranscribedMeetingFactory
from tests.support.transports import Failed, Transport
from users.models import User

EDIT = "MeetingService/EditSegment"


def change(segment: Segment, *paths: str, **fields: str) -> EditSegmentRequest:
    return EditSegmentRequest(
        meeting_id=str(segment.meeting_id),
        segment_id=str(segment.pk),
        segment=meeting_pb2.Segment(**fields),  # type: ignore[arg-type]
        update_mask=FieldMask(paths=paths) if paths else None,
    )


@pytest.fixture
def segment(ann: User, bob: User) -> Segment:
    meeting = TranscribedMeetingFactory(owner=ann, participants=[bob.pk])
    return SegmentFactory(meeting=meeting, recognized_text="we ship it")  # type: ignore[no-any-return]


def test_a_correction_lies_over_what_was_recognised(api: Transport, segment: Segment, ann: User) -> None:
    answer = api.answer(EDIT, change(segment, text=" We ship it. "), actor=ann)
    edited = answer.message.segment
    assert edited.text == "We ship it."
    assert edited.recognized_text == "we ship it"
    assert edited.edited_by == str(ann.pk)
    assert edited.HasField("edited_at")
    assert [word.text for word in edited.words] == ["we", "ship", "it"]
    assert (edited.version, answer.version) == (2, 2)
    logged = Change.objects.filter(subject_type="meeting.segment", subject_id=segment.pk).latest("id")
    assert (logged.actor, logged.changed_fields) == (str(ann.pk), ["edited_at", "edited_by_id", "text"])


def test_source_of_the_text_is_shown(api: Transport, segment: Segment, ann: User) -> None:
    assert api(EDIT, change(segment, speaker_id=""), actor=ann).segment.text_source == TEXT_SOURCE_RECOGNITION
    Segment.objects.filter(pk=segment.pk).update(text="we ship IT", by_vocabulary=True)
    assert api(EDIT, change(segment, speaker_id=""), actor=ann).segment.text_source == TEXT_SOURCE_VOCABULARY
    assert api(EDIT, change(segment, text="We ship."), actor=ann).segment.text_source == TEXT_SOURCE_USER
    assert api(EDIT, change(segment, "text", text=""), actor=ann).segment.text_source == TEXT_SOURCE_RECOGNITION
    assert set(SegmentEdit.objects.values_list("source", flat=True)) == {EditSource.USER}


def test_each_correction_is_kept(api: Transport, segment: Segment, ann: User, administrator: User) -> None:
    speaker = SpeakerFactory(meeting=segment.meeting)
    api(EDIT, change(segment, text="one"), actor=ann)
    api(EDIT, change(segment, speaker_id=str(speaker.pk)), actor=administrator)
    edits = SegmentEdit.objects.filter(segment=segment).order_by("id")
    assert list(edits.values_list("text", "speaker_id", "edited_by_id")) == [
        ("one", None, ann.pk),
        ("one", speaker.pk, administrator.pk),
    ]


@pytest.mark.parametrize("text", ["", "  \n "])
def test_an_emptied_text_is_again_what_was_recognised(api: Transport, segment: Segment, ann: User, text: str) -> None:
    api(EDIT, change(segment, text="one"), actor=ann)
    edited = api(EDIT, change(segment, "text", text=text), actor=ann).segment
    assert edited.text == "we ship it"
    assert edited.recognized_text == "we ship it"
    assert edited.version == 3
    # Taking a correction back is an edit, too.
    assert (edited.edited_by, edited.HasField("edited_at")) == (str(ann.pk), True)
    assert SegmentEdit.objects.count() == 2


def test_only_masked_fields_are_changed(api: Transport, segment: Segment, ann: User) -> None:
    speaker = SpeakerFactory(meeting=segment.meeting)
    both = change(segment, "*", text="one", speaker_id=str(speaker.pk))
    assert api(EDIT, both, actor=ann).segment.speaker_id == str(speaker.pk)
    assert api(EDIT, change(segment, "text", text="two"), actor=ann).segment.speaker_id == str(speaker.pk)
    assert api(EDIT, change(segment, text="three"), actor=ann).segment.speaker_id == str(speaker.pk)
    emptied = api(EDIT, change(segment, "speaker_id", text="not named"), actor=ann).segment
    assert (emptied.text, emptied.speaker_id) == ("three", "")
    assert api(EDIT, change(segment, "*"), actor=ann).segment.text == "we ship it"


def test_unchanged_values_write_nothing(api: Transport, segment: Segment, ann: User) -> None:
    for request in (change(segment, text="we ship it"), change(segment), change(segment, "speaker_id")):
        edited = api(EDIT, request, actor=ann).segment
        assert (edited.version, edited.edited_by) == (1, "")
    assert not SegmentEdit.objects.exists()


def test_every_invalid_field_is_named(api: Transport, segment: Segment, ann: User) -> None:
    request = change(segment, text="x" * 10_001, speaker_id="nonsense")
    with pytest.raises(Failed) as failed:
        api(EDIT, request, actor=ann)
    assert failed.value.fields == {"text": "max_length", "speaker_id": "unknown"}
    segment.refresh_from_db()
    assert (segment.version, segment.text) == (1, "we ship it")


@pytest.mark.parametrize("text", ["a\0b", "a\x1bb"])
def test_control_characters(api: Transport, segment: Segment, ann: User, text: str) -> None:
    with pytest.raises(Failed) as failed:
        api(EDIT, change(segment, text=text), actor=ann)
    assert failed.value.fields == {"text": "control_characters"}


def test_the_speaker_is_of_the_same_version(api: Transport, segment: Segment, ann: User) -> None:
    of_another_version = SpeakerFactory(meeting=segment.meeting, transcript_version=2)
    of_another_meeting = SpeakerFactory(meeting=TranscribedMeetingFactory(owner=ann))
    for speaker_id in (str(of_another_version.pk), str(of_another_meeting.pk), str(uuid4()), "S1", "a\0b"):
        with pytest.raises(Failed) as failed:
            api(EDIT, change(segment, speaker_id=speaker_id), actor=ann)
        assert (failed.value.reason, failed.value.fields) == ("INVALID", {"speaker_id": "unknown"})
    assert not SegmentEdit.objects.exists()


def test_bad_masks(api: Transport, segment: Segment, ann: User) -> None:
    for path, code in (("recognized_text", "read_only"), ("moon", "unknown")):
        with pytest.raises(Failed) as failed:
            api(EDIT, change(segment, path), actor=ann)
        assert failed.value.fields == {path: code}


def test_a_participant_corrects_nothing(api: Transport, segment: Segment, bob: User) -> None:
    with pytest.raises(Failed) as failed:
        api(EDIT, change(segment, text="mine"), actor=bob)
    assert failed.value.reason == "FORBIDDEN"
    segment.refresh_from_db()
    assert segment.version == 1


@pytest.mark.parametrize("segment_id", ["nonsense", "a\0b", "01a22400-0000-7000-8000-000000000000"])
def test_unknown_ids(api: Transport, segment: Segment, ann: User, segment_id: str) -> None:
    request = change(segment, text="one")
    request.segment_id = segment_id
    with pytest.raises(Failed) as failed:
        api(EDIT, request, actor=ann)
    assert failed.value.reason == "NOT_FOUND"


def test_a_segment_is_known_in_its_own_meeting_only(api: Transport, segment: Segment, ann: User, support: User) -> None:
    elsewhere = change(segment, text="one")
    elsewhere.meeting_id = str(TranscribedMeetingFactory(owner=ann).pk)
    for request, actor in ((elsewhere, ann), (change(segment, text="one"), support)):
        with pytest.raises(Failed) as failed:
            api(EDIT, request, actor=actor)
        assert failed.value.reason == "NOT_FOUND"


def test_a_stale_version_changes_nothing(api: Transport, segment: Segment, ann: User) -> None:
    api(EDIT, change(segment, text="one"), actor=ann, if_match='"1"')
    with pytest.raises(Failed) as failed:
        api(EDIT, change(segment, text="two"), actor=ann, if_match='"1"')
    assert (failed.value.reason, failed.value.metadata) == ("STALE", {"current_version": "2"})
    assert SegmentEdit.objects.count() == 1


def test_segment_is_found_by_its_corrected_text(api: Transport, segment: Segment, ann: User) -> None:
    api(EDIT, change(segment, text="submarine"), actor=ann)
    request = meeting_pb2.SearchTranscriptsRequest(query="subma")
    (match,) = api("MeetingService/SearchTranscripts", request, actor=ann).matches
    assert match.segment.id == str(segment.pk)

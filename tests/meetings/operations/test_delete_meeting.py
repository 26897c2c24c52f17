from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import TextField
from django.db.models.functions import Cast

from changes.models import Change
from meetings.models import (
    ActionItem,
    Meeting,
    Segment,
    SegmentEdit,
    Speaker,
    Stage,
    StageRun,
    Summary,
    Transcript,
)
from meetings.services.files import storage
from tandem.meeting.v1 import meeting_pb2
from tandem.meeting.v1.meeting_pb2 import DeleteMeetingRequest
from tests.support.factories import (
    ActionItemFactory,
    MeetingFactory,
    SegmentFactory,
    SpeakerFactory,
    SummaryFactory,
    TranscribedMeetingFactory,
)
from tests.support.recordings import an_upload
from tests.support.transports import Failed, Transport
from users.models import User

DELETE = "MeetingService/DeleteMeeting"


def test_owner_may_delete_the_meeting(api: Transport, ann: User) -> None:
    meeting = MeetingFactory(owner=ann)
    api(DELETE, DeleteMeetingRequest(meeting_id=str(meeting.pk)), actor=ann)
    assert not Meeting.objects.exists()
    assert Change.objects.get(subject_id=meeting.pk, operation="deleted").actor == str(ann.pk)


def test_a_participant_does_not(api: Transport, ann: User, bob: User) -> None:
    meeting = MeetingFactory(owner=ann, participants=[bob.pk])
    with pytest.raises(Failed) as failed:
        api(DELETE, DeleteMeetingRequest(meeting_id=str(meeting.pk)), actor=bob)
    assert failed.value.reason == "FORBIDDEN"
    assert Meeting.objects.exists()


def test_a_stale_version_deletes_nothing(api: Transport, ann: User) -> None:
    meeting = MeetingFactory(owner=ann)
    with pytest.raises(Failed) as failed:
        api(DELETE, DeleteMeetingRequest(meeting_id=str(meeting.pk)), actor=ann, if_match='"2"')
    assert failed.value.reason == "STALE"
    assert Meeting.objects.exists()


#: What belongs to a meeting.
PARTS = (Transcript, StageRun, Segment, SegmentEdit, Speaker, Summary, ActionItem)
#: Words of the meeting that appear nowhere else.
WORD = "xylophone"


def a_transcribed_meeting(api: Transport, owner: User, **fields: Any) -> Meeting:
    """Create a meeting whose every text names xylophones, before and after corrections."""
    meeting: Meeting = TranscribedMeetingFactory(owner=owner, **fields)
    StageRun.objects.create(transcript=Transcript.objects.get(meeting=meeting), stage=Stage.TRANSCRIBING)
    segment = SegmentFactory(meeting=meeting, recognized_text=f"we buy a {WORD}")
    speaker = SpeakerFactory(meeting=meeting, name=f"Mr. {WORD}")
    SummaryFactory(meeting=meeting, overview=[{"text": WORD, "segment_ids": [str(segment.pk)]}])
    ActionItemFactory(meeting=meeting, text=f"buy a {WORD}", segment_ids=[segment.pk])
    edit = meeting_pb2.EditSegmentRequest(
        meeting_id=str(meeting.pk), segment_id=str(segment.pk), segment={"text": f"We buy a {WORD}."}
    )
    api("MeetingService/EditSegment", edit, actor=owner)
    name = meeting_pb2.NameSpeakerRequest(meeting_id=str(meeting.pk), speaker_id=str(speaker.pk), name=WORD.title())
    api("MeetingService/NameSpeaker", name, actor=owner)
    return meeting


def tables_with(word: str) -> set[str]:
    """Return the tables in which a row has the word in any of its columns."""
    found = set()
    for model in apps.get_models():
        columns = {f"_{field.name}": Cast(field.column, TextField()) for field in model._meta.concrete_fields}
        rows = model._default_manager.alias(**columns)
        if any(rows.filter(**{f"{name}__icontains": word}).exists() for name in columns):
            found.add(model._meta.label)
    return found


def test_no_text_of_the_meeting_remains_in_any_table(api: Transport, ann: User) -> None:
    meeting = a_transcribed_meeting(api, ann)
    other = a_transcribed_meeting(api, ann)
    assert tables_with(WORD) == {
        "changes.Change", "meetings.Segment", "meetings.SegmentEdit", "meetings.Speaker", "meetings.Summary",
        "meetings.ActionItem",
    }  # fmt: skip
    api(DELETE, DeleteMeetingRequest(meeting_id=str(meeting.pk)), actor=ann)
    assert [model.objects.count() for model in PARTS] == [1] * len(PARTS)
    assert "changes.Change" in tables_with(WORD)  # Another meeting's are not forgotten.
    api(DELETE, DeleteMeetingRequest(meeting_id=str(other.pk)), actor=ann)
    assert tables_with(WORD) == set()


def test_the_log_keeps_that_it_was(api: Transport, ann: User) -> None:
    meeting = a_transcribed_meeting(api, ann, title="Purchases")
    subjects = {model: model.objects.get().pk for model in (Segment, Speaker, Summary, ActionItem)}
    api(DELETE, DeleteMeetingRequest(meeting_id=str(meeting.pk)), actor=ann)
    for pk in subjects.values():
        changes = Change.objects.filter(subject_id=pk).order_by("id")
        assert [changes.first().operation, changes.last().operation] == ["created", "deleted"]  # type: ignore[union-attr]
        assert all(change.old is None and change.new is None for change in changes)
    deletion = Change.objects.get(subject_id=meeting.pk, operation="deleted")
    assert (deletion.actor, deletion.old["title"]) == (str(ann.pk), "Purchases")


def test_parts_are_deleted_for_every_writer(api: Transport, ann: User) -> None:
    meeting = a_transcribed_meeting(api, ann)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM meetings_meeting WHERE id = %s", [meeting.pk])
    assert not any(model.objects.exists() for model in PARTS)


def test_recording_is_deleted_after_the_commit(
    api: Transport, folder: Path, ann: User, django_capture_on_commit_callbacks: Any
) -> None:
    meeting = Meeting.objects.get(
        pk=api("MeetingService/UploadRecording", an_upload(title="Talk"), actor=ann).meeting.id
    )
    with django_capture_on_commit_callbacks() as after_commit:
        api(DELETE, DeleteMeetingRequest(meeting_id=str(meeting.pk)), actor=ann)
        assert storage().exists(meeting.recording)
    for callback in after_commit:
        callback()
    assert not storage().exists(meeting.recording)

"""Meetings in the feed of changes, with all their fields, for owners and participants."""

from meetings.models import Meeting
from tandem.change.v1.change_pb2 import (
    CHANGE_KIND_CREATED,
    CHANGE_KIND_DELETED,
    CHANGE_KIND_UPDATED,
    WatchChangesRequest,
)
from tandem.meeting.v1 import meeting_pb2
from tests.support.factories import MeetingFactory
from tests.support.transports import Transport
from users.models import User

WATCH = "ChangeService/WatchChanges"


def test_participants_receive_changes(watching: Transport, ann: User, bob: User) -> None:
    MeetingFactory(owner=ann, title="Not Bob's")
    asked = WatchChangesRequest(subject_types=["meeting"], include_initial=True)
    mine = MeetingFactory(owner=bob)
    with watching.watch(WATCH, asked, actor=bob) as watched:
        there = watched.next()
        assert (there.kind, there.subject_id, there.meeting.title) == (CHANGE_KIND_CREATED, str(mine.pk), mine.title)
        request = meeting_pb2.CreateMeetingRequest(title="Weekly", participants=[str(bob.pk)])
        made = watching("MeetingService/CreateMeeting", request, actor=ann).meeting
        created = watched.next()
        assert (created.kind, created.meeting, created.actor_id) == (CHANGE_KIND_CREATED, made, str(ann.pk))
        Meeting.objects.filter(pk=made.id).update(progress=50, recording_filename="talk.wav")
        updated = watched.next()
        assert (updated.kind, updated.meeting.progress, updated.subject_version) == (CHANGE_KIND_UPDATED, 50, 2)
        assert list(updated.changed_fields) == ["progress", "recording.filename"]
        Meeting.objects.filter(pk=made.id).update(participants=[])
        left = watched.next()
        assert (left.kind, left.left_view, left.HasField("meeting")) == (CHANGE_KIND_DELETED, True, False)

"""WatchMeeting: the initial state, live events, access, and the end of the stream."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from meetings import messages
from meetings.models import OVER, ActionItem, ActionItemStatus, Meeting, Segment, Speaker, Stage, Status, Summary
from tandem.change.v1.change_pb2 import CHANGE_KIND_SNAPSHOT_END, WatchChangesRequest
from tandem.meeting.v1.meeting_pb2 import (
    MEETING_STAGE_TRANSCRIBING,
    MEETING_STATUS_COMPLETED,
    MEETING_STATUS_PROCESSING,
    GetMeetingRequest,
    WatchMeetingRequest,
)
from tests.support.factories import MeetingFactory
from tests.support.meeting_rows import a_segment, a_speaker, a_summary, a_transcript, an_action_item
from tests.support.meeting_streams import WATCH, become, kind_of, kinds, live, rest, texts, watch
from tests.support.transports import Failed, Transport
from users.models import User


@pytest.fixture
def meeting(transactional_db: None, ann: User, bob: User) -> Meeting:
    """Ann's, with Bob, being worked on."""
    meeting: Meeting = MeetingFactory(owner=ann, participants=[bob.pk], status=Status.PROCESSING)
    return meeting


def test_initial_state_precedes_events(watching: Transport, meeting: Meeting, ann: User) -> None:
    a_transcript(meeting)
    an_action_item(meeting, 2)
    an_action_item(meeting, 1)
    a_summary(meeting)
    for number in (3, 1, 2):  # In any order of writing.
        a_segment(meeting, number)
    a_speaker(meeting)
    a_segment(MeetingFactory(owner=ann), 4)  # Not of this one.
    with watch(watching, meeting, ann, bookmarks=True) as watched:
        initial = watched.take(9)
        assert kinds(initial) == [
            "status", "speaker", "segment", "segment", "segment", "summary", "action_item", "action_item", "bookmark",
        ]  # fmt: skip
        assert (
            initial[0].status
            == watching("MeetingService/GetMeeting", GetMeetingRequest(meeting_id=str(meeting.pk)), actor=ann).meeting
        )
        assert texts(initial) == ["Sentence 1", "Sentence 2", "Sentence 3"]
        assert [event.action_item.text for event in initial[6:8]] == ["Do thing 1", "Do thing 2"]
        assert [bool(event.cursor) for event in initial] == [False] * 8 + [True]
        made = a_segment(meeting, 4)
        created = watched.next()
        assert created.segment == messages.segment_message(made)
        assert not created.deleted
        assert created.HasField("occurred_at")
        assert bool(created.cursor)
        Segment.objects.filter(pk=made.pk).update(text="Corrected")
        corrected = watched.next()
        assert (corrected.segment.text, corrected.segment.version) == ("Corrected", 2)
        assert corrected.segment.recognized_text == "Sentence 4"
        speaker = Speaker.objects.get()
        Speaker.objects.filter(pk=speaker.pk).update(name="Ann")
        assert watched.next().speaker.name == "Ann"
        Speaker.objects.filter(pk=speaker.pk).delete()
        gone = watched.next()
        assert (gone.deleted, gone.speaker) == (
            True,
            type(gone.speaker)(id=str(speaker.pk), meeting_id=str(meeting.pk), transcript_version=1, version=3),
        )


def test_progress_is_sent_apart_from_other_changes(watching: Transport, meeting: Meeting, bob: User) -> None:
    with live(watching, meeting, bob) as watched:
        end = timezone.now()
        become(meeting, progress=10, stage=Stage.TRANSCRIBING, estimated_end_at=end)
        received = watched.next().progress
        assert received.progress == 10
        assert received.stage == MEETING_STAGE_TRANSCRIBING
        assert received.version == 2
        assert received.estimated_end_at.ToDatetime(end.tzinfo) == end
        become(meeting, progress=20, estimated_end_at=None)
        received = watched.next().progress
        assert (received.progress, received.HasField("estimated_end_at")) == (20, False)
        become(meeting, progress=30, duration_ms=9)
        status = watched.next().status
        assert status.progress == 30
        assert status.duration_ms == 9
        assert status.status == MEETING_STATUS_PROCESSING


@pytest.mark.parametrize("status", OVER, ids=lambda status: status.name)
def test_stream_ends_with_the_meeting(watching: Transport, meeting: Meeting, ann: User, status: Status) -> None:
    with live(watching, meeting, ann) as watched:
        a_segment(meeting, 1)
        become(meeting, status=status, progress=100)
        said, received, end = rest(watched)
        assert kind_of(said) == "segment"
        assert received.status.status == status
        assert end.end == received.status
        assert end.cursor


def test_stream_of_an_ended_meeting_sends_everything_and_ends(watching: Transport, meeting: Meeting, ann: User) -> None:
    a_segment(meeting, 1)
    become(meeting, status=Status.COMPLETED)
    for bookmarks, expected in (
        (False, ["status", "segment", "end"]),
        (True, ["status", "segment", "bookmark", "end"]),
    ):
        with watch(watching, meeting, ann, bookmarks=bookmarks) as watched:
            events = rest(watched)
            assert kinds(events) == expected
            assert events[-1].end.status == MEETING_STATUS_COMPLETED


def test_missing_stage_is_sent_with_its_reason(watching: Transport, meeting: Meeting, ann: User) -> None:
    with live(watching, meeting, ann) as watched:
        become(meeting, missing=[{"stage": Stage.DIARIZING, "reason": "No speech engine here can separate voices."}])
        (sent,) = watched.next().status.missing
        assert (sent.stage, sent.reason) == (Stage.DIARIZING, "No speech engine here can separate voices.")


def test_whole_last_transaction_is_sent_before_the_end(watching: Transport, meeting: Meeting, ann: User) -> None:
    with live(watching, meeting, ann) as watched:
        with transaction.atomic():
            become(meeting, status=Status.COMPLETED)
            for number in range(1100):  # More than what is read at once.
                a_segment(meeting, number)
        events = rest(watched)
        assert kinds(events) == ["status", *["segment"] * 1100, "end"]


def test_initial_state_holds_only_the_newest_version(watching: Transport, meeting: Meeting, ann: User) -> None:
    for version in (1, 2):
        a_transcript(meeting, version)
        old = a_segment(meeting, 1, version=version, text=f"Version {version}")
        a_speaker(meeting, version=version)
        a_summary(meeting, version=version)
        an_action_item(meeting, version=version)
    with watch(watching, meeting, ann, bookmarks=True) as watched:
        initial = watched.take(6)
        assert texts(initial) == ["Version 2"]
        assert kinds(initial) == ["status", "speaker", "segment", "summary", "action_item", "bookmark"]
        Segment.objects.exclude(pk=old.pk).update(text="Version 1, corrected")
        assert watched.next().segment.text == "Version 1, corrected"


def test_stream_ends_for_a_removed_participant(watching: Transport, meeting: Meeting, ann: User, bob: User) -> None:
    with live(watching, meeting, bob) as watched, live(watching, meeting, ann) as of_ann:
        a_segment(meeting, 1)
        with transaction.atomic():
            become(meeting, participants=[])
            a_segment(meeting, 2, text="Not for Bob")
        seen = []
        with pytest.raises(Failed) as failed:
            while True:
                seen.append(watched.next())
        assert (failed.value.reason, failed.value.message) == ("NOT_FOUND", f"Meeting with ID '{meeting.pk}' not found")
        # And how far that was.
        assert (kinds(seen), texts(seen)) == (["segment", "bookmark"], ["Sentence 1"])
        assert texts(of_ann.take(3)) == ["Sentence 1", "Not for Bob"]
        with pytest.raises(Failed) as failed:
            watch(watching, meeting, bob, cursor=seen[0].cursor)
        assert failed.value.reason == "NOT_FOUND"
    # A participant who is added again gets everything, also what was transcribed in between.
    become(meeting, participants=[bob.pk])
    with watch(watching, meeting, bob, cursor=seen[0].cursor) as watched:
        said, back = watched.take(2)
        assert (texts([said]), kind_of(back)) == (["Not for Bob"], "status")


def test_deletion_of_the_meeting_ends_its_streams(watching: Transport, meeting: Meeting, ann: User) -> None:
    a_segment(meeting, 1)
    become(meeting, status=Status.COMPLETED)
    with watch(watching, meeting, ann) as watched:
        cursor = rest(watched)[-1].cursor
    become(meeting, status=Status.QUEUED)
    with watch(watching, meeting, ann, cursor=cursor) as watched:
        assert kind_of(watched.next()) == "status"
        Meeting.objects.filter(pk=meeting.pk).delete()
        # Its parts were deleted with it, and are not sent one by one.
        with pytest.raises(Failed) as failed:
            watched.next()
    assert (failed.value.reason, failed.value.message) == ("NOT_FOUND", f"Meeting with ID '{meeting.pk}' not found")


def test_invisible_meeting_is_not_found(watching: Transport, meeting: Meeting, support: User) -> None:
    for meeting_id in (str(meeting.pk), "x", "0198a3c0-0000-7000-8000-00000000000a"):
        with pytest.raises(Failed) as failed:
            watching.watch(WATCH, WatchMeetingRequest(meeting_id=meeting_id), actor=support)
        assert failed.value.reason == "NOT_FOUND"
        assert failed.value.message == f"Meeting with ID '{meeting_id}' not found"


def test_stream_ends_when_the_administrator_loses_the_role(
    watching: Transport, meeting: Meeting, administrator: User, ann: User
) -> None:
    with live(watching, meeting, administrator) as watched, live(watching, meeting, ann) as of_ann:
        a_segment(meeting, 1)
        assert watched.next().segment == of_ann.next().segment
        User.objects.filter(pk=administrator.pk).update(roles=[])
        failed = None
        while failed is None:
            try:
                watched.next()
            except Failed as exc:
                failed = exc
        assert failed.reason == "EPOCH_CHANGED"


def test_parts_of_meetings_are_in_no_other_feed(watching: Transport, meeting: Meeting, ann: User) -> None:
    with pytest.raises(Failed) as failed:
        watching.watch("ChangeService/WatchChanges", WatchChangesRequest(subject_types=["meeting.segment"]), actor=ann)
    assert failed.value.fields == {"subject_types.0": "choice"}
    assert failed.value.messages["subject_types.0"].startswith("Choose from: ")
    everything = WatchChangesRequest(include_initial=True, bookmarks=True)
    with watching.watch("ChangeService/WatchChanges", everything, actor=ann) as watched:
        while watched.next().kind != CHANGE_KIND_SNAPSHOT_END:
            pass
        a_segment(meeting, 1)
        become(meeting, progress=5)
        assert watched.next().meeting.progress == 5


def test_events_add_up_to_the_stored_state(watching: Transport, meeting: Meeting, ann: User) -> None:
    """Of all kinds, made, changed and deleted, before and after it was opened."""
    speakers = [a_speaker(meeting, place) for place in range(1, 4)]
    items = [an_action_item(meeting, place) for place in range(1, 4)]
    segments = [a_segment(meeting, number) for number in range(20)]
    with watch(watching, meeting, ann) as watched:
        watched.next()  # It is open.
        for row in (*speakers[1:], *items[1:], *segments[::3]):
            row.delete()
        summary = a_summary(meeting)
        segments += [a_segment(meeting, number) for number in range(20, 30)]
        Segment.objects.filter(start_ms__lt=100_000).update(speaker_id=speakers[0].pk, edited_at=timezone.now())
        Summary.objects.filter(pk=summary.pk).update(topics=[{"text": "a", "segment_ids": [str(segments[1].pk)]}])
        ActionItem.objects.update(
            status=ActionItemStatus.ACCEPTED, decided_by=ann, task_id=meeting.pk, due_on="2026-05-06", assigned_to=ann
        )
        become(meeting, status=Status.COMPLETED, title="Over")
        copy: dict[tuple[str, str], Any] = {}
        events = rest(watched)
    for event in events[:-1]:
        name = kind_of(event)
        received = getattr(event, name)
        key = name, getattr(received, "id", "")
        if event.deleted:
            copy.pop(key, None)
        else:
            copy[key] = received
    rows: list[tuple[str, Any, Callable[[Any], Any]]] = [
        ("status", Meeting, messages.meeting_message), ("speaker", Speaker, messages.speaker_message),
        ("segment", Segment, messages.segment_message), ("summary", Summary, messages.summary_message),
        ("action_item", ActionItem, messages.action_item_message),
    ]  # fmt: skip
    there = {
        (name, getattr(message(row), "id", "")): message(row)
        for name, model, message in rows
        for row in model.objects.all()
    }
    assert copy == there
    assert events[-1].end == there["status", str(meeting.pk)]

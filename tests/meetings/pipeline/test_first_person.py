"""Action items of "I" belong to the user whose voice utters them."""

from typing import Any

import pytest

from meetings.models import ActionItem, ActionItemStatus, Meeting, Segment, Speaker, Stage
from meetings.services import transcripts
from tandem.meeting.v1 import meeting_pb2
from tests.support.factories import ActionItemFactory, SegmentFactory, SpeakerFactory, TranscribedMeetingFactory
from tests.support.pipeline_jobs import RunningJob, Script
from tests.support.scripts import submitted
from tests.support.servers import until
from tests.support.transports import Transport
from users.models import User


@pytest.fixture
def meeting(ann: User, bob: User) -> Meeting:
    return TranscribedMeetingFactory(owner=ann, participants=[bob.pk])  # type: ignore[no-any-return]


def said_by(meeting: Meeting, *voices: Speaker | None, **fields: Any) -> ActionItem:
    """Create an action item with a segment of each voice as its evidence."""
    evidence = [SegmentFactory(meeting=meeting, speaker_id=voice.pk if voice else None).pk for voice in voices]
    return ActionItemFactory(meeting=meeting, segment_ids=evidence, **{"owner_name": "I"} | fields)  # type: ignore[no-any-return]


def assignee(item: ActionItem) -> Any:
    item.refresh_from_db()
    return item.assigned_to_id


def name(actor: User, speaker: Speaker, user: User | None) -> None:
    transcripts.name_speaker(actor, str(speaker.meeting_id), str(speaker.pk), "", str(user.pk) if user else "")


@pytest.mark.parametrize("owner", ["I", "me", "let me"])
def test_item_follows_each_naming_of_its_voice(meeting: Meeting, ann: User, bob: User, owner: str) -> None:
    voice = SpeakerFactory(meeting=meeting)
    item = said_by(meeting, voice, owner_name=owner)
    other = said_by(meeting, SpeakerFactory(meeting=meeting), assigned_to=None)
    for user in (bob, ann, None):
        name(ann, voice, user)
        assert assignee(item) == (user.pk if user else None)
    assert assignee(other) is None


def test_items_of_others_and_decided_items_keep_their_assignee(meeting: Meeting, ann: User, bob: User) -> None:
    voice = SpeakerFactory(meeting=meeting)
    by_name = said_by(meeting, voice, owner_name="Ann", assigned_to=ann)
    decided = [
        said_by(meeting, voice, status=status, assigned_to=ann)
        for status in (ActionItemStatus.ACCEPTED, ActionItemStatus.REJECTED)
    ]
    name(ann, voice, bob)
    assert [assignee(item) for item in (by_name, *decided)] == [ann.pk] * 3


def test_item_of_two_voices_is_assigned_to_nobody(meeting: Meeting, ann: User, bob: User) -> None:
    voice = SpeakerFactory(meeting=meeting)
    item = said_by(meeting, voice, SpeakerFactory(meeting=meeting))
    same = said_by(meeting, voice, voice)
    name(ann, voice, bob)
    assert (assignee(item), assignee(same)) == (None, bob.pk)


def test_item_follows_the_correction_of_its_evidence(api: Transport, meeting: Meeting, ann: User, bob: User) -> None:
    anns, bobs = SpeakerFactory(meeting=meeting, user=ann), SpeakerFactory(meeting=meeting, user=bob)
    item = said_by(meeting, anns, assigned_to=ann)
    (segment_id,) = item.segment_ids
    for voice, user in ((bobs, bob), (None, None)):
        request = meeting_pb2.EditSegmentRequest(
            meeting_id=str(meeting.pk),
            segment_id=str(segment_id),
            segment=meeting_pb2.Segment(speaker_id=str(voice.pk) if voice else ""),
            update_mask={"paths": ["speaker_id"]},
        )
        api("MeetingService/EditSegment", request, actor=ann)
        assert assignee(item) == (user.pk if user else None)


@pytest.mark.usefixtures("folder")
@pytest.mark.django_db(transaction=True)
def test_item_is_assigned_to_a_voice_that_is_named_while_the_summary_is_made(
    script: Script, ann: User, bob: User
) -> None:
    deed = {"text": "call the bank", "segments": [1], "owner": "I"}
    script(summarize=[{"wait": 0.5}, {"summary": {"deeds": [deed]}}])
    meeting = submitted(owner=ann, participants=[bob.pk])
    job = RunningJob()
    until(lambda: Meeting.objects.get(pk=meeting.pk).stage == Stage.SUMMARIZING, "the summary is being made")
    name(ann, Speaker.objects.get(label="S2"), bob)
    assert job.ended() == "done"
    item = ActionItem.objects.get()
    assert item.segment_ids == [Segment.objects.order_by("start_ms")[1].pk]
    assert item.assigned_to_id == bob.pk

"""A meeting with two versions of its transcript."""

import datetime

import pytest

from meetings.models import Meeting, Status
from tests.support.factories import MeetingFactory
from tests.support.meeting_rows import a_segment, a_speaker, a_transcript
from tests.support.rest_transport import RestTransport
from tests.support.transcript_files import AWKWARD, NAME, WORDS, times
from users.models import User


@pytest.fixture
def rest() -> RestTransport:
    return RestTransport()


@pytest.fixture
def meeting(db: None, ann: User, bob: User) -> Meeting:
    """Two versions; the second is the current one."""
    meeting: Meeting = MeetingFactory(
        owner=ann,
        title="Weekly *review*: A/B",
        participants=[bob.pk],
        status=Status.COMPLETED,
        transcript_version=2,
        duration_ms=3_725_000,
        starts_at=datetime.datetime(2026, 3, 4, 9, 30, tzinfo=datetime.UTC),
    )
    for version in (1, 2):
        a_transcript(meeting, version, spoken_language="en")
        a_segment(meeting, 0, version, text=f"Version {version}.")
    named, unnamed = a_speaker(meeting, 1, 2, name=NAME), a_speaker(meeting, 2, 2)
    a_segment(meeting, 2, 2, text=AWKWARD, speaker_id=unnamed.pk)
    a_segment(meeting, 1, 2, text="Hello there.", speaker_id=named.pk)
    a_segment(meeting, 3, 2, text=" ".join(WORDS), speaker_id=unnamed.pk, end_ms=58_000, words=times(30_000, 58_000))
    return meeting

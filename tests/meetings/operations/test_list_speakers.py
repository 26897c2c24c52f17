import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from meetings.queries.findings import list_speakers
from tandem.meeting.v1.meeting_pb2 import ListSpeakersRequest
from tests.support.factories import MeetingFactory, SpeakerFactory, TranscribedMeetingFactory, TranscriptFactory
from tests.support.transports import Failed, Transport
from users.models import User

LIST = "MeetingService/ListSpeakers"


def test_speakers_are_listed_in_order_of_appearance(api: Transport, ann: User, bob: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann, participants=[bob.pk])
    for place in (2, 0, 1):
        SpeakerFactory(meeting=meeting, place=place, speech_ms=place * 1_000)
    SpeakerFactory()
    for actor in (ann, bob):
        speakers = api(LIST, ListSpeakersRequest(meeting_id=str(meeting.pk)), actor=actor).speakers
        assert [(speaker.label, speaker.speech_ms) for speaker in speakers] == [("S1", 0), ("S2", 1_000), ("S3", 2_000)]


def test_speaker_shows_its_user(api: Transport, ann: User, bob: User) -> None:
    stored = SpeakerFactory(meeting=TranscribedMeetingFactory(owner=ann), name="Bob", user=bob)
    meeting_id = str(stored.meeting_id)
    (speaker,) = api(LIST, ListSpeakersRequest(meeting_id=meeting_id), actor=ann).speakers
    assert speaker.id == str(stored.pk)
    assert speaker.meeting_id == meeting_id
    assert speaker.transcript_version == 1
    assert speaker.name == "Bob"
    assert speaker.user_id == str(bob.pk)
    assert speaker.version == 1


def test_each_version_has_its_own(api: Transport, ann: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann)
    TranscriptFactory(meeting=meeting, version=2)
    SpeakerFactory(meeting=meeting, name="old")
    SpeakerFactory(meeting=meeting, transcript_version=2, name="new")
    for version, expected in ((0, "old"), (1, "old"), (2, "new")):
        request = ListSpeakersRequest(meeting_id=str(meeting.pk), transcript_version=version)
        assert [speaker.name for speaker in api(LIST, request, actor=ann).speakers] == [expected]


def test_list_is_empty_before_the_first_transcript(api: Transport, ann: User) -> None:
    request = ListSpeakersRequest(meeting_id=str(MeetingFactory(owner=ann).pk))
    assert list(api(LIST, request, actor=ann).speakers) == []


def test_unknown_ids_are_not_found(api: Transport, ann: User, bob: User) -> None:
    meeting_id = str(TranscribedMeetingFactory(owner=ann).pk)
    for request, actor in (
        (ListSpeakersRequest(meeting_id="nonsense"), ann),
        (ListSpeakersRequest(meeting_id="a\0b"), ann),
        (ListSpeakersRequest(meeting_id=meeting_id), bob),
        (ListSpeakersRequest(meeting_id=meeting_id, transcript_version=2), ann),
        (ListSpeakersRequest(meeting_id=meeting_id, transcript_version=-1), ann),
    ):
        with pytest.raises(Failed) as failed:
            api(LIST, request, actor=actor)
        assert failed.value.reason == "NOT_FOUND"


def test_list_takes_two_queries_and_reads_no_voice_print(ann: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann)
    SpeakerFactory.create_batch(5, meeting=meeting)
    with CaptureQueriesContext(connection) as captured:
        assert len(list_speakers(ann, str(meeting.pk), 0)) == 5
    assert len(captured) == 2
    assert not any("encrypted_print" in query["sql"] for query in captured)

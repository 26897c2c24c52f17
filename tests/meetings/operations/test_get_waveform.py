"""The waveform of a recording, over both transports."""

import pytest

from meetings.models import Meeting, Waveform
from tandem.meeting.v1.meeting_pb2 import GetWaveformRequest
from tests.support.factories import MeetingFactory
from tests.support.recordings import a_recorded_meeting
from tests.support.transports import Failed, Transport
from users.models import User

GET = "MeetingService/GetWaveform"

pytestmark = pytest.mark.usefixtures("folder")


def a_measured_meeting(owner: User, peaks: bytes) -> Meeting:
    meeting = a_recorded_meeting(owner)
    Meeting.objects.filter(pk=meeting.pk).update(duration_ms=4_000)
    Waveform.objects.create(meeting=meeting, recording_sha256=meeting.recording_sha256, peaks=peaks)
    return meeting


def request(meeting: Meeting, max_peaks: int = 0) -> GetWaveformRequest:
    return GetWaveformRequest(meeting_id=str(meeting.pk), max_peaks=max_peaks)


def test_peaks_cover_the_recording(api: Transport, ann: User) -> None:
    answer = api(GET, request(a_measured_meeting(ann, bytes([0, 7, 255, 3]))), actor=ann)
    assert (list(answer.peaks), answer.duration_ms) == ([0, 7, 255, 3], 4_000)


@pytest.mark.parametrize(
    ("max_peaks", "peaks"), [(1, [9]), (2, [3, 9]), (3, [1, 9, 8]), (4, [1, 3, 9, 8]), (5, [1, 3, 9, 4, 8])]
)
def test_fewer_peaks_are_the_greatest_of_their_spans(
    api: Transport, ann: User, max_peaks: int, peaks: list[int]
) -> None:
    meeting = a_measured_meeting(ann, bytes([1, 3, 9, 4, 8]))
    assert list(api(GET, request(meeting, max_peaks), actor=ann).peaks) == peaks


def test_there_are_1000_peaks_unless_requested(api: Transport, ann: User) -> None:
    meeting = a_measured_meeting(ann, bytes(4_000))
    assert len(api(GET, request(meeting), actor=ann).peaks) == 1_000
    assert len(api(GET, request(meeting, 4_000), actor=ann).peaks) == 4_000


@pytest.mark.parametrize("max_peaks", [-1, 4_001])
def test_number_of_peaks_is_limited(api: Transport, ann: User, max_peaks: int) -> None:
    with pytest.raises(Failed) as failed:
        api(GET, request(a_measured_meeting(ann, b"1"), max_peaks), actor=ann)
    assert (failed.value.reason, failed.value.fields) == ("INVALID", {"max_peaks": "range"})


def test_recording_that_was_not_decoded_has_no_peaks(api: Transport, ann: User) -> None:
    assert not api(GET, request(a_recorded_meeting(ann)), actor=ann).peaks


def test_peaks_of_a_replaced_recording_are_not_shown(api: Transport, ann: User) -> None:
    meeting = a_measured_meeting(ann, b"123")
    Meeting.objects.filter(pk=meeting.pk).update(recording_sha256="0" * 64)
    assert not api(GET, request(meeting), actor=ann).peaks


def test_meeting_without_a_recording_has_no_waveform(api: Transport, ann: User) -> None:
    with pytest.raises(Failed, match="has no recording"):
        api(GET, request(MeetingFactory(owner=ann)), actor=ann)

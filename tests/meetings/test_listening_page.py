"""The meeting's page in the admin site: what it shows, and what its requests do."""

import datetime
import json
import re
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from meetings.admin.listening import FILES
from meetings.models import ActionItem, ActionItemStatus, Meeting, Status, Transcript
from tasks.models import Task
from tests.support.factories import MeetingFactory, SegmentFactory, SpeakerFactory, SupportFactory, TranscriptFactory
from tests.support.meeting_rows import a_segment, a_summary, an_action_item
from tests.support.recordings import a_recorded_meeting, a_recording
from users.models import User

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def meeting(ann: User, bob: User, folder: Any) -> Meeting:
    return a_recorded_meeting(ann, participants=[bob.pk], transcript_version=1, notice="Hard to hear.")


def page_of(meeting: Meeting) -> str:
    return reverse("admin:meetings_meeting_change", args=[meeting.pk])


def address(name: str, *arguments: Any) -> str:
    return reverse(f"admin:meetings_meeting_{name}", args=arguments)


def reported(site: Client, where: str, **fields: Any) -> str:
    """Post, and return the messages on the page that is shown then."""
    response = site.post(where, fields, follow=True)
    return " ".join(map(str, response.context["messages"]))


def test_page_shows_the_recording_with_names_and_evidence(site: Client, meeting: Meeting) -> None:
    speaker = SpeakerFactory(meeting=meeting, name="Grace <b>")
    line = a_segment(meeting, 1, text="We <i>ship</i> it.", speaker_id=speaker.pk)
    a_summary(meeting, decisions=[{"text": "Ship it.", "segment_ids": [str(line.pk)]}])
    an_action_item(meeting, text="Send it", segment_ids=[line.pk])
    page = site.get(page_of(meeting)).content.decode()
    for shown in ("Hard to hear.", "Ann Other", "Bob Builder", "Grace &lt;b&gt;", "We &lt;i&gt;ship&lt;/i&gt; it.",
                  "Ship it.", "Send it", f'href="?from=10000#line-{line.pk}"', 'data-start="10000"',
                  "Retranscribe"):  # fmt: skip
        assert shown in page
    assert address("file", meeting.pk, "recording") in page
    assert "Cancel processing" not in page


@pytest.mark.parametrize("name", FILES)
def test_files_are_opened_with_a_ticket(site: Client, meeting: Meeting, name: str) -> None:
    a_segment(meeting, 1)
    response = site.get(address("file", meeting.pk, name))
    assert response.status_code == 302
    opened: Any = Client(HTTP_HOST="localhost").get(response.headers["Location"])
    assert opened.status_code == 200
    assert opened.headers["Content-Disposition"].startswith("attachment")
    assert b"".join(opened.streaming_content)
    assert site.get(address("file", meeting.pk, "stream")).status_code == 403


def test_action_item_is_accepted_with_title_assignee_and_date(site: Client, meeting: Meeting, bob: User) -> None:
    item = an_action_item(meeting, due_on=datetime.date(2030, 1, 31))
    where = address("decide", meeting.pk, item.pk, "accept")
    assert "Enter a valid date." in reported(site, where, due_on="soon")
    assert not Task.objects.exists()
    shown = reported(site, where, title="Call the bank", assigned_to=str(bob.pk), due_on="2030-02-01")
    assert shown == "The task was created."
    task = Task.objects.get()
    assert (task.title, task.assigned_to) == ("Call the bank", bob)
    assert task.due_date == datetime.datetime(2030, 2, 1, 23, 59, 59, tzinfo=datetime.UTC)
    page = site.get(page_of(meeting)).content.decode()
    assert reverse("admin:tasks_task_change", args=[task.pk]) in page
    assert where not in page


def test_action_item_is_rejected(site: Client, meeting: Meeting) -> None:
    item = an_action_item(meeting)
    assert reported(site, address("decide", meeting.pk, item.pk, "reject")) == "Rejected."
    assert ActionItem.objects.get().status == ActionItemStatus.REJECTED


def test_recording_is_processed_again_and_that_is_cancelled(site: Client, meeting: Meeting) -> None:
    TranscriptFactory(meeting=meeting)
    where = address("retranscribe", meeting.pk)
    assert site.get(where).status_code == 405
    assert reported(site, where) == "Queued."
    assert Transcript.objects.filter(meeting=meeting).count() == 2
    assert "already being processed" in reported(site, where)
    assert "Cancel processing" in site.get(page_of(meeting)).content.decode()
    assert reported(site, address("cancel", meeting.pk)) == "Cancelled."
    meeting.refresh_from_db()
    assert meeting.status == Status.CANCELLED
    assert "not being processed" in reported(site, address("cancel", meeting.pk))


def test_recording_is_uploaded_in_pieces(site: Client, administrator: User) -> None:
    meeting = MeetingFactory(owner=administrator)
    content = a_recording(seconds=1)
    where = address("upload", meeting.pk)
    begun = site.post(where, {"filename": "talk.wav", "content_type": "audio/wav", "size": len(content)}).json()
    for start in (0, 20_000):
        piece = content[start : start + 20_000] if not start else content[start:]
        place = f"{address('continue_upload', meeting.pk, begun['id'])}?offset={start}"
        answer = site.post(place, piece, content_type="application/octet-stream").json()
        assert answer == {"offset": start + len(piece)}
    meeting.refresh_from_db()
    assert (meeting.status, meeting.recording_filename, meeting.recording_size) == (
        Status.QUEUED,
        "talk.wav",
        len(content),
    )
    again = site.post(where, {"filename": "talk.wav", "size": "10"})
    assert (again.status_code, "recording" in again.json()["detail"]) == (409, True)
    assert json.loads(site.post(where, {"filename": "x", "size": "-"}).content)["detail"]


def test_staff_who_may_only_read_change_nothing(client: Client, meeting: Meeting, ann: User) -> None:
    reader = SupportFactory(is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_meeting"))
    client.force_login(reader)
    client.defaults["HTTP_HOST"] = "localhost"
    item = an_action_item(meeting)
    for where in (
        address("retranscribe", meeting.pk),
        address("cancel", meeting.pk),
        address("upload", meeting.pk),
        address("decide", meeting.pk, item.pk, "accept"),
    ):
        assert client.post(where).status_code == 403
    # The ticket is the reader's own, who does not see the meeting.
    location = client.get(address("file", meeting.pk, "recording")).headers["Location"]
    assert Client(HTTP_HOST="localhost").get(location).status_code == 404


def test_a_long_transcript_continues(site: Client, meeting: Meeting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meetings.admin.listening.LINES_SHOWN", 2)
    segments = [SegmentFactory(meeting=meeting, start_ms=start, end_ms=start + 900) for start in range(0, 5_000, 1_000)]

    def shown(**query: int) -> list[str]:
        return re.findall(r'<li id="line-([0-9a-f-]+)"', site.get(page_of(meeting), query).content.decode())

    ids = [str(segment.pk) for segment in segments]
    assert shown() == ids[:2]
    assert 'href="?from=2000"' in site.get(page_of(meeting)).content.decode()
    assert shown(**{"from": 2_000}) == ids[2:4]
    assert shown(**{"from": 4_000}) == ids[4:]
    last = site.get(page_of(meeting), {"from": 4_000}).content.decode()
    assert "The next lines" not in last
    assert "The lines from the beginning" in last
    later = site.get(address("lines", meeting.pk), {"from": 2_000}).json()["lines"]
    assert [line["id"] for line in later] == ids[2:]
    assert (later[0]["at"], later[0]["start"], later[0]["end"]) == ("0:02", 2_000, 2_900)
    assert site.get(address("lines", uuid4())).status_code == 404

"""Responses with exported transcripts: file names, tags, methods, memory."""

import re
import tracemalloc
from urllib.parse import unquote

import pytest
from django.test import Client

from access.services import create_ticket
from core.rest.downloads import attachment
from meetings.models import Meeting, Segment, Speaker
from meetings.views.exports import FORMS
from meetings.views.exports.cues import cues
from tests.support.factories import MeetingFactory
from tests.support.meeting_rows import ENGINE, a_segment, a_speaker, a_summary
from tests.support.rest_transport import RestTransport
from tests.support.transcript_files import content, get
from users.models import User


@pytest.mark.parametrize(
    ("title", "plain", "name"),
    [
        ("Weekly", "Weekly.srt", None),
        ('../../etc/"passwd"\r\nX: y', "etc passwd X y.srt", None),
        ("Réunion", "Reunion.srt", "Réunion.srt"),
        ("会議", "meeting.srt", "会議.srt"),
        ("con", "_con.srt", None),
        ("...", "meeting.srt", None),
        ("100% done; really", "100 done really.srt", None),
        ("x" * 200, "x" * 80 + ".srt", None),
        ("会" * 200, "meeting.srt", "会" * 53 + ".srt"),
    ],
)
def test_file_name_is_safe(title: str, plain: str, name: str | None) -> None:
    found = re.fullmatch(
        r"attachment; filename=\"([ -~]*)\"(?:; filename\*=UTF-8''(\S+))?", attachment(title, "srt", "meeting")
    )
    assert found
    assert (found[1], found[2] and unquote(found[2])) == (plain, name)


@pytest.mark.parametrize("form", FORMS)
def test_unchanged_export_is_not_modified(rest: RestTransport, meeting: Meeting, form: str, ann: User) -> None:
    tags = []
    for change in (
        lambda: None,
        lambda: Segment.objects.filter(transcript_version=2, start_ms=0).update(text="Corrected"),
        lambda: Speaker.objects.filter(label="S2").update(name="Bob"),
        lambda: a_summary(meeting, 2),
        lambda: Segment.objects.filter(transcript_version=2, start_ms=0).delete(),
        lambda: Meeting.objects.update(title="Other"),
    ):
        change()
        response = get(rest, meeting, form, ann)
        tags.append(response.headers["ETag"])
        content(response)
        again = get(rest, meeting, form, ann, **{"if-none-match": tags[-1]})
        assert (again.status_code, again.headers["ETag"], again.content) == (304, tags[-1], b"")
        assert content(get(rest, meeting, form, ann, **{"if-none-match": '"x"'}))
    assert len(set(tags)) == 6
    assert get(rest, meeting, form, ann, "?transcript_version=1").headers["ETag"] not in tags


def test_ticket_opens_an_export(rest: RestTransport, meeting: Meeting, ann: User) -> None:
    path = f"/api/v1/meetings/{meeting.pk}/transcript.srt"
    ticket = create_ticket(ann, path, session_id=None)
    for _ in range(2):
        assert "Version 2." in content(rest.client.get(f"{path}?ticket={ticket}"))
    assert rest.client.get(f"/api/v1/meetings/{meeting.pk}/transcript.vtt?ticket={ticket}").status_code == 401


#: Joiners within words and emoji, and a name that turns the direction of its text.
JOINED, TURNED = "می‌خواهم 👨‍👩‍👧", "‫שלום‬⁦!⁩"


@pytest.mark.parametrize("form", ["srt", "vtt", "md"])
def test_joiners_are_kept_and_marks_of_direction_are_not(rest: RestTransport, form: str, ann: User) -> None:
    meeting = MeetingFactory(owner=ann, transcript_version=1)
    speaker = a_speaker(meeting, name=TURNED)
    a_segment(meeting, 0, text=f"{JOINED} ⁧x⁩ so­ft​", speaker_id=speaker.pk)
    exported = content(get(rest, meeting, form, ann))
    assert JOINED in exported
    assert "x soft" in exported
    assert "שלום" in exported
    assert not re.search("[‪-‮⁦-⁩­​]", exported)


def test_joined_emoji_is_not_cut(ann: User) -> None:
    meeting = MeetingFactory(owner=ann, transcript_version=1)
    family = "👨‍👩‍👧"
    for cue in cues(a_segment(meeting, 0, text=family * 30)):
        assert "".join(cue.lines).strip(family) == ""
        assert all(set(line.split(family)) == {""} for line in cue.lines)


def test_other_methods_are_not_allowed(rest: RestTransport, meeting: Meeting, ann: User) -> None:
    path = f"/api/v1/meetings/{meeting.pk}/transcript.vtt"
    headers = {"authorization": rest.bearer(ann)}
    assert rest.client.post(path, headers=headers).status_code == 405
    assert rest.client.head(path, headers=headers).headers["Content-Type"] == "text/vtt; charset=utf-8"
    assert Client(HTTP_HOST="localhost").options(path).status_code == 204
    assert rest.client.get(f"/api/v1/meetings/{meeting.pk}/transcript.pdf", headers=headers).status_code == 404


def long_meeting(owner: User, count: int) -> Meeting:
    meeting: Meeting = MeetingFactory(owner=owner, transcript_version=1)
    words = [{"text": f"word{n}", "start_ms": n * 100, "end_ms": n * 100 + 90, "confidence": 0.5} for n in range(10)]
    said = " ".join(word["text"] for word in words)  # type: ignore[misc]
    Segment.objects.bulk_create(
        Segment(
            meeting=meeting, transcript_version=1, start_ms=1_000 * n, end_ms=1_000 * n + 900, text=said,
            recognized_text=said, confidence=0.5, words=words, engine=ENGINE,
        )
        for n in range(count)
    )  # fmt: skip
    return meeting


def peak_of_export(rest: RestTransport, meeting: Meeting, form: str, ann: User) -> int:
    """Return the bytes that were in use at once, of a file of all segments."""
    tracemalloc.start()
    try:
        response = get(rest, meeting, form, ann)
        assert sum(map(len, response.streaming_content)) > Segment.objects.filter(meeting=meeting).count() * 50
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_transcript(rest: RestTransport, ann: User) -> None:
    """A longer transcript is read in more parts; only a part of the output is in memory."""
    short, long = long_meeting(ann, 500), long_meeting(ann, 1_500)
    for form in FORMS:
        content(get(rest, short, form, ann))
        peaks = [peak_of_export(rest, meeting, form, ann) for meeting in (short, long)]
        assert peaks[1] < peaks[0] + 1024 * 1024, (form, peaks)

"""Transcripts as JSON and Markdown."""

import json
from datetime import UTC, datetime

import pytest

from core.protojson import to_json
from meetings import messages
from meetings.models import ActionItemStatus, Meeting, Segment, Status, Transcript
from meetings.views.exports import FORMS
from meetings.views.exports.markdown import text
from tests.support.factories import MeetingFactory
from tests.support.meeting_rows import a_summary, an_action_item
from tests.support.rest_transport import RestTransport
from tests.support.transcript_files import NAME, content, get
from users.models import User


def test_json_holds_everything_of_a_version(rest: RestTransport, meeting: Meeting, ann: User) -> None:
    summary = a_summary(meeting, 2)
    item = an_action_item(meeting, version=2)
    response = get(rest, meeting, "json", ann)
    content_found = json.loads(content(response))
    segments = list(Segment.objects.filter(transcript_version=2).order_by("start_ms"))
    assert [segment["speaker"] for segment in content_found["segments"]] == ["", NAME, "S2", "S2"]
    assert [{k: v for k, v in s.items() if k != "speaker"} for s in content_found["segments"]] == [
        to_json(messages.segment_message(segment)) for segment in segments
    ]
    assert content_found["summary"] == to_json(messages.summary_message(summary))
    assert content_found["action_items"] == [to_json(messages.action_item_message(item))]
    assert [speaker["label"] for speaker in content_found["speakers"]] == ["S1", "S2"]
    assert content_found["meeting_id"] == str(meeting.pk)
    assert content_found["title"] == meeting.title
    assert content_found["transcript_version"] == 2
    assert content_found["language"] == "en"
    assert content_found["starts_at"] == "2026-03-04T09:30:00Z"
    assert response.headers["Content-Type"] == "application/json"


def test_another_version(rest: RestTransport, meeting: Meeting, ann: User) -> None:
    content_found = json.loads(content(get(rest, meeting, "json", ann, "?transcript_version=1")))
    assert ([segment["text"] for segment in content_found["segments"]], content_found["speakers"]) == (
        ["Version 1."],
        [],
    )
    for query, status, reason in (
        ("?transcript_version=3", 404, "NOT_FOUND"),
        ("?transcript_version=x", 400, "INVALID"),
        ("?transcript_version=-1", 400, "INVALID"),
        ("?version=1", 400, "INVALID"),
    ):
        response = get(rest, meeting, "srt", ann, query)
        assert (response.status_code, response.json()["reason"]) == (status, reason)


@pytest.mark.parametrize("form", FORMS)
def test_export_needs_access_to_the_meeting(
    rest: RestTransport, meeting: Meeting, form: str, bob: User, administrator: User, support: User
) -> None:
    for actor, status in ((bob, 200), (administrator, 200), (support, 404), (None, 401)):
        response = get(rest, meeting, form, actor)
        assert response.status_code == status
        if status != 200:
            assert response.headers["Content-Type"] == "application/problem+json"
    for meeting_id in ("x", "0198a3c0-0000-7000-8000-00000000000a"):
        problem = get(rest, meeting_id, form, bob).json()
        assert problem["detail"] == f"Meeting with ID '{meeting_id}' not found"


@pytest.mark.parametrize("form", FORMS)
def test_export_without_transcript_is_empty(rest: RestTransport, form: str, ann: User) -> None:
    meeting: Meeting = MeetingFactory(owner=ann, title="New")
    content_found = content(get(rest, meeting, form, ann))
    if form == "json":
        document = json.loads(content_found)
        assert (document["segments"], document["summary"], document["transcript_version"]) == ([], None, 0)
    else:
        assert (
            content_found
            == {"srt": "", "vtt": "WEBVTT\n\n", "md": "# New\n\n## Participants\n\n- Ann Other\n\n## Transcript\n\n"}[
                form
            ]
        )


def test_markdown_of_a_whole_meeting(rest: RestTransport, meeting: Meeting, ann: User) -> None:
    segment = str(Segment.objects.filter(transcript_version=2)[0].pk)
    a_summary(
        meeting,
        2,
        overview=[{"text": content_found, "segment_ids": [segment]} for content_found in ("They *met*.", "They left.")],
        topics=[{"text": "ships", "segment_ids": [segment]}],
        decisions=[{"text": "Build [one](http://x.example).", "segment_ids": [segment]}],
    )
    an_action_item(meeting, 1, 2, owner_name="Bob_B", due="by friday", due_on="2026-03-06")
    an_action_item(meeting, 2, 2, status=ActionItemStatus.ACCEPTED, task_id=meeting.pk, due="soon")
    content_found = content(get(rest, meeting, "md", ann))
    assert content_found.startswith(
        "# Weekly \\*review\\*: A/B\n\n- Date: 2026-03-04 09:30 UTC\n- Length: 01:02:05\n- Language: en\n"
        "- Transcript: version 2\n\n## Participants\n\n- Ann Other\n- Bob Builder\n\n"
        "## Summary\n\n- They \\*met\\*.\n- They left.\n\n## Topics\n\n- ships\n\n"
        "## Decisions\n\n- Build \\[one\\](http://x.example).\n\n## Action items\n\n"
        "- Do thing 1; who: Bob\\_B; by: 2026-03-06; proposed\n"
        f"- Do thing 2; by: soon; accepted, [the task](/api/v1/tasks/{meeting.pk})\n\n"
        "## Transcript\n\n(00:00:00)\n\nVersion 2.\n\n"
    )
    # A speaker of several segments in a row is named once.
    assert content_found.count("**S2** (00:00:20)") == content_found.count("**S2**") == 1
    assert "<script>" not in content_found.replace("\\<", "")


def test_markdown_dates_the_meeting_in_the_time_zone_of_its_owner(
    rest: RestTransport, meeting: Meeting, ann: User, bob: User
) -> None:
    before = get(rest, meeting, "md", bob)
    User.objects.filter(pk=ann.pk).update(timezone="Pacific/Marquesas")
    after = get(rest, meeting, "md", bob)
    assert "- Date: 2026-03-04 09:30 UTC\n" in content(before)
    assert "- Date: 2026-03-04 00:00 UTC-09:30\n" in content(after)
    assert before.headers["ETag"] != after.headers["ETag"]
    Meeting.objects.filter(pk=meeting.pk).update(starts_at=datetime(1, 1, 1, tzinfo=UTC))
    assert "-01-01 00:00 UTC\n" in content(get(rest, meeting, "md", bob))


@pytest.mark.parametrize(
    ("status", "name", "reason", "line"),
    [
        (Status.QUEUED, "QUEUED", "", "- Not finished: queued at 42\u00a0%\n"),
        (Status.PROCESSING, "PROCESSING", "", "- Not finished: processing at 42\u00a0%\n"),
        (Status.CANCELLED, "CANCELLED", "", "- Not finished: cancelled at 42\u00a0%\n"),
        (Status.FAILED, "FAILED", "No *engine*.", "- Not finished: failed at 42\u00a0%: No \\*engine\\*.\n"),
        (Status.COMPLETED, "COMPLETED", "", ""),
    ],
)
def test_incomplete_transcript_is_marked(
    rest: RestTransport, meeting: Meeting, ann: User, status: Status, name: str, reason: str, line: str
) -> None:
    notice = "The file was cut off."
    Meeting.objects.update(status=status, progress=42, failure_reason=reason, notice=notice)
    content_found = json.loads(content(get(rest, meeting, "json", ann)))
    assert (content_found["status"], content_found["progress"]) == (f"MEETING_STATUS_{name}", 42)
    assert (content_found["failure_reason"], content_found["notice"]) == (reason, notice)
    document = content(get(rest, meeting, "md", ann))
    assert f"- Transcript: version 2\n{line}- Note: The file was cut off.\n\n## Participants" in document


def test_earlier_version_shows_its_own_status(rest: RestTransport, meeting: Meeting, ann: User) -> None:
    Meeting.objects.update(status=Status.PROCESSING, progress=42, notice="The file was cut off.")
    for status, progress, line in (
        (Status.COMPLETED, 100, ""), (Status.CANCELLED, None, "- Not finished: cancelled\n"),
    ):  # fmt: skip
        Transcript.objects.filter(version=1).update(status=status)
        content_found = json.loads(content(get(rest, meeting, "json", ann, "?transcript_version=1")))
        assert (content_found["status"], content_found["progress"]) == (f"MEETING_STATUS_{status.name}", progress)
        assert (content_found["failure_reason"], content_found["notice"]) == ("", "")
        document = content(get(rest, meeting, "md", ann, "?transcript_version=1"))
        assert f"- Transcript: version 1\n{line}\n## Participants" in document


@pytest.mark.parametrize(
    ("content_found", "written"),
    [
        ("# no heading", "\\# no heading"), ("- no item", "\\- no item"), ("3. no item", "3\\. no item"),
        ("1) no item", "1\\) no item"), ("=====", "\\====="), ("a\n\n# b", "a # b"),
        ("*_`[]<>|~!&\\", "\\*\\_\\`\\[\\]\\<\\>\\|\\~\\!\\&\\\\"),
        ("plain, text. (yes)", "plain, text. (yes)"),
    ],
)  # fmt: skip
def test_markdown_escapes_texts(content_found: str, written: str) -> None:
    assert text(content_found) == written

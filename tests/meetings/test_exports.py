"""Transcripts as files, read by parsers that are none of ours, or are written for these tests."""

import datetime
import html
import io
import itertools
import json
import re
import tracemalloc
from typing import Any, NamedTuple
from urllib.parse import unquote

import av
import pytest
from django.test import Client

from core.protojson import to_json
from meetings import messages
from meetings.models import ActionItemStatus, Meeting, Segment, Speaker, Status, Transcript
from meetings.views.exports import FORMS, attachment
from meetings.views.exports.cues import COLUMNS, LINES, MAX_MS, cues, width
from meetings.views.exports.markdown import text
from tests.support.factories import MeetingFactory
from tests.support.meeting_rows import ENGINE, a_segment, a_speaker, a_summary, a_transcript, an_action_item
from tests.support.transports import RestTransport
from users.models import User

AWKWARD = "a --> b <i>& {\\an8} &amp; <script>alert(1)</script>"
NAME = "Ann <b>--> & Co"
WORDS = [f"word{number}" for number in range(60)]


class Shown(NamedTuple):
    """A cue as a parser reads it: times in milliseconds."""

    start: int
    end: int
    voice: str
    lines: list[str]


@pytest.fixture
def door() -> RestTransport:
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


def times(start: int, end: int) -> list[dict[str, Any]]:
    """Of each word, one after the other; the last one is said fast."""
    each = (end - start) // len(WORDS)
    return [
        {"text": word, "start_ms": start + each * place, "end_ms": start + each * place + each - 20, "confidence": 0.5}
        for place, word in enumerate(WORDS)
    ]


def get(
    door: RestTransport, meeting: Meeting | str, form: str, actor: User | None, query: str = "", **headers: str
) -> Any:
    meeting_id = meeting.pk if isinstance(meeting, Meeting) else meeting
    if actor is not None:
        headers["authorization"] = door.bearer(actor)
    return door.client.get(f"/api/v1/meetings/{meeting_id}/transcript.{form}{query}", headers=headers)


def content(response: Any) -> str:
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content).decode()


def read_vtt(document: str) -> list[Shown]:
    """By https://www.w3.org/TR/webvtt1/#file-parsing, as far as we write it; strict where that is lenient."""
    header, _, body = document.partition("\n\n")
    assert header == "WEBVTT"
    cues = []
    for block in filter(None, body.split("\n\n")):
        number, timing, *lines = block.split("\n")
        assert (number, "-->" in number, lines != []) == (str(len(cues) + 1), False, True)
        found = re.fullmatch(r"(\d\d+):([0-5]\d):([0-5]\d)\.(\d{3}) --> (\d\d+):([0-5]\d):([0-5]\d)\.(\d{3})", timing)
        assert found, timing
        start, end = (
            ((int(h) * 60 + int(m)) * 60 + int(s)) * 1000 + int(ms)
            for h, m, s, ms in (found.groups()[:4], found.groups()[4:])
        )
        payload = "\n".join(lines)
        assert "-->" not in payload
        voice = re.match(r"<v ([^>\n]+)>", payload)
        payload = payload[voice.end() :] if voice else payload
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", payload)
        cues.append(Shown(start, end, html.unescape(voice[1]) if voice else "", html.unescape(payload).split("\n")))
    return cues


def read_by_ffmpeg(document: str, form: str) -> list[tuple[int, int, str]]:
    """Start, end and text of each packet, in milliseconds."""
    with av.open(io.BytesIO(document.encode()), format={"vtt": "webvtt"}.get(form, form)) as file:
        stream = file.streams.subtitles[0]
        ms = stream.time_base * 1000
        return [
            (int(p.pts * ms), int((p.pts + (p.duration or 0)) * ms), bytes(p).decode())
            for p in file.demux(stream)
            if p.size
        ]


def test_json_holds_all_of_a_version(door: RestTransport, meeting: Meeting, ann: User) -> None:
    summary = a_summary(meeting, 2)
    item = an_action_item(meeting, version=2)
    response = get(door, meeting, "json", ann)
    told = json.loads(content(response))
    segments = list(Segment.objects.filter(transcript_version=2).order_by("start_ms"))
    assert [segment["speaker"] for segment in told["segments"]] == ["", NAME, "S2", "S2"]
    assert [{k: v for k, v in s.items() if k != "speaker"} for s in told["segments"]] == [
        to_json(messages.segment_message(segment)) for segment in segments
    ]
    assert told["summary"] == to_json(messages.summary_message(summary))
    assert told["action_items"] == [to_json(messages.action_item_message(item))]
    assert [speaker["label"] for speaker in told["speakers"]] == ["S1", "S2"]
    assert (told["meeting_id"], told["title"], told["transcript_version"], told["language"], told["starts_at"]) == (
        str(meeting.pk), meeting.title, 2, "en", "2026-03-04T09:30:00Z",
    )  # fmt: skip
    assert response.headers["Content-Type"] == "application/json"


def test_another_version(door: RestTransport, meeting: Meeting, ann: User) -> None:
    told = json.loads(content(get(door, meeting, "json", ann, "?transcript_version=1")))
    assert ([segment["text"] for segment in told["segments"]], told["speakers"]) == (["Version 1."], [])
    for query, status, reason in (
        ("?transcript_version=3", 404, "NOT_FOUND"),
        ("?transcript_version=x", 400, "INVALID"),
        ("?transcript_version=-1", 400, "INVALID"),
        ("?version=1", 400, "INVALID"),
    ):
        response = get(door, meeting, "srt", ann, query)
        assert (response.status_code, response.json()["reason"]) == (status, reason)


@pytest.mark.parametrize("form", FORMS)
def test_who_does_not_see_the_meeting_gets_nothing(
    door: RestTransport, meeting: Meeting, form: str, bob: User, administrator: User, support: User
) -> None:
    for actor, status in ((bob, 200), (administrator, 200), (support, 404), (None, 401)):
        response = get(door, meeting, form, actor)
        assert response.status_code == status
        if status != 200:
            assert response.headers["Content-Type"] == "application/problem+json"
    for meeting_id in ("x", "0198a3c0-0000-7000-8000-00000000000a"):
        problem = get(door, meeting_id, form, bob).json()
        assert problem["detail"] == f"Meeting with ID '{meeting_id}' not found"


@pytest.mark.parametrize("form", FORMS)
def test_one_without_a_transcript_is_empty(door: RestTransport, form: str, ann: User) -> None:
    meeting: Meeting = MeetingFactory(owner=ann, title="New")
    told = content(get(door, meeting, form, ann))
    if form == "json":
        document = json.loads(told)
        assert (document["segments"], document["summary"], document["transcript_version"]) == ([], None, 0)
    else:
        assert (
            told
            == {"srt": "", "vtt": "WEBVTT\n\n", "md": "# New\n\n## Participants\n\n- Ann Other\n\n## Transcript\n\n"}[
                form
            ]
        )


def test_webvtt_reads_back_as_what_was_said(door: RestTransport, meeting: Meeting, ann: User) -> None:
    response = get(door, meeting, "vtt", ann)
    document = content(response)
    assert response.headers["Content-Type"] == "text/vtt; charset=utf-8"
    shown = read_vtt(document)
    assert [cue.voice for cue in shown[:3]] == ["", NAME, "S2"]
    said = {
        voice: " ".join(line for cue in shown if cue.voice == voice for line in cue.lines) for voice in ("", NAME, "S2")
    }
    assert said == {"": "Version 2.", NAME: "Hello there.", "S2": f"{AWKWARD} {' '.join(WORDS)}"}
    assert_readable(shown)
    by_ffmpeg = read_by_ffmpeg(document, "vtt")
    assert [(start, end) for start, end, _ in by_ffmpeg] == [(cue.start, cue.end) for cue in shown]


def test_subrip_reads_back_as_what_was_said(door: RestTransport, meeting: Meeting, ann: User) -> None:
    response = get(door, meeting, "srt", ann)
    document = content(response)
    assert response.headers["Content-Type"] == "application/x-subrip; charset=utf-8"
    shown = [
        Shown(start, end, "", words.strip("\n").split("\n")) for start, end, words in read_by_ffmpeg(document, "srt")
    ]
    assert [block.split("\n")[0] for block in document.strip().split("\n\n")] == [str(n + 1) for n in range(len(shown))]
    assert document.count("-->") == len(shown)
    assert not re.search(r"<[a-z/]|\{\\", document)
    told = [" ".join(cue.lines).replace("\u2060", "") for cue in shown]
    assert told[:2] == ["Version 2.", f"{NAME}: Hello there."]
    assert "".join(told[2:]).replace("S2: ", " ").strip() == f"{AWKWARD} {' '.join(WORDS)}"
    assert all(line.startswith("S2: ") for line in told[2:])
    assert_readable([Shown(s.start, s.end, "", [line.replace("\u2060", "") for line in s.lines]) for s in shown])


def assert_readable(shown: list[Shown]) -> None:
    """Short enough, not for too long, one after the other."""
    for cue in shown:
        assert 0 < cue.end - cue.start <= MAX_MS
        assert len(cue.lines) <= LINES
        assert all(width(line) <= COLUMNS for line in cue.lines)
    assert all(before.end <= after.start for before, after in itertools.pairwise(shown))


@pytest.mark.parametrize(
    "said",
    [
        "会議は午前九時に始まりました。" * 12,
        "x" * 500,
        "ein sehr-langes-wort-" * 20,
        "e\u0301" * 100,
        "",
        " \u2028\u0000 ",
        "one\n\ntwo\r\n\r\n3\n00:00:01,000 --> 00:00:02,000\nthree",
    ],
    ids=["wide", "no space", "hyphens", "combining", "nothing", "not printable", "line breaks"],
)
def test_whatever_was_said_makes_cues_that_can_be_read(said: str) -> None:
    segment = Segment(start_ms=5_000, end_ms=35_000, text=said, words=[])
    found = cues(segment, 10)
    for cue in found:
        assert 1 <= len(cue.lines) <= LINES
        assert cue.lines[-1]
        assert all(width(line) <= COLUMNS and line.isprintable() for line in cue.lines)
        assert width(cue.lines[0]) <= COLUMNS - 10
        assert segment.start_ms <= cue.start_ms < cue.end_ms <= segment.end_ms
    letters = "".join(character for character in said if character.isprintable() and character != " ")
    assert "".join(line for cue in found for line in cue.lines).replace(" ", "") == letters


def test_a_pause_begins_a_new_cue_and_bad_times_do_no_harm() -> None:
    words = [
        {"text": "a", "start_ms": 100, "end_ms": 400}, {"text": "b", "start_ms": 300, "end_ms": 350},
        {"text": "c", "start_ms": 4_000, "end_ms": 99_000},
    ]  # fmt: skip
    found = cues(Segment(start_ms=100, end_ms=5_000, text="a b c", words=words))
    assert [(cue.start_ms, cue.end_ms, cue.lines) for cue in found] == [(100, 1_100, ["a b"]), (4_000, 5_000, ["c"])]


def test_markdown_is_a_document_for_people(door: RestTransport, meeting: Meeting, ann: User) -> None:
    segment = str(Segment.objects.filter(transcript_version=2)[0].pk)
    a_summary(
        meeting,
        2,
        overview=[{"text": told, "segment_ids": [segment]} for told in ("They *met*.", "They left.")],
        topics=[{"text": "ships", "segment_ids": [segment]}],
        decisions=[{"text": "Build [one](http://x.example).", "segment_ids": [segment]}],
    )
    an_action_item(meeting, 1, 2, owner_name="Bob_B", due="by friday", due_on="2026-03-06")
    an_action_item(meeting, 2, 2, status=ActionItemStatus.ACCEPTED, task_id=meeting.pk, due="soon")
    told = content(get(door, meeting, "md", ann))
    assert told.startswith(
        "# Weekly \\*review\\*: A/B\n\n- Date: 2026-03-04 09:30 UTC\n- Length: 01:02:05\n- Language: en\n"
        "- Transcript: version 2\n\n## Participants\n\n- Ann Other\n- Bob Builder\n\n"
        "## Summary\n\n- They \\*met\\*.\n- They left.\n\n## Topics\n\n- ships\n\n"
        "## Decisions\n\n- Build \\[one\\](http://x.example).\n\n## Action items\n\n"
        "- Do thing 1; who: Bob\\_B; by: 2026-03-06; proposed\n"
        f"- Do thing 2; by: soon; accepted, [the task](/api/v1/tasks/{meeting.pk})\n\n"
        "## Transcript\n\n(00:00:00)\n\nVersion 2.\n\n"
    )
    # Who goes on speaking is named once.
    assert told.count("**S2** (00:00:20)") == told.count("**S2**") == 1
    assert "<script>" not in told.replace("\\<", "")


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
def test_what_is_not_whole_says_so(
    door: RestTransport, meeting: Meeting, ann: User, status: Status, name: str, reason: str, line: str
) -> None:
    notice = "The file was cut off."
    Meeting.objects.update(status=status, progress=42, failure_reason=reason, notice=notice)
    told = json.loads(content(get(door, meeting, "json", ann)))
    assert (told["status"], told["progress"]) == (f"MEETING_STATUS_{name}", 42)
    assert (told["failure_reason"], told["notice"]) == (reason, notice)
    document = content(get(door, meeting, "md", ann))
    assert f"- Transcript: version 2\n{line}- Note: The file was cut off.\n\n## Participants" in document


def test_an_earlier_version_tells_its_own_end(door: RestTransport, meeting: Meeting, ann: User) -> None:
    Meeting.objects.update(status=Status.PROCESSING, progress=42, notice="The file was cut off.")
    for status, progress, line in (
        (Status.COMPLETED, 100, ""), (Status.CANCELLED, None, "- Not finished: cancelled\n"),
    ):  # fmt: skip
        Transcript.objects.filter(version=1).update(status=status)
        told = json.loads(content(get(door, meeting, "json", ann, "?transcript_version=1")))
        assert (told["status"], told["progress"]) == (f"MEETING_STATUS_{status.name}", progress)
        assert (told["failure_reason"], told["notice"]) == ("", "")
        document = content(get(door, meeting, "md", ann, "?transcript_version=1"))
        assert f"- Transcript: version 1\n{line}\n## Participants" in document


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ("# no heading", "\\# no heading"), ("- no item", "\\- no item"), ("3. no item", "3\\. no item"),
        ("1) no item", "1\\) no item"), ("=====", "\\====="), ("a\n\n# b", "a # b"),
        ("*_`[]<>|~!&\\", "\\*\\_\\`\\[\\]\\<\\>\\|\\~\\!\\&\\\\"),
        ("plain, text. (yes)", "plain, text. (yes)"),
    ],
)  # fmt: skip
def test_markdown_makes_nothing_of_texts(told: str, written: str) -> None:
    assert text(told) == written


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
def test_the_file_has_a_name_that_is_safe(title: str, plain: str, name: str | None) -> None:
    found = re.fullmatch(r"attachment; filename=\"([ -~]*)\"(?:; filename\*=UTF-8''(\S+))?", attachment(title, "srt"))
    assert found
    assert (found[1], found[2] and unquote(found[2])) == (plain, name)


@pytest.mark.parametrize("form", FORMS)
def test_it_is_sent_once_as_long_as_nothing_changed(
    door: RestTransport, meeting: Meeting, form: str, ann: User
) -> None:
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
        response = get(door, meeting, form, ann)
        tags.append(response.headers["ETag"])
        content(response)
        again = get(door, meeting, form, ann, **{"if-none-match": tags[-1]})
        assert (again.status_code, again.headers["ETag"], again.content) == (304, tags[-1], b"")
        assert content(get(door, meeting, form, ann, **{"if-none-match": '"x"'}))
    assert len(set(tags)) == 6
    assert get(door, meeting, form, ann, "?transcript_version=1").headers["ETag"] not in tags


def test_other_methods(door: RestTransport, meeting: Meeting, ann: User) -> None:
    path = f"/api/v1/meetings/{meeting.pk}/transcript.vtt"
    headers = {"authorization": door.bearer(ann)}
    assert door.client.post(path, headers=headers).status_code == 405
    assert door.client.head(path, headers=headers).headers["Content-Type"] == "text/vtt; charset=utf-8"
    assert Client(HTTP_HOST="localhost").options(path).status_code == 204
    assert door.client.get(f"/api/v1/meetings/{meeting.pk}/transcript.pdf", headers=headers).status_code == 404


@pytest.mark.parametrize("form", FORMS)
def test_a_long_one_takes_no_more_memory(door: RestTransport, form: str, ann: User) -> None:
    """What is longer is read in more parts; of what is written some is kept in memory."""
    peaks = []
    for count in (500, 4_000):
        meeting: Meeting = MeetingFactory(owner=ann, transcript_version=1)
        words = [
            {"text": f"word{n}", "start_ms": n * 100, "end_ms": n * 100 + 90, "confidence": 0.5} for n in range(10)
        ]
        said = " ".join(word["text"] for word in words)  # type: ignore[misc]
        Segment.objects.bulk_create(
            Segment(
                meeting=meeting, transcript_version=1, start_ms=1_000 * n, end_ms=1_000 * n + 900, text=said,
                recognized_text=said, confidence=0.5, words=words, engine=ENGINE,
            )
            for n in range(count)
        )  # fmt: skip
        content(get(door, meeting, form, ann))
        tracemalloc.start()
        response = get(door, meeting, form, ann)
        length = sum(map(len, response.streaming_content))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert length > count * 50
    assert peaks[1] < peaks[0] + 1.5 * 1024 * 1024, peaks

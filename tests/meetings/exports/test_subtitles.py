"""Transcripts as SubRip and WebVTT."""

import itertools
import re

import pytest

from meetings.models import Meeting, Segment
from meetings.views.exports.cues import COLUMNS, LINES, MAX_MS, cues, width
from tests.support.rest_transport import RestTransport
from tests.support.transcript_files import AWKWARD, NAME, WORDS, Shown, content, get, read_by_ffmpeg, read_vtt
from users.models import User


def test_webvtt_is_parsed_back_to_the_transcript(rest: RestTransport, meeting: Meeting, ann: User) -> None:
    response = get(rest, meeting, "vtt", ann)
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


def test_subrip_is_parsed_back_to_the_transcript(rest: RestTransport, meeting: Meeting, ann: User) -> None:
    response = get(rest, meeting, "srt", ann)
    document = content(response)
    assert response.headers["Content-Type"] == "application/x-subrip; charset=utf-8"
    shown = [
        Shown(start, end, "", words.strip("\n").split("\n")) for start, end, words in read_by_ffmpeg(document, "srt")
    ]
    assert [block.split("\n")[0] for block in document.strip().split("\n\n")] == [str(n + 1) for n in range(len(shown))]
    assert document.count("-->") == len(shown)
    assert not re.search(r"<[a-z/]|\{\\", document)
    received = [" ".join(cue.lines).replace("\u2060", "") for cue in shown]
    assert received[:2] == ["Version 2.", f"{NAME}: Hello there."]
    assert "".join(received[2:]).replace("S2: ", " ").strip() == f"{AWKWARD} {' '.join(WORDS)}"
    assert all(line.startswith("S2: ") for line in received[2:])
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
def test_any_text_makes_readable_cues(said: str) -> None:
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


def test_pause_begins_a_new_cue_and_invalid_times_are_clamped() -> None:
    words = [
        {"text": "a", "start_ms": 100, "end_ms": 400}, {"text": "b", "start_ms": 300, "end_ms": 350},
        {"text": "c", "start_ms": 4_000, "end_ms": 99_000},
    ]  # fmt: skip
    found = cues(Segment(start_ms=100, end_ms=5_000, text="a b c", words=words))
    assert [(cue.start_ms, cue.end_ms, cue.lines) for cue in found] == [(100, 1_100, ["a b"]), (4_000, 5_000, ["c"])]

"""Read exported transcripts with parsers of other projects, or with strict ones written for tests."""

import html
import io
import re
from typing import Any, NamedTuple

import av

from meetings.models import Meeting
from tests.support.rest_transport import RestTransport
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


def times(start: int, end: int) -> list[dict[str, Any]]:
    """Return the words with their times, one after the other; the last one is short."""
    each = (end - start) // len(WORDS)
    return [
        {"text": word, "start_ms": start + each * place, "end_ms": start + each * place + each - 20, "confidence": 0.5}
        for place, word in enumerate(WORDS)
    ]


def get(
    rest: RestTransport, meeting: Meeting | str, form: str, actor: User | None, query: str = "", **headers: str
) -> Any:
    meeting_id = meeting.pk if isinstance(meeting, Meeting) else meeting
    if actor is not None:
        headers["authorization"] = rest.bearer(actor)
    return rest.client.get(f"/api/v1/meetings/{meeting_id}/transcript.{form}{query}", headers=headers)


def content(response: Any) -> str:
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content).decode()


def read_vtt(document: str) -> list[Shown]:
    """Parse by https://www.w3.org/TR/webvtt1/#file-parsing, for the features in use; strict where that is lenient."""
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

"""A transcript as subtitles: SubRip, and WebVTT (https://www.w3.org/TR/webvtt1/)."""

from collections.abc import Iterator

from core.texts import printable
from meetings.timecode import exact_clock
from meetings.views.exports.cues import cues, width
from meetings.views.exports.reading import Transcription

#: Invisible and without a line break. Inserted into markup characters so that players show them literally.
_WORD_JOINER = "\u2060"


def render_srt(found: Transcription) -> Iterator[str]:
    """Yield SubRip cues, each with its number, and with the speaker before the text."""
    number = 0
    for segment in found.segments():
        speaker = _srt_text(" ".join(printable(found.speaker_of(segment)).split()))
        before = f"{speaker}: " if speaker else ""
        for cue in cues(segment, width(before)):
            number += 1
            text = "\n".join([f"{before}{_srt_text(cue.lines[0])}".rstrip(), *map(_srt_text, cue.lines[1:])])
            yield f"{number}\n{exact_clock(cue.start_ms, ',')} --> {exact_clock(cue.end_ms, ',')}\n{text}\n\n"


def render_vtt(found: Transcription) -> Iterator[str]:
    """Yield WebVTT cues, each in a voice tag of its speaker."""
    yield "WEBVTT\n\n"
    number = 0
    for segment in found.segments():
        speaker = _vtt_text(" ".join(printable(found.speaker_of(segment)).split()))
        before = f"<v {speaker}>" if speaker else ""
        for cue in cues(segment):
            number += 1
            text = before + "\n".join(map(_vtt_text, cue.lines))
            yield f"{number}\n{exact_clock(cue.start_ms, '.')} --> {exact_clock(cue.end_ms, '.')}\n{text}\n\n"


def _vtt_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _srt_text(text: str) -> str:
    """Break up `<i>` and `{\\an8}`, which players take for markup. SubRip has no escape sequences."""
    for begins in ("<", "{", "--"):
        text = text.replace(begins, begins + _WORD_JOINER)
    return text

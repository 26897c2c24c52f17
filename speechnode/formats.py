"""Formats of recordings: their names, how FFmpeg calls them, and how their files begin.

The speech node decodes these formats, and the server accepts files that begin as they do. This module loads no library.
"""

from typing import NamedTuple


class Format(NamedTuple):
    """A format, or several that share their beginnings.

    Attributes:
        name: for people; empty = not listed for them.
        demuxers: names in FFmpeg.
        beginnings: bytes that all such files have, each with their offset. Empty: the format has frames only.
    """

    name: str
    demuxers: tuple[str, ...]
    beginnings: tuple[tuple[int, bytes], ...] = ()


#: Formats that contain their audio. Others, such as playlists, would make FFmpeg open the files of this machine, or the
#: network addresses, that they name.
FORMATS = (
    Format(
        "WAV", ("wav", "w64"), ((0, b"RIFF"), (0, b"RIFX"), (0, b"RF64"), (0, b"BW64"), (0, b"riff\x2e\x91\xcf\x11"))
    ),
    Format("FLAC", ("flac",), ((0, b"fLaC"),)),
    Format("MP3", ("mp3",), ((0, b"ID3"),)),
    Format(
        "M4A",
        ("mov", "mp4", "m4a", "3gp"),
        tuple((4, atom) for atom in (b"ftyp", b"wide", b"moov", b"mdat", b"free", b"skip", b"pnot")),
    ),
    Format("AAC", ("aac",)),
    Format("OGG", ("ogg",), ((0, b"OggS"),)),
    Format("Opus", ("opus",)),
    Format("WebM", ("matroska", "webm"), ((0, b"\x1a\x45\xdf\xa3"),)),
    Format("WMA", ("asf",), ((0, b"\x30\x26\xb2\x75"),)),
    Format("AIFF", ("aiff",), ((0, b"FORM"),)),
    Format("CAF", ("caf",), ((0, b"caff"),)),
    Format("AMR", ("amr",), ((0, b"#!AMR"),)),
    Format("", ("au",), ((0, b".snd"),)),
    Format("", ("ac3", "eac3"), ((0, b"\x0b\x77"),)),
    Format("", ("ape",), ((0, b"MAC "),)),
    Format("", ("wv",), ((0, b"wvpk"),)),
    Format("", ("flv",), ((0, b"FLV"),)),
    Format("", ("mpeg",), ((0, b"\x00\x00\x01\xba"),)),
    Format("", ("avi", "mpegts")),
)
#: What people can send, as the end of a sentence.
ACCEPTED = (
    ", ".join(format_.name for format_ in FORMATS if format_.name)
    + ", or a video with sound, such as MP4, MOV, MKV or AVI"
)
#: How many bytes are inspected to detect whether a file is a recording.
HEAD_BYTES = 4096

_ADTS_RATES = 13
_MPEG_RATES = (44_100, 48_000, 32_000)
#: Bit rates in kbit/s by MPEG 1 or 2, and by layer.
_BIT_RATES = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
#: Sizes of the packets of an MPEG transport stream, and how many of them must follow each other.
_TS_SIZES, _TS_PACKETS = (188, 192, 204), 4


def demuxers() -> str:
    """Return the names that FFmpeg knows the formats by, as its option `format_whitelist` takes them."""
    return ",".join(name for format_ in FORMATS for name in format_.demuxers)


def is_recording(head: bytes) -> bool:
    """Return whether a file begins as an audio or video file does.

    Args:
        head: its first `HEAD_BYTES`, or all of it.
    """
    return (
        any(head[place:].startswith(beginning) for format_ in FORMATS for place, beginning in format_.beginnings)
        # MPEG audio has no signature but eleven set bits.
        or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0)
        or _has_frames(head)
        or _has_packets(head)
    )


def _has_frames(head: bytes) -> bool:
    """Return whether two frames of MPEG audio follow each other anywhere: streams are cut, and filled up, anywhere."""
    at = head.find(b"\xff")
    while at >= 0:
        length = _frame_bytes(head[at : at + 6])
        if length and _frame_bytes(head[at + length : at + length + 6]):
            return True
        at = head.find(b"\xff", at + 1)
    return False


def _frame_bytes(header: bytes) -> int:
    """Return the length of the frame of MPEG audio or AAC (ADTS) with this header; 0 if it is no such header."""
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    if layer == 4:
        is_adts = header[1] & 0xF0 == 0xF0 and header[2] >> 2 & 15 < _ADTS_RATES
        length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
        return length if is_adts and length > 7 else 0
    rate, bit_rate, padding = header[2] >> 2 & 3, header[2] >> 4, header[2] >> 1 & 1
    if version == 1 or rate == 3 or bit_rate in (0, 15):
        return 0
    generation = 1 if version == 3 else 2
    hertz = _MPEG_RATES[rate] // (1, 2, 4)[(3, 2, 0).index(version)]
    bits = _BIT_RATES[generation, layer][bit_rate - 1] * 1000
    if layer == 1:
        return (12 * bits // hertz + padding) * 4
    return (72 if layer == 3 and generation == 2 else 144) * bits // hertz + padding


def _has_packets(head: bytes) -> bool:
    """Return whether packets of an MPEG transport stream follow each other."""
    return any(
        all(_is_packet(head, at + number * size) for number in range(_TS_PACKETS))
        for size in _TS_SIZES
        for at in range(size)
    )


def _is_packet(head: bytes, at: int) -> bool:
    # A packet has content, or fields before it, or both.
    return len(head) > at + 3 and head[at] == 0x47 and head[at + 3] & 0x30 != 0

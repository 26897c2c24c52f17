"""Judgement whether a file ends early."""

import os
from collections.abc import Mapping
from typing import Any

import av
from av.container import InputContainer

from speechnode.engines.joined_files import View
from speechnode.engines.pcm import RATE
from speechnode.engines.tracks import counts_from_zero

#: Formats whose header has no duration: FFmpeg estimates it.
_LENGTH_IS_GUESSED = {"aac", "ac3", "eac3", "amr", "mp3", "mpeg", "mpegts"}
#: Difference between declared and decoded duration that occurs in complete files, since formats and codecs round.
_TOLERATED_MS = 1000
#: Sizes that programs declare which do not know it, since they write to a pipe: 0, the largest number or half of it,
#: about two thousand million; some less the size of the header.
_MIN_PLACEHOLDER, _MAX_HEADER = 1_900_000_000, 100
_PLACEHOLDERS = (2_000_000_000, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFF000, 0xFFFFFFFF)


def what_is_missing(container: InputContainer, view: View, ends: Mapping[int, tuple[int, int]]) -> str:
    """Return a sentence that describes what is missing at the end of a file; empty = nothing.

    Args:
        container: the file, opened anew.
        view: its bytes.
        ends: where the sound of each decoded track begins and ends, in samples, by the number of the track.
    """
    if container.format.name == "wav" and _wav_was_cut(view):
        return "The file was cut off: it is shorter than its header declares."
    if container.format.name in _LENGTH_IS_GUESSED:
        decoded_ms = max((end for _, end in ends.values()), default=0) * 1000 // RATE
        return _shorter(_mp3_ms(view), decoded_ms) if container.format.name == "mp3" else ""
    zero_ms = 0 if counts_from_zero(container) else max(0, container.start_time or 0) // 1000
    whole_ms = (container.duration or 0) // 1000
    for number, (first, end) in ends.items():
        stream = container.streams.audio[number]
        own_ms = _own_ms(stream)
        declared_ms = min(filter(None, (own_ms, whole_ms)), default=0)
        # The duration of a stream does not include the time before it; those of a file, and of Matroska, do.
        decoded_ms = (end - first if stream.duration else end) * 1000 // RATE + zero_ms
        missing = _shorter(declared_ms, decoded_ms)
        # Without a duration of its own, the sound may be complete, and a picture or another track last longer.
        if missing and (own_ms or len(container.streams) == 1 or _shorter(declared_ms, last_ms(container))):
            return missing
    return ""


def _shorter(declared_ms: int, decoded_ms: int) -> str:
    """Return a sentence if the decoded duration is noticeably shorter than the declared one."""
    if declared_ms - decoded_ms <= max(_TOLERATED_MS, declared_ms // 100):
        return ""
    return (
        f"The file was cut off: its declared duration is {declared_ms / 1000:.0f} s, but it contains "
        f"{decoded_ms / 1000:.0f} s."
    )


def _mp3_ms(view: View) -> int:
    """Return the duration that the first frame of an MP3 file declares, as encoders write it; 0 if it declares none."""
    view.seek(0)
    tag = view.read(10)
    # The length of an ID3 tag has seven bits in each byte.
    at = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=False))
    view.seek(at if tag.startswith(b"ID3") else 0)
    frame = view.read(200)
    place = max(frame.find(b"Xing"), frame.find(b"Info"))
    if place < 4 or not frame[place + 7 : place + 8] or not frame[place + 7] & 1:
        return 0
    version, rate = frame[1] >> 3 & 3, frame[2] >> 2 & 3
    if version == 1 or rate == 3:
        return 0
    hertz = (44_100, 48_000, 32_000)[rate] // {3: 1, 2: 2, 0: 4}[version]
    return int.from_bytes(frame[place + 8 : place + 12], "big") * (1152 if version == 3 else 576) * 1000 // hertz


def _own_ms(stream: Any) -> int:
    """Return the duration that the file declares for a stream; 0 if it declares none."""
    if stream.duration and stream.time_base:
        return max(0, int(stream.duration * stream.time_base * 1000))
    hours, _, rest = stream.metadata.get("DURATION", "").partition(":")  # In Matroska: "00:01:02.300000000".
    minutes, _, seconds = rest.partition(":")
    try:
        return int((int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * 1000)
    except (ValueError, OverflowError):
        return 0


def last_ms(container: InputContainer, *streams: Any) -> int:
    """Return the end of the last packet, in ms.

    Args:
        streams: to which the packets belong; none = all.
    """
    last = 0
    try:
        for packet in container.demux(*streams):
            if packet.pts is not None and packet.time_base is not None:
                last = max(last, int((packet.pts + (packet.duration or 0)) * packet.time_base * 1000))
    except (av.FFmpegError, IndexError):  # PyAV raises the second at the end of a file in which further streams began.
        pass
    return last


def _wav_was_cut(view: View) -> bool:
    """Return whether a second or more of what a WAV file declares is missing. FFmpeg does not report that."""
    end = view.seek(0, os.SEEK_END)
    at, bytes_per_second, long_size = 12, 0, 0
    while at + 8 <= end:
        view.seek(at)
        header = view.read(36)
        name, size = header[:4], int.from_bytes(header[4:8], "little")
        if name == b"fmt ":
            bytes_per_second = int.from_bytes(header[16:20], "little")
        elif name == b"ds64":
            long_size = int.from_bytes(header[16:24], "little")
        elif name == b"data":
            if size == 0xFFFFFFFF and long_size:
                size = long_size
            elif _is_placeholder(size):
                return False
            return size - (end - at - 8) >= max(1, bytes_per_second)
        at += 8 + size + size % 2
    return False


def _is_placeholder(size: int) -> bool:
    return size == 0 or (
        size >= _MIN_PLACEHOLDER and any(0 <= placeholder - size <= _MAX_HEADER for placeholder in _PLACEHOLDERS)
    )

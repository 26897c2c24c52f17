"""Decoding of audio files of common formats to samples, by FFmpeg's libraries (PyAV)."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import zip_longest
from typing import Any, BinaryIO

import av
import numpy as np
from av.container import InputContainer
from av.stream import Discard, Disposition

from speechnode.engines.channels import Mixer, Samples
from speechnode.engines.completeness import last_ms, what_is_missing
from speechnode.engines.joined_files import View, views
from speechnode.engines.loudness import Quantizer
from speechnode.engines.pcm import BYTES_PER_MS, RATE
from speechnode.engines.tracks import MAX_SILENCE_SECONDS, Findings, Track, check
from speechnode.failures import NotAudio, TooLarge
from speechnode.formats import ACCEPTED, demuxers

_PIECE_BYTES = 1000 * BYTES_PER_MS
#: More tracks are not decoded.
_MAX_TRACKS = 16
_UNKNOWN_CODEC = (
    "The sound of this file is in a form that is not known, or its header is damaged: export it as WAV, FLAC, MP3 or "
    "M4A."
)


class Decoder:
    """An iterable over the samples of a file, in pieces of one second. Iterate over it once only.

    The samples are at the times that the file states: where it has no sound, there is silence. All its channels and
    tracks are mixed.

    Args:
        file: seekable, and open until the last piece is consumed.
        start_ms: samples before this time are omitted.
        max_seconds: maximum duration of the decoded audio.

    Attributes:
        incomplete_reason: after the last piece, a sentence that describes what is missing; empty = complete.
        notice: after the last piece, sentences about how the file was understood, if that is not obvious; else empty.

    Raises:
        NotAudio: the format is not known, or the file has no audio, or its sample rate is not plausible.
        TooLarge: the audio is longer than `max_seconds`; raised before the first piece if the duration is known.
    """

    def __init__(self, file: BinaryIO, start_ms: int = 0, max_seconds: int = 43_200) -> None:
        self.incomplete_reason = ""
        self.notice = ""
        self._file = file
        self._most_seconds = max_seconds
        self._start = start_ms * BYTES_PER_MS
        self._parts = _parts(file)

    def declared_ms(self) -> int:
        """Return the declared duration of the file, 0 if it has none. Call it before the first piece.

        Recordings of a browser have no duration in their header, because it is written first. For them all packets are
        read (an hour of audio takes half a second).
        """
        return sum(part.declared_ms() for part in self._parts)

    def expected_ms(self) -> int:
        """Return the duration of the file as far as it is known before the first piece; 0 if it is not.

        Raises:
            TooLarge: the declared duration exceeds the limit, and the audio does too. A header may be wrong, so the
                file is decoded up to the limit to confirm it.
        """
        declared = self.declared_ms()
        if declared <= self._most_seconds * 1000:
            return declared
        return sum(map(len, Decoder(self._file, 0, self._most_seconds))) // BYTES_PER_MS

    def __iter__(self) -> Iterator[bytes]:
        total, kept, quantizer = 0, bytearray(), Quantizer()
        for samples, is_fine in self._blocks():
            pcm = quantizer.pcm(samples, may_raise=is_fine)
            kept += pcm[max(0, self._start - total) :]
            total += len(pcm)
            if total > self._most_seconds * 1000 * BYTES_PER_MS:
                limit = _duration(self._most_seconds)
                raise TooLarge(f"The recording is too long: the maximum is {limit}. Send it in parts.")
            while len(kept) >= _PIECE_BYTES:
                yield bytes(kept[:_PIECE_BYTES])
                del kept[:_PIECE_BYTES]
        if not total and any(part.errors for part in self._parts):
            raise NotAudio("Nothing in this file can be decoded: it is damaged, or its kind is not known.")
        self.incomplete_reason = next(filter(None, (part.incomplete_reason for part in self._parts)), "")
        self.notice = " ".join(dict.fromkeys(notice for part in self._parts for notice in part.notices))
        if kept:
            yield bytes(kept)

    def _blocks(self) -> Iterator[tuple[Samples, bool]]:
        for part in self._parts:
            for samples in part.blocks():
                yield samples, part.is_fine


class _Part:
    """One of the files that a file consists of.

    Attributes:
        is_fine: whether a sample of the sound has more than 16 bits.
        incomplete_reason, notices, errors: after the last block: see Decoder; and the number of damaged places.
    """

    def __init__(self, view: View) -> None:
        self.incomplete_reason = ""
        self.notices: list[str] = []
        self.errors = 0
        self._view = view
        with _open(view) as container:
            self._numbers = _audible(container, self.notices)
            codecs: list[Any] = [container.streams.audio[number].codec_context for number in self._numbers]
            self.is_fine = any(codec.format is None or codec.format.bits > 16 for codec in codecs)

    def declared_ms(self) -> int:
        with _open(self._view) as container:
            if container.duration:
                return max(0, container.duration // 1000)
            return last_ms(container, container.streams.audio[self._numbers[0]])

    def blocks(self) -> Iterator[Samples]:
        """Yield the mixed samples of all tracks, in blocks of a second if there are several."""
        with ExitStack() as stack:
            tracks = [Track(stack.enter_context(_open(self._view.again())), number) for number in self._numbers]
            for track in tracks:
                for stream in track.container.streams:
                    if stream is not track.stream:
                        stream.discard = Discard.all  # The demuxer skips it.
            if len(tracks) == 1:
                yield from tracks[0]
            else:
                yield from _side_by_side(tracks)
        self._conclude([track.findings for track in tracks])

    def _conclude(self, found: list[Findings]) -> None:
        self.errors = sum(one.errors for one in found)
        if any(one.mixer.has_inverted for one in found):
            self.notices.append(
                "A channel of this file is inverted; it was turned, so that it does not cancel the other."
            )
        if any(one.false_clock for one in found):
            hours = MAX_SILENCE_SECONDS // 3600
            self.notices.append(
                f"The times in this file jump by more than {hours} hour; that pause is omitted, so later times are "
                "earlier than in other players."
            )
        if self.errors:
            self.incomplete_reason = (
                f"The file is damaged: {self.errors} part(s) that could not be decoded were omitted."
            )
        elif not any(one.false_clock for one in found):
            with _open(self._view) as container:
                ends = {number: (one.first, one.end) for number, one in zip(self._numbers, found, strict=True)}
                self.incomplete_reason = what_is_missing(container, self._view, ends)


def _parts(file: BinaryIO) -> list[_Part]:
    """Return the files that a file consists of. What begins like one but cannot be opened belongs to the one before."""
    found: list[_Part] = []
    whole: list[View] = []
    for view in views(file):
        try:
            found.append(_Part(view))
            whole.append(view)
        except NotAudio:
            if not found:
                raise
            whole[-1].size += view.size
    return found


def _open(view: View) -> InputContainer:
    view.seek(0)
    try:
        return av.open(
            view,
            "r",
            container_options={"format_whitelist": demuxers()},
            metadata_errors="ignore",
            io_open=_open_nothing,
        )
    except MemoryError:
        raise
    except Exception as exc:  # PyAV has more errors than those of FFmpeg.
        raise NotAudio(_sentence(view)) from exc


def _audible(container: InputContainer, notices: list[str]) -> list[int]:
    """Return the numbers of the tracks to decode, of those with sound.

    Args:
        notices: gets a sentence if there are several.
    """
    tracks = container.streams.audio
    if not tracks:
        raise NotAudio("There is no sound in this file: send one that has an audio track.")
    numbers = []
    for number, track in enumerate(tracks[:_MAX_TRACKS]):
        codec: Any = track.codec_context
        if codec is not None:  # Otherwise FFmpeg knows the container, but has no decoder for its audio.
            check(codec)
            numbers.append(number)
    if not numbers:
        raise NotAudio(_UNKNOWN_CODEC)
    if len(tracks) == 1:
        return numbers
    languages = [tracks[number].language or "und" for number in numbers]
    if len(set(languages) - {"und"}) > 1:
        first = next((number for number in numbers if Disposition.default in tracks[number].disposition), numbers[0])
        notices.append(
            f"This file has {len(tracks)} sound tracks in different languages; the one in "
            f"“{languages[numbers.index(first)]}” was transcribed."
        )
        return [first]
    if len(numbers) < len(tracks):
        notices.append(f"This file has {len(tracks)} sound tracks; {len(numbers)} of them could be transcribed.")
    else:
        notices.append(f"This file has {len(tracks)} sound tracks; they were mixed, and transcribed together.")
    return numbers


def _side_by_side(tracks: list[Track]) -> Iterator[Samples]:
    mixer = Mixer()
    for blocks in zip_longest(*map(_seconds, tracks)):
        length = max(len(block) for block in blocks if block is not None)
        stacked = np.zeros((len(blocks), length), np.float32)
        for row, block in zip(stacked, blocks, strict=True):
            if block is not None:
                row[: len(block)] = block
        yield mixer.mix(stacked)


def _seconds(track: Track) -> Iterator[Samples]:
    """Yield blocks of one second; the last one may be shorter."""
    waiting: list[Samples] = []
    length = 0
    for block in track:
        waiting.append(block)
        length += len(block)
        if length >= RATE:
            joined = np.concatenate(waiting)
            whole = length // RATE * RATE
            for begin in range(0, whole, RATE):
                yield joined[begin : begin + RATE]
            waiting, length = [joined[whole:]], length - whole
    if length:
        yield np.concatenate(waiting)


def _duration(seconds: int) -> str:
    """Format a duration for people."""
    if seconds >= 7200:
        return f"{seconds / 3600:.3g} hours"
    return f"{seconds / 60:.3g} minutes" if seconds >= 120 else f"{seconds} seconds"


def _sentence(view: View) -> str:
    """Return a message that explains why a file cannot be opened."""
    view.seek(0)
    head = view.read(12)
    if not head:
        return "The file is empty."
    if head[4:8] == b"ftyp":
        return "This MP4 or M4A file has no index: its recording was cut off before it was complete. Send it whole."
    return f"This is not an audio file, or its format is not known: send {ACCEPTED}."


def _open_nothing(*_: Any) -> None:
    raise PermissionError("An audio file must not refer to other files.")

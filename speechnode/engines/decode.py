"""Decoding of audio files of common formats to samples, by FFmpeg's libraries (PyAV)."""

import os
from collections.abc import Iterator
from typing import Any, BinaryIO

import av
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.stream import Discard

from speechnode.engines.pcm import BYTES_PER_MS, RATE
from speechnode.failures import NotAudio, TooLarge
from speechnode.formats import ACCEPTED, demuxers

#: Formats whose header has no duration: FFmpeg estimates it.
_LENGTH_IS_GUESSED = {"aac", "ac3", "amr", "mp3", "mpeg", "mpegts"}
#: Difference between declared and decoded duration that occurs in complete files, since formats and codecs round.
_TOLERATED_MS = 1000
_PIECE_BYTES = 1000 * BYTES_PER_MS
#: Sample rates in Hz and numbers of channels that recorders use. With another rate, from a damaged header, a small file
#: would last for days or be empty.
_RATES = range(4_000, 768_001)
_MAX_CHANNELS = 32


class Decoder:
    """An iterable over the samples of a file, in pieces of one second. Iterate over it once only.

    Args:
        file: seekable, and open until the last piece is consumed.
        start_ms: samples before this time are omitted.
        max_seconds: maximum duration of the decoded audio.

    Attributes:
        incomplete_reason: after the last piece, a sentence that describes what is missing; empty = complete.

    Raises:
        NotAudio: the format is not known, or the file has no audio, or its sample rate is not plausible.
        TooLarge: the audio is longer than `max_seconds`; raised before the first piece if the duration is known.
    """

    def __init__(self, file: BinaryIO, start_ms: int = 0, max_seconds: int = 43_200) -> None:
        self.incomplete_reason = ""
        self._file = file
        self._most_seconds = max_seconds
        self._start = start_ms * BYTES_PER_MS
        self._bad_places = 0
        try:
            self._container: InputContainer = av.open(
                file,
                "r",
                container_options={"format_whitelist": demuxers()},
                metadata_errors="ignore",
                io_open=_open_nothing,
            )
        except (av.FFmpegError, ValueError) as exc:
            raise NotAudio(_sentence(file)) from exc
        if not self._container.streams.audio:
            self._container.close()
            raise NotAudio("There is no sound in this file: send one that has an audio track.")
        self._stream = self._container.streams.audio[0]
        codec: Any = self._stream.codec_context
        if codec is None:  # FFmpeg knows the container, but has no decoder for its audio.
            self._container.close()
            raise NotAudio(
                "The sound of this file is in a form that is not known, or its header is damaged: export it as WAV, "
                "FLAC, MP3 or M4A."
            )
        try:
            self._check(codec)
        except NotAudio:
            self._container.close()
            raise
        # The demuxer skips all other streams, such as video.
        for stream in self._container.streams:
            if stream is not self._stream:
                stream.discard = Discard.all

    def declared_ms(self) -> int:
        """Return the declared duration of the file, 0 if it has none. Call it before the first piece.

        Recordings of a browser have no duration in their header, because it is written first. For them all packets are
        read (an hour of audio takes half a second).
        """
        if self._container.duration:
            return self._container.duration // 1000
        at = self._file.tell()
        self._file.seek(0)
        try:
            with av.open(
                self._file, "r", container_options={"format_whitelist": demuxers()}, io_open=_open_nothing
            ) as container:
                return _last_ms(container)
        except (av.FFmpegError, ValueError):
            return 0
        finally:
            self._file.seek(at)

    def expected_ms(self) -> int:
        """Return the duration of the file as far as it is known before the first piece; 0 if it is not.

        Raises:
            TooLarge: the declared duration exceeds the limit, and the audio does too. A header may be wrong, so the
                file is decoded up to the limit to confirm it.
        """
        declared = self.declared_ms()
        if declared <= self._most_seconds * 1000:
            return declared
        at = self._file.tell()
        self._file.seek(0)
        try:
            return sum(map(len, Decoder(self._file, 0, self._most_seconds))) // BYTES_PER_MS
        finally:
            self._file.seek(at)

    def __iter__(self) -> Iterator[bytes]:
        total, kept = 0, bytearray()
        with self._container:
            for pcm in self._resampled():
                kept += pcm[max(0, self._start - total) :]
                total += len(pcm)
                if total > self._most_seconds * 1000 * BYTES_PER_MS:
                    limit = _duration(self._most_seconds)
                    raise TooLarge(f"The recording is too long: the maximum is {limit}. Send it in parts.")
                while len(kept) >= _PIECE_BYTES:
                    yield bytes(kept[:_PIECE_BYTES])
                    del kept[:_PIECE_BYTES]
            if not total and self._bad_places:
                raise NotAudio("Nothing in this file can be decoded: it is damaged, or its kind is not known.")
            self.incomplete_reason = self._what_is_missing(total // BYTES_PER_MS)
        if kept:
            yield bytes(kept)

    def _resampled(self) -> Iterator[bytes]:
        """Yield the samples of all frames. A new resampler is made where the rate or layout changes within the file."""
        form: tuple[Any, ...] = ()
        resampler: Any = None
        for frame in self._frames():
            if frame is not None:
                self._check(frame)
                if (found := (frame.format.name, frame.layout.name, frame.sample_rate)) != form:
                    if resampler is not None:
                        yield from _mixed(resampler, None)
                    form, resampler = found, av.AudioResampler(format="s16", layout="mono", rate=RATE)
            if resampler is not None:
                yield from _mixed(resampler, frame)

    def _check(self, of: Any) -> None:
        """Refuse a rate, or a number of channels, that no recorder uses.

        Args:
            of: the stream's codec, or a frame.
        """
        if of.sample_rate and of.sample_rate not in _RATES:
            raise NotAudio(
                f"The file declares {of.sample_rate:,} samples per second; the supported range is {_RATES[0]:,} to "
                f"{_RATES[-1]:,}. Its header is damaged: export the recording again."
            )
        if of.layout.nb_channels > _MAX_CHANNELS:
            raise NotAudio(
                f"The file declares {of.layout.nb_channels:,} channels; the maximum is {_MAX_CHANNELS}. "
                "Export the recording with one or two."
            )

    def _frames(self) -> Iterator[AudioFrame | None]:
        """Yield the frames that can be decoded; then None, which flushes the resampler."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                yield from packet.decode()
            except av.EOFError:
                break
            except av.FFmpegError:
                # Damage in one place does not prevent decoding the rest.
                self._bad_places += 1
                if self._bad_places > 1000:
                    break
        yield None

    def _what_is_missing(self, decoded_ms: int) -> str:
        if self._bad_places:
            return f"The file is damaged: {self._bad_places} part(s) that could not be decoded were omitted."
        if self._container.format.name == "wav" and _wav_was_cut(self._file):
            return "The file was cut off: it is shorter than its header declares."
        declared_ms = (self._container.duration or 0) // 1000
        guessed = self._container.format.name in _LENGTH_IS_GUESSED
        if guessed or declared_ms - decoded_ms <= max(_TOLERATED_MS, declared_ms // 100):
            return ""
        return (
            f"The file was cut off: its declared duration is {declared_ms / 1000:.0f} s, but it contains "
            f"{decoded_ms / 1000:.0f} s."
        )


def _mixed(resampler: Any, frame: AudioFrame | None) -> Iterator[bytes]:
    """Resample a frame to one channel; None flushes the resampler."""
    try:
        frames = resampler.resample(frame)
    except (av.FFmpegError, ValueError) as exc:
        raise NotAudio("The channels of this file cannot be mixed: export the recording with one or two.") from exc
    for mixed in frames:
        yield bytes(mixed.planes[0])[: mixed.samples * 2]


def _duration(seconds: int) -> str:
    """Format a duration for people."""
    if seconds >= 7200:
        return f"{seconds / 3600:.3g} hours"
    return f"{seconds / 60:.3g} minutes" if seconds >= 120 else f"{seconds} seconds"


def _last_ms(container: InputContainer) -> int:
    """Return the end of the last packet of the first audio stream, in ms."""
    stream = container.streams.audio[0]
    last = 0
    for packet in container.demux(stream):
        if packet.pts is not None and packet.time_base is not None:
            last = max(last, int((packet.pts + (packet.duration or 0)) * packet.time_base * 1000))
    return last


def _sentence(file: BinaryIO) -> str:
    """Return a message that explains why a file cannot be opened."""
    file.seek(0)
    head = file.read(12)
    if not head:
        return "The file is empty."
    if head[4:8] == b"ftyp":
        return "This MP4 or M4A file has no index: its recording was cut off before it was complete. Send it whole."
    return f"This is not an audio file, or its format is not known: send {ACCEPTED}."


def _wav_was_cut(file: BinaryIO) -> bool:
    """Return whether a WAV file is shorter than its header declares. FFmpeg does not report that."""
    file.seek(4)
    declared = int.from_bytes(file.read(4), "little")
    # A program that writes to a pipe cannot know the size, so it writes 0 or the largest number.
    return 0 < declared < 0xFFFFFF00 and file.seek(0, os.SEEK_END) < declared + 8


def _open_nothing(*_: Any) -> None:
    raise PermissionError("An audio file must not refer to other files.")

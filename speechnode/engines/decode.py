"""Files of any common format to samples, by FFmpeg's libraries (PyAV)."""

import os
from collections.abc import Iterator
from typing import Any, BinaryIO

import av
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.stream import Discard

from speechnode.engines.pcm import BYTES_PER_MS, RATE
from speechnode.failures import NotAudio, TooLarge

#: Formats that hold their sound themselves. Others (playlists and the like) would make FFmpeg open what they name:
#: files of this machine, addresses in its network.
FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,flac,flv,matroska,webm,mov,mp4,m4a,3gp,mp3,mpeg,mpegts,ogg,opus,w64,wav,wv"
)
#: Formats that do not say how long they are: FFmpeg guesses.
_LENGTH_IS_GUESSED = {"aac", "ac3", "amr", "mp3", "mpeg", "mpegts"}
#: What may be missing at the end of a whole file, by the way that formats and codecs count.
_TOLERATED_MS = 1000
_PIECE_BYTES = 1000 * BYTES_PER_MS
#: What recorders use, in Hz and by how many channels. Where a header says another rate, a small file would be days of
#: sound, or none.
_RATES = range(4_000, 768_001)
_MAX_CHANNELS = 32


class Decoder:
    """The samples of a file, in pieces of a second; to be iterated over once.

    Args:
        file: seekable, and open until the last piece was taken.
        start_ms: what lies before is left out.
        max_seconds: how much sound may be in the file.

    Attributes:
        incomplete_reason: after the last piece: a sentence that says what is missing; empty if nothing is.

    Raises:
        NotAudio: it is no file of a known format, it holds no sound, or no sound of a rate that there is.
        TooLarge: there is more sound in it than that; raised where it shows, before the first piece if it can be known.
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
                container_options={"format_whitelist": FORMATS},
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
        if codec is None:  # FFmpeg knows the container, and no decoder for what is in it.
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
        # The pictures of a film are not even read.
        for stream in self._container.streams:
            if stream is not self._stream:
                stream.discard = Discard.all

    def declared_ms(self) -> int:
        """How long the file says it is; 0 if it says nothing. To be asked before the first piece.

        What a browser records does not say, as it is written while it is recorded; then its packets do, which are read
        through (an hour in half a second).
        """
        if self._container.duration:
            return self._container.duration // 1000
        at = self._file.tell()
        self._file.seek(0)
        try:
            with av.open(
                self._file, "r", container_options={"format_whitelist": FORMATS}, io_open=_open_nothing
            ) as container:
                return _last_ms(container)
        except (av.FFmpegError, ValueError):
            return 0
        finally:
            self._file.seek(at)

    def expected_ms(self) -> int:
        """How long the file is, as far as that is known before the first piece; 0 if it is not.

        Raises:
            TooLarge: it says that it is too long, and it is. What a header says is not believed where it would matter:
                the file is decoded for that, up to the limit.
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
                    raise TooLarge(f"The recording is too long: at most {limit} are taken. Send it in parts.")
                while len(kept) >= _PIECE_BYTES:
                    yield bytes(kept[:_PIECE_BYTES])
                    del kept[:_PIECE_BYTES]
            if not total and self._bad_places:
                raise NotAudio("Nothing in this file can be decoded: it is damaged, or its kind is not known.")
            self.incomplete_reason = self._what_is_missing(total // BYTES_PER_MS)
        if kept:
            yield bytes(kept)

    def _resampled(self) -> Iterator[bytes]:
        """The samples of all frames. A file may go on with another rate or layout; it is mixed anew from there."""
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
                f"The file says that it has {of.sample_rate:,} samples a second; between {_RATES[0]:,} and "
                f"{_RATES[-1]:,} are taken. Its header is damaged: export the recording again."
            )
        if of.layout.nb_channels > _MAX_CHANNELS:
            raise NotAudio(
                f"The file says that it has {of.layout.nb_channels:,} channels; at most {_MAX_CHANNELS} are taken. "
                "Export the recording with one or two."
            )

    def _frames(self) -> Iterator[AudioFrame | None]:
        """What can be decoded; then None, which makes the resampler give what it holds."""
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
                # A bad place in the middle does not make the rest worthless.
                self._bad_places += 1
                if self._bad_places > 1000:
                    break
        yield None

    def _what_is_missing(self, decoded_ms: int) -> str:
        if self._bad_places:
            return f"The file is damaged: what could not be decoded is left out ({self._bad_places} x)."
        if self._container.format.name == "wav" and _wav_was_cut(self._file):
            return "The file was cut off: its header speaks of more than is there."
        declared_ms = (self._container.duration or 0) // 1000
        guessed = self._container.format.name in _LENGTH_IS_GUESSED
        if guessed or declared_ms - decoded_ms <= max(_TOLERATED_MS, declared_ms // 100):
            return ""
        return (
            f"The file was cut off: it should last {declared_ms / 1000:.0f} s, and {decoded_ms / 1000:.0f} s are there."
        )


def _mixed(resampler: Any, frame: AudioFrame | None) -> Iterator[bytes]:
    """What the resampler makes of a frame, or has left at the end, in one channel."""
    try:
        made = resampler.resample(frame)
    except (av.FFmpegError, ValueError) as exc:
        raise NotAudio("The channels of this file cannot be mixed: export the recording with one or two.") from exc
    for mixed in made:
        yield bytes(mixed.planes[0])[: mixed.samples * 2]


def _duration(seconds: int) -> str:
    """The limit as people say it."""
    if seconds >= 7200:
        return f"{seconds / 3600:.3g} hours"
    return f"{seconds / 60:.3g} minutes" if seconds >= 120 else f"{seconds} seconds"


def _last_ms(container: InputContainer) -> int:
    """When the last packet of its first sound ends."""
    stream = container.streams.audio[0]
    last = 0
    for packet in container.demux(stream):
        if packet.pts is not None and packet.time_base is not None:
            last = max(last, int((packet.pts + (packet.duration or 0)) * packet.time_base * 1000))
    return last


def _sentence(file: BinaryIO) -> str:
    """Why a file cannot be opened."""
    file.seek(0)
    head = file.read(12)
    if not head:
        return "The file is empty."
    if head[4:8] == b"ftyp":
        return "This MP4 or M4A file has no index: its recording was cut off before it was complete. Send it whole."
    return "This is not an audio file, or its format is not known: send WAV, FLAC, MP3, M4A, OGG, Opus, WebM or WMA."


def _wav_was_cut(file: BinaryIO) -> bool:
    """Whether a WAV file is shorter than it says; FFmpeg believes what is there."""
    file.seek(4)
    declared = int.from_bytes(file.read(4), "little")
    # Who writes into a pipe cannot know the size, and says none, or the largest.
    return 0 < declared < 0xFFFFFF00 and file.seek(0, os.SEEK_END) < declared + 8


def _open_nothing(*_: Any) -> None:
    raise PermissionError("Files are read by themselves.")

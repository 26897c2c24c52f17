"""One sound track of a file: its packets to samples of one channel, at the times that the file states."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import InputContainer

from speechnode.engines.channels import Mixer, Samples
from speechnode.engines.pcm import RATE
from speechnode.failures import NotAudio

#: Lateness of a frame, compared with the samples before it, that rounding explains. Times that waver add their largest
#: lateness to the recording once, not each time.
_TOLERATED = RATE * 15 // 1000
#: A frame that is so much earlier than the end of the one before it begins a new count of times.
_BACK = RATE
#: Longest silence for a time that is later than the sound before it. A later one is taken for a false clock.
MAX_SILENCE_SECONDS = 3600
#: Formats that state the times of packets; those of other formats are counted, or guessed, by FFmpeg.
_STATES_TIMES = {"mov", "matroska", "ogg", "asf", "flv", "mpegts", "mpeg"}
#: Those whose times are since the beginning of the recording. In others, the first packet may have any time.
_COUNTS_FROM_ZERO = {"mov", "matroska"}
#: Sample rates in Hz and numbers of channels that recorders use. With another rate, from a damaged header, a small file
#: would last for days or be empty.
_RATES = range(4_000, 768_001)
_MAX_CHANNELS = 32
#: Errors without a packet between them after which the rest of a track is given up.
_MAX_ERRORS = 1000
#: Marks of the metadata between joined MP3 files, as opposed to damage.
_TAGS = (b"ID3", b"TAG", b"APETAGEX", b"Xing", b"Info")
_BLOCK, _MIN_BLOCK = RATE, RATE // 10
#: Largest amplitude of samples, 18 dB beyond full scale, so that one damaged sample does not decide the loudness.
_MAX_AMPLITUDE = 8.0


@dataclass
class Findings:
    """The facts found while a track is decoded.

    Attributes:
        errors: number of places that could not be read or decoded.
        first, end: times of the first and of the last sound, in samples.
        false_clock: whether a time was later than the sound before it by more than `MAX_SILENCE_SECONDS`.
    """

    errors: int = 0
    first: int = 0
    end: int = 0
    false_clock: bool = False
    mixer: Mixer = field(default_factory=Mixer)


class Track:
    """An iterable over the samples of a track, from time 0 of its file on, in blocks of any length.

    Args:
        container: of its own; closed at the end.
        number: of the track among those with sound.
    """

    def __init__(self, container: InputContainer, number: int) -> None:
        self.container = container
        self.stream = container.streams.audio[number]
        self.findings = Findings()
        self._states_times = not _STATES_TIMES.isdisjoint(container.format.name.split(","))
        self._zero_us = 0 if counts_from_zero(container) else container.start_time or 0
        #: How many samples later than its file states the sound is, since times began anew.
        self._shift = 0
        #: Where the frames so far end: by their samples, and by their times.
        self._end: float = 0.0
        self._stated_end = 0
        self._resampler: Any = None
        self._form: tuple[Any, ...] = ()
        #: Resampled, of shape (samples, channels), not mixed yet.
        self._waiting: list[Samples] = []
        self._waiting_length = 0

    def __iter__(self) -> Iterator[Samples]:
        given = 0
        for block in self._blocks():
            given += len(block)
            yield block
        self.findings.end = given

    def _blocks(self) -> Iterator[Samples]:
        with self.container:
            for frame in self._frames():
                try:
                    check(frame)
                except NotAudio:
                    if not self._end:
                        raise
                    self.findings.errors += 1
                    continue
                silence = self._silence_before(frame)
                form = (frame.format.name, frame.layout.name, frame.layout.nb_channels, frame.sample_rate)
                if silence or form != self._form:
                    yield from self._resampled(None)
                    self._form, self._resampler = form, None
                for begin in range(0, silence, _BLOCK):
                    yield np.zeros(min(_BLOCK, silence - begin), np.float32)
                if not self._end:
                    self.findings.first = silence
                self._end += silence + frame.samples * RATE / frame.sample_rate
                yield from self._resampled(frame)
            yield from self._resampled(None)

    def _silence_before(self, frame: AudioFrame) -> int:
        """Return how many samples of silence lie between the last frame and this one."""
        if frame.pts is None or not frame.time_base or not self._states_times:
            return 0
        stated = _samples(frame.pts, frame.time_base) - self._zero_us * RATE // 1_000_000
        if stated < self._stated_end - _BACK:
            self._shift = round(self._end) - stated
        gap = stated + self._shift - round(self._end)
        if gap > MAX_SILENCE_SECONDS * RATE:
            self.findings.false_clock |= bool(self._end)
            self._shift -= gap
            gap = 0
        self._stated_end = stated + frame.samples * RATE // frame.sample_rate
        return gap if gap > _TOLERATED else 0

    def _resampled(self, frame: AudioFrame | None) -> Iterator[Samples]:
        """Yield the samples of some frames, mixed; None ends the sound of this form."""
        if self._resampler is None:
            if frame is None:
                return
            self._resampler = av.AudioResampler(format="flt", rate=RATE)
        try:
            for made in self._resampler.resample(frame):
                # Not by `to_ndarray`, which reads more planes than a frame of many channels has.
                count = made.layout.nb_channels
                packed = np.frombuffer(made.planes[0], np.float32, made.samples * count).reshape(-1, count)
                self._waiting.append(packed.copy())
                self._waiting_length += made.samples
        except Exception:  # The sound of this frame cannot be mixed.
            self.findings.errors += 1
            self._resampler = None
        if self._waiting_length >= (_MIN_BLOCK if frame else 1):
            channels = np.nan_to_num(np.concatenate(self._waiting).T).clip(-_MAX_AMPLITUDE, _MAX_AMPLITUDE)
            self._waiting, self._waiting_length = [], 0
            yield self.findings.mixer.mix(channels)

    def _frames(self) -> Iterator[AudioFrame]:
        """Yield the frames that can be decoded. Damage in one place does not prevent decoding the rest."""
        packets: Any = self.container.demux(self.stream)
        in_a_row = 0
        while in_a_row < _MAX_ERRORS:
            try:
                packet = next(packets)
                in_a_row = 0
            except StopIteration:
                return
            except av.FFmpegError:
                self.findings.errors += 1
                in_a_row += 1
                packets = self.container.demux(self.stream)  # An exception ends the old iterator.
                continue
            except IndexError:  # PyAV fails thus at the end of a file in which further streams began.
                return
            except Exception:
                self.findings.errors += 1
                return
            if packet.size or packet.dts is None:  # Otherwise an empty packet would end the decoding.
                yield from self._decoded(packet)

    def _decoded(self, packet: Any) -> Iterator[AudioFrame]:
        try:
            frames: Any = packet.decode()
        except av.EOFError:
            return
        except Exception:  # PyAV has more errors than those of FFmpeg.
            self.findings.errors += not any(tag in bytes(packet) for tag in _TAGS)
            return
        yield from (frame for frame in frames if frame.samples and frame.sample_rate)


def counts_from_zero(container: InputContainer) -> bool:
    """Return whether the times in this file are those since the beginning of the recording."""
    return not _COUNTS_FROM_ZERO.isdisjoint(container.format.name.split(","))


def check(of: Any) -> None:
    """Refuse a rate, or a number of channels, that no recorder uses.

    Args:
        of: the codec of a stream, or a frame.

    Raises:
        NotAudio
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


def _samples(pts: int, time_base: Fraction) -> int:
    return pts * time_base.numerator * RATE // time_base.denominator

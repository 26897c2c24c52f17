"""Sound files with tracks, times and formats of any kind, made by FFmpeg's libraries."""

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import av
import numpy as np

RATE = 48_000


def tone(seconds: float, hertz: float = 440.0, rate: int = RATE, amplitude: float = 0.5) -> np.ndarray:
    """Return a tone, of shape (1, samples)."""
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)[None]


class Part(NamedTuple):
    """Samples of shape (channels, samples), and the time at which they begin."""

    start: float
    samples: np.ndarray


class Sound(NamedTuple):
    """A sound track.

    Attributes:
        lost: numbers of its packets that the file does not have.
    """

    parts: Sequence[Part]
    codec: str = "pcm_s16le"
    rate: int = RATE
    language: str = ""
    lost: frozenset[int] = frozenset()


def sound_file(
    container: str, *sounds: Sound, picture_seconds: int = 0, options: dict[str, str] | None = None
) -> bytes:
    """Return a file with these tracks, and with pictures for so many seconds."""
    file = io.BytesIO()
    with av.open(file, "w", format=container, options=options or {}) as target:
        packets: list[Any] = []
        if picture_seconds:
            packets += _pictures(target, picture_seconds)
        streams = []
        for sound in sounds:
            channels = len(sound.parts[0].samples)
            stream: Any = target.add_stream(sound.codec, rate=sound.rate, layout={1: "mono", 2: "stereo"}[channels])
            if sound.language:
                stream.metadata["language"] = sound.language
            stream.codec_context.open()
            streams.append(stream)
        for stream, sound in zip(streams, sounds, strict=True):
            made = [packet for frame in _frames(stream, sound) for packet in stream.encode(frame)]
            made += stream.encode(None)
            packets += [packet for number, packet in enumerate(made) if number not in sound.lost]
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            target.mux(packet)
    return file.getvalue()


def _frames(stream: Any, sound: Sound) -> list[Any]:
    frames = []
    size = stream.codec_context.frame_size or 1024
    for part in sound.parts:
        layout = stream.layout.name
        for at in range(0, part.samples.shape[1] // size * size, size):
            samples = np.ascontiguousarray(part.samples[:, at : at + size])
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
            frame.rate = sound.rate
            (frame,) = av.AudioResampler(format=stream.format.name, layout=layout, rate=sound.rate).resample(frame)
            frame.rate = sound.rate
            frame.time_base = Fraction(1, sound.rate)
            frame.pts = round(part.start * sound.rate) + at
            frames.append(frame)
    return frames


def _pictures(target: Any, seconds: int) -> list[Any]:
    stream = target.add_stream("mpeg4", rate=1)
    stream.width = stream.height = 64
    stream.pix_fmt = "yuv420p"
    packets = []
    for number in range(seconds):
        frame = av.VideoFrame(64, 64, "yuv420p")
        frame.pts = number
        packets += stream.encode(frame)
    return packets + stream.encode(None)

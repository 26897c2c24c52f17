"""Understood share of good recordings, of bad ones, and of other languages."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import grpc
import numpy as np

from bench.flite import PAUSE, RATE
from tandem.speech.v1 import speech_pb2 as speech
from tandem.speech.v1.speech_pb2_grpc import AsrServiceStub

#: Debian's asterisk-core-sounds-{en,es,fr,it,ru}-g722: people who read prompts.
PROMPTS = Path("/usr/share/asterisk/sounds")
LANGUAGES = ("en", "es", "fr", "it", "ru")
#: Signal to noise, in dB.
NOISES = (10, 5, 0, -5)
_PROMPTS_EACH, _CHUNK = 25, 65536


def understood(channel: grpc.Channel, pcm: bytes) -> tuple[float, float]:
    """Return the mean confidence of the words, and the understood share of the speech as the pipeline judges it."""

    def messages() -> Iterator[speech.AsrUp]:
        yield speech.AsrUp(start=speech.AsrStart(format=speech.AUDIO_FORMAT_PCM_S16LE_16K, word_times=True))
        for seq, begin in enumerate(range(0, len(pcm), _CHUNK)):
            yield speech.AsrUp(audio=speech.AudioChunk(seq=seq, data=pcm[begin : begin + _CHUNK]))

    answers = list(AsrServiceStub(channel).Transcribe(messages()))
    segments = [answer.segment for answer in answers if answer.segment.final]
    words = [word.confidence for segment in segments for word in segment.words]
    share = sum((one.end_ms - one.start_ms) * one.confidence for one in segments) / max(1, answers[-1].done.speech_ms)
    return sum(words) / max(1, len(words)), share


def rows(channel: grpc.Channel, read: Sequence[bytes], folder: Path, random_: random.Random) -> list[list[str]]:
    """Measure a reader, with noise and backwards, and prompts in other languages if they are installed."""
    clean = b"".join(pcm + PAUSE for pcm in read)
    sounds = {"a reader": clean}
    sounds |= {f"a reader, white noise at {db} dB": _with_noise(clean, db, random_) for db in NOISES}
    sounds["a reader, backwards"] = np.frombuffer(clean, "<i2")[::-1].tobytes()
    sounds |= {f"prompts, {name}": pcm for name in LANGUAGES if (pcm := _prompts(folder, name, random_))}
    found = {name: understood(channel, pcm) for name, pcm in sounds.items()}
    return [
        [f"understood: {name}", f"{share:.2f}", "", f"confidence of words {confidence:.2f}"]
        for name, (confidence, share) in found.items()
    ]


def _with_noise(pcm: bytes, db: float, random_: random.Random) -> bytes:
    samples = np.frombuffer(pcm, "<i2") / 2
    loudness = np.sqrt(np.mean(samples**2)) * 10 ** (-db / 20)
    noise = np.random.default_rng(random_.randrange(2**32)).normal(0, loudness, len(samples))
    return bytes((samples + noise).clip(-32768, 32767).astype("<i2").tobytes())


def _prompts(folder: Path, language: str, random_: random.Random) -> bytes:
    """Return some prompts of two seconds or more, with pauses between them; empty if there are none."""
    files = sorted(file for voice in folder.glob(f"{language}_*") for file in voice.rglob("*.g722"))
    # 64 kbit/s
    longer = [file for file in files if 16_000 <= file.stat().st_size <= 96_000]
    chosen = random_.sample(longer, min(_PROMPTS_EACH, len(longer)))
    return b"".join(_decoded(file) + PAUSE for file in chosen)


def _decoded(path: Path) -> bytes:
    with av.open(str(path), format="g722") as container:
        resampler = av.AudioResampler("s16", "mono", RATE)
        frames = [piece for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    return b"".join(frame.to_ndarray().tobytes() for frame in frames)

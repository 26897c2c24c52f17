"""Learns speechnode/engines/voice_space.npz from recordings of people, each folder with those of one person.

    apt-get download asterisk-core-sounds-{en,es,fr,it,ru}-g722 asterisk-prompt-{es-co,fr-armelle,it-menardi-wav}
    for package in *.deb; do dpkg -x "$package" "people/${package%%_*}"; done
    .venv/bin/python -m scripts.learn_voice_space --same en-g722 --same es-g722 people/*

The committed file is of these packages: seven people, 40 utterances each (the same person speaks English and Spanish),
from an earlier draw of the utterances; another draw gives slightly different numbers.
"""

import argparse
import random
from pathlib import Path

import av
import numpy as np

from speechnode.engines.pcm import RATE, duration_ms
from speechnode.engines.spans import FRAME_MS
from speechnode.engines.vad import VoiceSegments
from speechnode.engines.voice_prints import Floats, VoiceEncoder
from speechnode.engines.voice_space import FILE

FILES, UTTERANCES = 90, 40
#: Range of the length of an utterance, and lengths of pieces of it, in ms: prints vary with the length, too.
LENGTHS, PIECES = (1000, 12_000), (800, 1200)
#: Added to the covariance, in terms of its mean variance, because there are fewer people than dimensions.
SHRINKAGE = 0.05
#: Silence at both ends of an utterance.
MARGIN_FRAMES = 12


def samples(path: Path) -> bytes:
    """Return the samples of a file in any format of FFmpeg: nodes do not accept G.722 without a container."""
    resampler = av.AudioResampler("s16", "mono", RATE)
    with av.open(path) as file:
        frames = [part for frame in [*file.decode(audio=0), None] for part in resampler.resample(frame)]
    return b"".join(frame.to_ndarray().tobytes() for frame in frames)


def utterances(path: Path) -> list[bytes]:
    """Return the utterances of a recording, which is made loud."""
    loud = np.frombuffer(samples(path), "<i2").astype(np.float32)
    loud *= 0.7 * 32767 / max(1.0, np.abs(loud).max())
    pcm, voices = loud.astype("<i2").tobytes(), VoiceSegments()
    found = (piece.pcm for piece in [*voices.feed(pcm), *voices.finish()])
    return [pcm for pcm in found if LENGTHS[0] <= duration_ms(pcm) <= LENGTHS[1]]


def prints_of(folder: Path, encoder: VoiceEncoder) -> list[Floats]:
    """Return the voice prints of utterances in a folder, of one person, and of a short piece of each."""
    drawn = random.Random(3)
    files = [path for path in folder.rglob("*") if path.suffix in {".g722", ".gsm", ".wav"}]
    files = sorted((path for path in files if "silence" not in path.parts), key=lambda path: -path.stat().st_size)
    spoken = [pcm for path in sorted(files[:FILES]) for pcm in utterances(path)]
    found = []
    for pcm in drawn.sample(spoken, min(len(spoken), UTTERANCES)):
        frames = duration_ms(pcm) // FRAME_MS - 2 * MARGIN_FRAMES
        pieces = [length // FRAME_MS for length in PIECES if length // FRAME_MS <= frames]
        starts = [MARGIN_FRAMES + drawn.randrange(frames - length + 1) for length in pieces]
        cut = [(start, start + length) for start, length in zip(starts, pieces, strict=True)]
        found.append(encoder.prints(pcm, [(MARGIN_FRAMES, MARGIN_FRAMES + frames), *cut]))
    return found


def main() -> None:
    """Learn, and write the file."""
    parser = argparse.ArgumentParser(description="Learn the space in which voices are compared.")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--same", action="append", default=[], help="end of the names of folders of the same person")
    given = parser.parse_args()
    encoder = VoiceEncoder()
    people: dict[str, list[Floats]] = {}
    for folder in given.folders:
        people.setdefault("same" if folder.name.endswith(tuple(given.same)) else folder.name, []).extend(
            prints_of(folder, encoder)
        )
    each = [np.concatenate(prints) for prints in people.values()]
    mean = np.mean([prints.mean(axis=0) for prints in each], axis=0)
    spread = np.concatenate([prints - prints.mean(axis=0) for prints in each])
    covariance = spread.T @ spread / len(spread)
    covariance += SHRINKAGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    values, vectors = np.linalg.eigh(covariance)
    whitening = (vectors / np.sqrt(values / values.mean())) @ vectors.T
    np.savez_compressed(FILE, mean=mean.astype(np.float16), whitening=whitening.astype(np.float16))
    print(f"{FILE}: {len(each)} people, {len(spread)} voice prints")


if __name__ == "__main__":
    main()

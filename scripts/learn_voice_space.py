"""Learns speechnode/engines/voice_space.npz from recordings of people, each folder with those of one person.

    apt-get download asterisk-core-sounds-{en,es,fr,it,ru}-g722 asterisk-prompt-{es-co,fr-armelle,it-menardi-wav}
    for package in *.deb; do dpkg -x "$package" "people/${package%%_*}"; done
    .venv/bin/python -m scripts.learn_voice_space --same en-g722 --same es-g722 people/*

The committed file is of these packages: seven people, 40 utterances each (the same person speaks English and Spanish).
"""

import argparse
from pathlib import Path

import av
import numpy as np

from speechnode.engines.pcm import RATE
from speechnode.engines.spans import FRAME_MS, spans
from speechnode.engines.vad import VoiceSegments
from speechnode.engines.voice_prints import Floats, VoiceEncoder
from speechnode.engines.voice_space import FILE

UTTERANCES, PER_FILE = 40, 2
#: Shorter spans vary too much.
MIN_FRAMES = 800 // FRAME_MS
#: Added to the covariance, in terms of its mean variance, because there are fewer people than dimensions.
SHRINKAGE = 0.05


def samples(path: Path) -> bytes:
    """Return the samples of a file in any format of FFmpeg: nodes do not accept G.722 without a container."""
    resampler = av.AudioResampler("s16", "mono", RATE)
    with av.open(path) as file:
        frames = [part for frame in [*file.decode(audio=0), None] for part in resampler.resample(frame)]
    return b"".join(frame.to_ndarray().tobytes() for frame in frames)


def prints_of(folder: Path, encoder: VoiceEncoder) -> list[Floats]:
    """Return the voice prints of utterances in a folder, of one person; from the longest recording on."""
    files = [path for path in folder.rglob("*") if path.suffix in {".g722", ".gsm", ".wav"}]
    files.sort(key=lambda path: (-path.stat().st_size, path.name))
    found: list[Floats] = []
    for path in (path for path in files if "silence" not in path.parts):
        pcm, voices = samples(path), VoiceSegments()
        for utterance in [*voices.feed(pcm), *voices.finish()][:PER_FILE]:
            telling = [span for span in spans(utterance.pcm) if span[1] - span[0] >= MIN_FRAMES]
            found += [encoder.prints(utterance.pcm, telling)] if telling else []
        if len(found) >= UTTERANCES:
            break
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

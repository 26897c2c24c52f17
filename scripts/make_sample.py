"""Generates a recording of a conversation: voices of flite read its lines, with pauses of 0.6 s.

Needs flite (the Debian package). Each run gives the same audio; the files differ by the random serial number in them.

    .venv/bin/python -m scripts.make_sample samples/planning.json      # writes samples/planning.ogg
"""

import argparse
import json
import tempfile
import wave
from pathlib import Path

import av

from bench.flite import PAUSE, RATE, spoken


def main() -> None:
    """Write the recording beside the text, and the lines' times into the text."""
    parser = argparse.ArgumentParser(description="Generate a recording of a conversation, read by voices of flite.")
    parser.add_argument("text", type=Path, help='JSON: {"lines": [{"voice": "rms", "text": "..."}]}')
    text: Path = parser.parse_args().text
    conversation = json.loads(text.read_text())
    pcm = b""
    for line in conversation["lines"]:
        line["start_ms"] = len(pcm) * 1000 // 2 // RATE
        pcm += spoken(line["text"], line["voice"])
        line["end_ms"] = len(pcm) * 1000 // 2 // RATE
        pcm += PAUSE
    text.write_text(json.dumps(conversation, indent=2) + "\n")
    with tempfile.NamedTemporaryFile(suffix=".wav") as wav:
        with wave.open(wav.name, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(pcm)
        encode(Path(wav.name), text.with_suffix(".ogg"))


def encode(wav: Path, ogg: Path) -> None:
    """Encode the audio as Opus in Ogg."""
    with av.open(str(wav)) as source, av.open(str(ogg), "w") as target:
        stream = target.add_stream("libopus", rate=48_000, layout="mono", options={"b": "32k"})
        resampler = av.AudioResampler(format="s16", layout="mono", rate=48_000)
        for frame in [*source.decode(audio=0), None]:
            for resampled in resampler.resample(frame):
                target.mux(stream.encode(resampled))
        target.mux(stream.encode(None))


if __name__ == "__main__":
    main()

"""Makes meeting.ogg of meeting.json: two voices of flite read the lines, with pauses of 0.6 s.

Needs flite (Debian package of that name). It sounds the same each time; the bytes differ by a random number in them.

    .venv/bin/python -m tests.speech.data.make_meeting
"""

import json
import wave
from pathlib import Path
from typing import cast

import av

from bench.flite import PAUSE, RATE, spoken

FOLDER = Path(__file__).parent


def main() -> None:
    """Writes meeting.ogg, and the lines' times into meeting.json."""
    meeting = json.loads((FOLDER / "meeting.json").read_text())
    pcm = b""
    for line in meeting["lines"]:
        line["start_ms"] = len(pcm) * 1000 // 2 // RATE
        pcm += spoken(line["text"], line["voice"])
        line["end_ms"] = len(pcm) * 1000 // 2 // RATE
        pcm += PAUSE
    (FOLDER / "meeting.json").write_text(json.dumps(meeting, indent=2) + "\n")
    wav = FOLDER / "meeting.wav"
    with wave.open(str(wav), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm)
    with av.open(str(wav)) as source, av.open(str(FOLDER / "meeting.ogg"), "w") as target:
        stream = cast(av.AudioStream, target.add_stream("libopus", rate=48_000, layout="mono", options={"b": "32k"}))
        resampler = av.AudioResampler(format="s16", layout="mono", rate=48_000)
        for frame in [*source.decode(audio=0), None]:
            for resampled in resampler.resample(frame):
                target.mux(stream.encode(resampled))
        target.mux(stream.encode(None))
    wav.unlink()


if __name__ == "__main__":
    main()

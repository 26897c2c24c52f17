"""Speech by flite's voices, to get audio with a known text."""

import subprocess
import tempfile
import wave

RATE = 16_000
PAUSE = bytes(RATE * 2 * 6 // 10)


def spoken(text: str, voice: str) -> bytes:
    """Return the samples of a voice that reads a text."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", file.name], check=True)
        with wave.open(file.name) as sound:
            if (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) != (RATE, 1, 2):
                raise ValueError(f"flite's voice {voice} is not of {RATE} Hz")
            return bytes(sound.readframes(sound.getnframes()))

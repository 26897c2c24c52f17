"""A conversation in which two voices share an utterance, by flite."""

import io
import wave

from bench.flite import RATE, spoken

#: Two voices without half a second of silence between them, so in one utterance.
EXCHANGE = (
    ("rms", "Did you send the letter to the bank?"),
    ("slt", "Yes. I sent it on Monday."),
    ("rms", "And what did they say?"),
    ("slt", "They want more time."),
)


def exchanged(pause_ms: int = 150) -> tuple[bytes, list[int]]:
    """Return the samples of the exchange, and the times in ms at which the voice changes."""
    pcm, changes = b"", []
    for voice, text in EXCHANGE:
        changes.append(len(pcm) // 32)
        pcm += spoken(text, voice) + bytes(32 * pause_ms)
    return pcm, changes[1:]


def as_wav(pcm: bytes) -> bytes:
    """Return samples as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(RATE)
        written.writeframes(pcm)
    return file.getvalue()

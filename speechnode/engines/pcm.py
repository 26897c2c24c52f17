"""The audio format of all engines: signed 16-bit little-endian samples, one channel, 16 kHz."""

from dataclasses import dataclass

RATE = 16_000
BYTES_PER_MS = RATE * 2 // 1000


def duration_ms(pcm: bytes | bytearray) -> int:
    """Return the duration of samples."""
    return len(pcm) // BYTES_PER_MS


@dataclass(frozen=True, slots=True)
class Piece:
    """Samples, and the time in the recording at which they begin."""

    start_ms: int
    pcm: bytes

    @property
    def end_ms(self) -> int:
        return self.start_ms + duration_ms(self.pcm)

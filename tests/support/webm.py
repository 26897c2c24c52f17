"""WebM with Opus, as a browser's MediaRecorder hands it out."""

from typing import Any

import av
import numpy as np

RATE = 48_000
#: Samples of one packet: 60 ms.
_PACKET = 2_880


class _Pieces:
    """A file that keeps what is written as pieces, and cannot seek."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: Any) -> int:
        self.pieces.append(bytes(data))
        return len(data)


def webm_pieces(pcm: bytes) -> list[bytes]:
    """Encode samples of 16 kHz. The pieces are those that are available as time passes, some 100 ms each."""
    pieces = _Pieces()
    options = {"live": "1", "cluster_time_limit": "100", "flush_packets": "1"}
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE, frame_size=_PACKET)
    with av.open(pieces, "w", format="webm", options=options) as container:
        stream: Any = container.add_stream("libopus", rate=RATE)
        stream.layout = "mono"
        samples = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2").reshape(1, -1), format="s16", layout="mono")
        samples.sample_rate = 16_000
        for frame in (samples, None):
            for resampled in resampler.resample(frame):
                for packet in stream.encode(resampled):
                    container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return pieces.pieces

"""PNG images of the kind that the drawing engine writes: 8 bits, no filter."""

import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pixels(image: bytes) -> NDArray[Any]:
    """Return the pixels, (height, width) if they are grey, otherwise (height, width, 3)."""
    width, height, depth, color, *_ = struct.unpack(">IIBBBBB", image[16:29])
    assert depth == 8
    data, place = b"", 8
    while place < len(image):
        (length,) = struct.unpack(">I", image[place : place + 4])
        if image[place + 4 : place + 8] == b"IDAT":
            data += image[place + 8 : place + 8 + length]
        place += 12 + length
    channels = {0: 1, 2: 3}[color]
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, 1 + channels * width)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape((height, width, 3) if channels == 3 else (height, width))

"""The space in which voices of one recording are compared.

The encoder was trained to recognise a person in other recordings. Its prints vary within a voice (by sentence, mood and
length) in directions in which voices hardly differ, so two people on one telephone line are as similar as two sentences
of one person. Here these directions are reduced: prints are centred and whitened by the covariance within voices
(Hatch et al., 2006), learned from people by `scripts/learn_voice_space.py`.
"""

from functools import cache
from pathlib import Path

import numpy as np

from speechnode.engines.voice_prints import Floats, normalised

FILE = Path(__file__).with_name("voice_space.npz")


def in_voice_space(prints: Floats) -> Floats:
    """Return voice prints, one per row, as vectors of length 1 whose dot product is their similarity in a recording."""
    mean, whitening = _learned()
    return normalised(((prints - mean) @ whitening).astype(np.float32))


@cache
def _learned() -> tuple[Floats, Floats]:
    with np.load(FILE) as file:
        return file["mean"].astype(np.float32), file["whitening"].astype(np.float32)

"""Capital letters as strokes: a page's letters are text, and the classifier sees only lines."""

import numpy as np
import numpy.typing as npt

#: Polylines of each letter on a grid 2 wide and 4 high, y down.
_STROKES = {
    "A": "0,4 1,0 2,4|0.4,2.6 1.6,2.6",
    "C": "2,0.8 1,0 0,0.8 0,3.2 1,4 2,3.2",
    "D": "0,0 0,4 1,4 2,3 2,1 1,0 0,0",
    "E": "2,0 0,0 0,4 2,4|0,2 1.5,2",
    "F": "2,0 0,0 0,4|0,2 1.5,2",
    "G": "2,0.8 1,0 0,0.8 0,3.2 1,4 2,3.2 2,2.2 1.2,2.2",
    "H": "0,0 0,4|2,0 2,4|0,2 2,2",
    "K": "0,0 0,4|2,0 0,2 2,4",
    "L": "0,0 0,4 2,4",
    "M": "0,4 0,0 1,2 2,0 2,4",
    "N": "0,4 0,0 2,4 2,0",
    "O": "1,0 0,0.8 0,3.2 1,4 2,3.2 2,0.8 1,0",
    "P": "0,4 0,0 1,0 2,0.6 2,1.6 1,2 0,2",
    "Q": "1,0 0,0.8 0,3.2 1,4 2,3.2 2,0.8 1,0|1.2,2.8 2,4",
    "R": "0,4 0,0 1,0 2,0.6 2,1.6 1,2 0,2|1,2 2,4",
    "S": "2,0.6 1,0 0,0.8 2,2.8 1,4 0,3.4",
    "T": "0,0 2,0|1,0 1,4",
    "V": "0,0 1,4 2,0",
    "W": "0,0 0.5,4 1,1.5 1.5,4 2,0",
    "X": "0,0 2,4|2,0 0,4",
    "Z": "0,0 2,0 0,4 2,4",
    "1": "0.2,1 1,0 1,4",
    "2": "0,0.8 1,0 2,0.8 0,4 2,4",
    "3": "0,0 2,0 1,1.6 2,2.6 2,3.2 1,4 0,3.4",
    "~": "0,2.4 0.5,1.8 1.5,2.8 2,2.2",
}
#: From one letter to the next, in heights.
_ADVANCE = 0.68
_WIDTH = 0.5


def _points(stroke: str) -> npt.NDArray[np.float64]:
    return np.array([point.split(",") for point in stroke.split()], np.float64) / 4


_LETTERS = {letter: [_points(stroke) for stroke in strokes.split("|")] for letter, strokes in _STROKES.items()}


def letter_strokes(text: str) -> list[npt.NDArray[np.float64]]:
    """Return polylines for those letters of the text that have some, 1 high, about the text's centre, in capitals."""
    known = [_LETTERS[letter] for letter in text.upper() if letter in _LETTERS]
    start = -((len(known) - 1) * _ADVANCE + _WIDTH) / 2
    return [stroke + np.array([start + at * _ADVANCE, -0.5]) for at, letter in enumerate(known) for stroke in letter]

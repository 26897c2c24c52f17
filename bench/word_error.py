"""How far a text is from what was said."""

import re
from typing import NamedTuple


class WordError(NamedTuple):
    """Words that are wrong, missing or too many, and how many there should be."""

    errors: int
    words: int

    @property
    def rate(self) -> float:
        return self.errors / self.words


def word_error(said: str, heard: str) -> WordError:
    """The least number of changes that make one of the other (Levenshtein), without regard to case and punctuation."""
    reference, hypothesis = _words(said), _words(heard)
    row = list(range(len(hypothesis) + 1))
    for place, word in enumerate(reference, 1):
        before, row = row, [place]
        for other_place, other in enumerate(hypothesis, 1):
            row.append(min(before[other_place - 1] + (word != other), before[other_place] + 1, row[-1] + 1))
    return WordError(row[-1], len(reference))


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.casefold())

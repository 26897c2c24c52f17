"""The word error rate of a transcript."""

import re
from typing import NamedTuple


class WordError(NamedTuple):
    """Number of wrong, missing and superfluous words, and number of words of the reference."""

    errors: int
    words: int

    @property
    def rate(self) -> float:
        return self.errors / self.words


def word_error(spoken: str, recognised: str) -> WordError:
    """Return the edit distance of the words (Levenshtein), without regard to case and punctuation."""
    reference, hypothesis = _words(spoken), _words(recognised)
    row = list(range(len(hypothesis) + 1))
    for place, word in enumerate(reference, 1):
        before, row = row, [place]
        for other_place, other in enumerate(hypothesis, 1):
            row.append(min(before[other_place - 1] + (word != other), before[other_place] + 1, row[-1] + 1))
    return WordError(row[-1], len(reference))


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.casefold())

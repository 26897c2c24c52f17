"""Times of the words of a recogniser that returns text only."""

import re
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from speechnode.engines.pcm import duration_ms

if TYPE_CHECKING:
    from speechnode.engines.sphinx import Aligner

Times = list[tuple[int, int]]


def can_align() -> bool:
    """Return whether words can be aligned with the sound; otherwise their times are estimated."""
    return find_spec("pocketsphinx") is not None


def make_aligner() -> "Aligner | None":
    """Return an aligner; None if its package is not installed."""
    if not can_align():
        return None
    from speechnode.engines.sphinx import Aligner

    return Aligner()


def times(pcm: bytes, words: Sequence[str], aligner: "Aligner | None") -> Times:
    """Return start and end of each word in ms.

    Words in the aligner's dictionary are aligned with the sound. Each other word gets a share of the time of the
    aligned word before it, which extends to the next aligned word; the shares are by length.
    """
    length_ms = duration_ms(pcm)
    aligned = _aligned(pcm, words, aligner)
    known = [place for place, found in enumerate(aligned) if found]
    if not known:
        return _shared(words, 0, length_ms)
    if known[0] > 0:
        # The first known word is aligned with the words before it as well.
        aligned[0] = 0, 0
        known[0] = 0
    result: Times = []
    for place, following in zip(known, [*known[1:], len(words)], strict=True):
        start, end = aligned[place] or (0, 0)
        if following == place + 1 and end:
            result.append((start, end))
        else:
            until = aligned[following] if following < len(words) else None
            result += _shared(words[place:following], start, until[0] if until else length_ms)
    return result if all(start < end for start, end in result) else _shared(words, 0, length_ms)


def _aligned(pcm: bytes, words: Sequence[str], aligner: "Aligner | None") -> list[tuple[int, int] | None]:
    """Return the times of the words that the aligner knows; None for the others."""
    # A word with a hyphen is several words in the dictionary.
    parts = [re.findall(r"[a-z']*[a-z][a-z']*", word.casefold()) for word in words]
    known = [
        bool(aligner and each and word.isascii() and not re.search(r"\d", word) and all(map(aligner.knows, each)))
        for word, each in zip(words, parts, strict=True)
    ]
    spoken = [part for is_known, each in zip(known, parts, strict=True) if is_known for part in each]
    found = iter(aligner.times(pcm, spoken) if aligner and spoken else [])
    result: list[tuple[int, int] | None] = []
    for is_known, each in zip(known, parts, strict=True):
        of_word = [time for _ in each if (time := next(found, None))] if is_known else []
        result.append((of_word[0][0], of_word[-1][1]) if of_word else None)
    return result


def _shared(words: Sequence[str], begin: int, end: int) -> Times:
    """Share a span of time among words, by their lengths."""
    lengths = [len(word) + 1 for word in words]
    total = sum(lengths)
    ends = [begin + (end - begin) * sum(lengths[: place + 1]) // total for place in range(len(words))]
    return list(zip([begin, *ends[:-1]], ends, strict=True))

"""Texts as engines write them, each with what was spoken."""

import re
from dataclasses import dataclass
from pathlib import Path

from bench import commitments
from bench.speech import SENTENCES, TESTDATA
from meetings.vocabulary import Vocabulary

_FOLDER = Path(__file__).parent
#: The share of misspelt texts that is corrected, and of right words that are changed.
BARS = {"corrected": 0.8, "changed": 0.0}


@dataclass(frozen=True, slots=True)
class Result:
    """A text, what the vocabulary makes of it, and what was spoken."""

    text: str
    corrected: str
    spoken: str


def vocabulary() -> Vocabulary:
    return Vocabulary((_FOLDER / "terms.txt").read_text().splitlines())


def misspelt() -> list[Result]:
    """Return the results for misspelt names and terms, and for words that only resemble them."""
    lines = (_FOLDER / "misspelt.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    corrects = vocabulary()
    return [Result(row[0], corrects.correct(row[0]), row[-1]) for row in rows]


def unrelated() -> list[Result]:
    """Return the results for texts in which no term of the vocabulary is spoken."""
    read = [path.read_text() for path in sorted(TESTDATA.rglob("*transcription"))]
    texts = [text for one in read for text in re.findall(r"^<s> (.*?)\s*</s>", one, re.MULTILINE)]
    texts += [*SENTENCES, *(row.text for name in ("measured", "held_out") for row in commitments.sentences(name))]
    corrects = vocabulary()
    return [Result(text, corrects.correct(text), text) for text in texts]

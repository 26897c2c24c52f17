"""Sentences of meetings with the action items that they contain, and how many of them are found."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from speechnode.engines.action_items import ActionItem, Person, Spoken, find_action_items

HELD_ON = date(2026, 12, 2)
#: The participants; Ann is the speaker of all sentences.
ROSTER = [
    Person("ann", ("Ann Other",)),
    Person("john", ("John Smith",)),
    Person("jane", ("Jane Miller",)),
    Person("bob", ("Bob Builder",)),
    Person("priya", ("Priya Natarajan",)),
]
BARS = {"precision": 0.9, "recall": 0.8, "owner": 0.85, "date": 0.85}
_NOBODY = {"i", "we", "you", "someone", "somebody", ""}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with the owner and the due date of its commitment; `owner` None = it contains none."""

    text: str
    owner: str | None = None
    due_on: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """The result for a set of sentences. Owners and dates are counted among the items that were rightly found."""

    figures: dict[str, float]
    #: The sentences with another result than expected, with that result.
    wrong: list[str]


def sentences(name: str, *, bare: bool = False) -> list[Sentence]:
    """Return a set of sentences.

    Args:
        bare: without capitals and punctuation, as pocketsphinx writes.
    """
    rows = [Sentence(*row) for row in table(name)]
    if not bare:
        return rows
    return [Sentence(re.sub(r"[^a-z' ]", "", row.text.lower()), row.owner, row.due_on) for row in rows]


def table(name: str) -> list[list[str]]:
    """Return the rows of a file of this folder."""
    lines = (Path(__file__).parent / f"{name}.tsv").read_text().splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


def score(rows: list[Sentence]) -> Score:
    """Find the action items of each sentence by itself, and count."""
    hits = surplus = missed = owners = dates = 0
    wrong = []
    for row in rows:
        found = find_action_items([Spoken("s1", row.text, "ann")], ROSTER, HELD_ON)
        expected = row.owner is not None
        hit = expected and bool(found)
        hits += hit
        surplus += len(found) - hit
        missed += expected and not found
        right = [_owner(found[0]) == _name(row.owner or ""), _due(found[0]) == row.due_on] if hit else [True, True]
        owners += hit and right[0]
        dates += hit and right[1]
        if len(found) != expected or not all(right):
            wrong.append(f"{row.text} -> {[(item.text, _owner(item), _due(item)) for item in found]}")
    found_at_all, expected_at_all = max(1, hits + surplus), max(1, hits + missed)
    figures = {
        "precision": hits / found_at_all,
        "recall": hits / expected_at_all,
        "owner": owners / max(1, hits),
        "date": dates / max(1, hits),
    }
    return Score(figures, wrong)


def _owner(item: ActionItem) -> str:
    return item.person_id or _name(item.owner)


def _name(owner: str) -> str:
    name = owner.casefold()
    return "" if name in _NOBODY or name == "-" else name


def _due(item: ActionItem) -> str:
    return item.due_on.isoformat() if item.due_on else ""

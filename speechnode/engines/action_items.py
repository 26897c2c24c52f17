"""Who said that who would do what by when: drafts of tasks, found by how English says so."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import zip_longest

from speechnode.engines.dates import day_of, find_due


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence, or what was said without a pause; and who says "I" in it, if that is known."""

    segment_id: str
    text: str
    person_id: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may own an action item, under any of these names."""

    person_id: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ActionItem:
    """A commitment; see `ActionItem` in speech.proto."""

    text: str
    owner: str
    person_id: str
    due: str
    due_on: date | None
    segment_ids: tuple[str, ...]
    confidence: float


_PRONOUNS = ("i", "we", "you")
#: Words that sentences begin with, and so capitals do not make names of.
_NO_NAMES = """
    this that these those it he she they there here what who which when where why how nothing everything something
    nobody everybody everyone somebody someone all each then and but so or if as now yes no ok okay well maybe today
    tomorrow please let
"""
#: How a commitment is said after its owner, and how sure it then is.
_FIRM = r"will|'ll|shall|(?:am|is|are|'m|'re) going to"
_LOOSE = r"(?:have|has|need|needs|ought) to|must|should|(?:can|could) (?:you )?(?:please )?"
#: What is no deed, or is said not to be done.
_NO_DEED_WORDS = """
    not never be been have has had see know think like love want need say guess assume probably maybe just depend
    happen take seem feel hope wonder mean understand remember
"""
_NO_DEED = frozenset(_NO_DEED_WORDS.split())
#: A deed has at most so many words: texts of engines without punctuation have no other end.
_MAX_WORDS = 16
_CONJUNCTIONS = {"and", "but", "so", "then", "because", "or"}


def find_action_items(
    spoken: Iterable[Spoken], roster: Sequence[Person] = (), held_on: date | None = None
) -> list[ActionItem]:
    """The commitments in what was said, in that order; one that is repeated is one, with all its evidence.

    Args:
        roster: who may own one; others who are named are not known here, and stay a name.
        held_on: from which day "by Friday" is counted.
    """
    owners = _owners(roster)
    pattern = _pattern(owners)
    found: dict[tuple[str, str], ActionItem] = {}
    for said in spoken:
        for item in _in(said, pattern, owners, held_on):
            key = (item.person_id or item.owner, item.text.casefold())
            before = found.get(key)
            evidence = (*(before.segment_ids if before else ()), said.segment_id)
            found[key] = replace(before or item, segment_ids=tuple(dict.fromkeys(evidence)))
    return list(found.values())


def _owners(roster: Sequence[Person]) -> dict[str, str]:
    """Name, and each part of a name, in lower case, to whom it means; "" where that is more than one."""
    meant: dict[str, set[str]] = {}
    for person in roster:
        for name in person.names:
            folded = " ".join(name.casefold().split())
            for called in {folded, *folded.split()} - {""}:
                meant.setdefault(called, set()).add(person.person_id)
    return {called: min(ids) if len(ids) == 1 else "" for called, ids in meant.items()}


def _pattern(owners: dict[str, str]) -> re.Pattern[str]:
    names = sorted({*owners, *_PRONOUNS}, key=len, reverse=True)
    owner = "|".join(map(re.escape, names))
    # A name that nobody on the roster has is known by its capital only.
    stranger = rf"(?!(?:{'|'.join(_NO_NAMES.split())})\b)(?-i:[A-Z][a-z]+)"
    return re.compile(
        rf"\b(?P<owner>{owner}|{stranger}),? ?(?P<how>(?P<firm>{_FIRM})|{_LOOSE})(?= )"
        rf"|\b(?:(?P<asked>can|could|would|will) you|(?P<please>please)|(?P<let>let me))(?= )",
        re.IGNORECASE,
    )


def _in(said: Spoken, pattern: re.Pattern[str], owners: dict[str, str], held_on: date | None) -> Iterator[ActionItem]:
    matches = list(pattern.finditer(said.text))
    for match, following in zip_longest(matches, matches[1:]):
        until = following.start() if following else len(said.text)
        if item := _item(said, match, said.text[match.end() : until], owners, held_on):
            yield item


def _item(
    said: Spoken, match: re.Match[str], rest: str, owners: dict[str, str], held_on: date | None
) -> ActionItem | None:
    clause = re.split(r"[.;!?]|, (?:and|but|so)\b", rest, maxsplit=1)[0].strip(" ,")
    due = find_due(clause.casefold())
    phrase = clause[due.start() : due.end()] if due else ""
    deed = _deed(clause[: due.start()] if due else clause)
    if due and not deed:  # "By Friday I will ..." said the other way round: "will by friday send ..."
        deed = _deed(clause[due.end() :])
    if not deed:
        return None
    owner, person_id = _owner(match, said, owners)
    firm = bool(match["firm"] or match["let"])
    confidence = 0.35 + 0.2 * firm + 0.2 * bool(person_id) + 0.2 * bool(due)
    day = day_of(phrase.casefold(), held_on) if due and held_on else None
    return ActionItem(deed, owner, person_id, phrase, day, (said.segment_id,), round(confidence, 2))


def _owner(match: re.Match[str], said: Spoken, owners: dict[str, str]) -> tuple[str, str]:
    """The name as said, and whose it is."""
    owner = match["owner"] or ("I" if match["let"] else "you")
    if match["please"]:
        owner = ""
    called = owner.casefold()
    if called == "i":
        return "I", said.person_id
    if called == "you":
        # "Bob, can you ...": who is spoken to may have been named just before.
        before = re.search(r"([\w']+),? $", said.text[: match.start()])
        if before and before[1].casefold() in owners:
            return before[1], owners[before[1].casefold()]
    return owner, owners.get(called, "")


def _deed(clause: str) -> str:
    """What is to be done; empty if it is no deed."""
    words = clause.strip(" ,").split()[:_MAX_WORDS]
    while words and words[0].casefold() in ("please", "also", "then", "now"):
        del words[0]
    while words and words[-1].casefold() in _CONJUNCTIONS:
        del words[-1]
    if len(words) < 2 or words[0].casefold().strip(",") in _NO_DEED:
        return ""
    return " ".join(words)

"""Action items: drafts of tasks with owner and due date, found by the English phrases of a commitment."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import zip_longest

from speechnode.engines.dates import day_of, find_due


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence, or an utterance without a pause; `person_id` is the speaker ("I"), if known."""

    segment_id: str
    text: str
    person_id: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """A possible owner of action items, with the names that refer to the person."""

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
#: Words that begin sentences and so are not names although they are capitalised.
_NO_NAMES = """
    this that these those it he she they there here what who which when where why how nothing everything something
    nobody everybody everyone somebody someone all each then and but so or if as now yes no ok okay well maybe today
    tomorrow please let
"""
#: Verb phrases that follow the owner in a commitment: a firm one adds to its confidence.
_FIRM = r"will|'ll|shall|(?:am|is|are|'m|'re) going to"
_LOOSE = r"(?:have|has|need|needs|ought) to|must|should|(?:can|could) (?:you )?(?:please )?"
#: First words of clauses that are not tasks, or that are negated.
_NO_TASK_WORDS = """
    not never be been have has had see know think like love want need say guess assume probably maybe just depend
    happen take seem feel hope wonder mean understand remember
"""
_NO_TASK = frozenset(_NO_TASK_WORDS.split())
#: Maximum number of words of a task: texts of engines without punctuation have no other end.
_MAX_WORDS = 16
_CONJUNCTIONS = {"and", "but", "so", "then", "because", "or"}


def find_action_items(
    spoken: Iterable[Spoken], roster: Sequence[Person] = (), held_on: date | None = None
) -> list[ActionItem]:
    """Return the commitments in the order spoken. A repeated one is returned once, with all its segments.

    Args:
        roster: the possible owners; an owner who is not listed has a name but no `person_id`.
        held_on: the day from which "by Friday" is counted.
    """
    owners = _owners(roster)
    pattern = _pattern(owners)
    found: dict[tuple[str, str], ActionItem] = {}
    for sentence in spoken:
        for item in _items(sentence, pattern, owners, held_on):
            key = (item.person_id or item.owner, item.text.casefold())
            before = found.get(key)
            evidence = (*(before.segment_ids if before else ()), sentence.segment_id)
            found[key] = replace(before or item, segment_ids=tuple(dict.fromkeys(evidence)))
    return list(found.values())


def _owners(roster: Sequence[Person]) -> dict[str, str]:
    """Map each name and part of a name, in lower case, to the person's ID; "" if it is ambiguous."""
    ids_by_name: dict[str, set[str]] = {}
    for person in roster:
        for name in person.names:
            folded = " ".join(name.casefold().split())
            for part in {folded, *folded.split()} - {""}:
                ids_by_name.setdefault(part, set()).add(person.person_id)
    return {name: min(ids) if len(ids) == 1 else "" for name, ids in ids_by_name.items()}


def _pattern(owners: dict[str, str]) -> re.Pattern[str]:
    names = sorted({*owners, *_PRONOUNS}, key=len, reverse=True)
    owner = "|".join(map(re.escape, names))
    # A name that is not on the roster is recognised by its capital letter only.
    stranger = rf"(?!(?:{'|'.join(_NO_NAMES.split())})\b)(?-i:[A-Z][a-z]+)"
    return re.compile(
        rf"\b(?P<owner>{owner}|{stranger}),? ?(?P<how>(?P<firm>{_FIRM})|{_LOOSE})(?= )"
        rf"|\b(?:(?P<asked>can|could|would|will) you|(?P<please>please)|(?P<let>let me))(?= )",
        re.IGNORECASE,
    )


def _items(
    sentence: Spoken, pattern: re.Pattern[str], owners: dict[str, str], held_on: date | None
) -> Iterator[ActionItem]:
    matches = list(pattern.finditer(sentence.text))
    for match, following in zip_longest(matches, matches[1:]):
        until = following.start() if following else len(sentence.text)
        if item := _item(sentence, match, sentence.text[match.end() : until], owners, held_on):
            yield item


def _item(
    sentence: Spoken, match: re.Match[str], rest: str, owners: dict[str, str], held_on: date | None
) -> ActionItem | None:
    clause = re.split(r"[.;!?]|, (?:and|but|so)\b", rest, maxsplit=1)[0].strip(" ,")
    due = find_due(clause.casefold())
    phrase = clause[due.start() : due.end()] if due else ""
    task = _task(clause[: due.start()] if due else clause)
    if due and not task:  # The due date may precede the task: "will by friday send ..."
        task = _task(clause[due.end() :])
    if not task:
        return None
    owner, person_id = _owner(match, sentence, owners)
    firm = bool(match["firm"] or match["let"])
    confidence = 0.35 + 0.2 * firm + 0.2 * bool(person_id) + 0.2 * bool(due)
    day = day_of(phrase.casefold(), held_on) if due and held_on else None
    return ActionItem(task, owner, person_id, phrase, day, (sentence.segment_id,), round(confidence, 2))


def _owner(match: re.Match[str], sentence: Spoken, owners: dict[str, str]) -> tuple[str, str]:
    """Return the owner's name as spoken, and the person's ID ("" = not known)."""
    owner = match["owner"] or ("I" if match["let"] else "you")
    if match["please"]:
        owner = ""
    name = owner.casefold()
    if name == "i":
        return "I", sentence.person_id
    if name == "you":
        # "Bob, can you ...": the addressed person may be named just before.
        before = re.search(r"([\w']+),? $", sentence.text[: match.start()])
        if before and before[1].casefold() in owners:
            return before[1], owners[before[1].casefold()]
    return owner, owners.get(name, "")


def _task(clause: str) -> str:
    """Return the task in a clause; empty if there is none."""
    words = clause.strip(" ,").split()[:_MAX_WORDS]
    while words and words[0].casefold() in ("please", "also", "then", "now"):
        del words[0]
    while words and words[-1].casefold() in _CONJUNCTIONS:
        del words[-1]
    if len(words) < 2 or words[0].casefold().strip(",") in _NO_TASK:
        return ""
    return " ".join(words)

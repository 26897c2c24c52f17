"""Action items: drafts of tasks with owner and due date, found by the English phrases of a commitment."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import zip_longest

from speechnode.engines.dates import day_of, find_due
from speechnode.engines.verbs import base_form, is_task


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


#: Words that are not names although they are capitalised, or begin a clause.
_NO_NAMES = """
    this that these those it he she they there here what who which when where why how nothing everything something
    nobody all each then and but so or if as now yes no ok okay well maybe today tomorrow please let i we you the a an
    my our your their his her its not also just someone somebody anyone anybody everyone everybody people yeah right
    monday tuesday wednesday thursday friday saturday sunday
"""
_ANYBODY = "(?:some|any)(?:one|body)|every(?:one|body)|(?:one|all) of (?:us|you)"
_TEAM = r"(?:the|our) (?:[\w-]+ ){0,2}(?:department|group|guys|people|team)"
_ADVERBS = r"(?:(?:also|definitely|gladly|just|please|quickly|then|try to|have to|uh,?|um,?) )*"
#: Verb phrases after the owner of a commitment. A firm one adds to its confidence.
_FIRM = (
    r"(?:'ll| will| shall|(?:'m|'re|'s| am| are| is) (?:going to|gonna)| gonna"
    r"|(?:'ve| has| have)? (?:agreed|offered|promised|volunteered) to)"
)
_LOOSE = (
    r"(?:(?:'ve| have| has)? got to| gotta| (?:has|have|need|needs|ought) to| must| should"
    r"|(?:'m|'re|'s| am| are| is) (?:expected|supposed) to)"
)
_TASK_NOUN = r"(?:action(?: item)?|homework|job|task|to-?do)"
#: Before a name or pronoun: its clause is a question or a condition.
_SUBORDINATE = re.compile(
    r"(?:\b(?:how|if|once|unless|until|what|when|where|whether|which|who|why)"
    r"|(?<!\bsure)(?<!\bagreed)(?<!\bso)(?<!\bis) that|(?:doubt|n't think)(?: that)?) $",
    re.IGNORECASE,
)
#: First words of clauses that are not tasks, although a commitment with a due date may have other verbs than `verbs`.
_NO_TASK_WORDS = """
    not never be been have has had see know think like love want need say guess assume probably maybe depend happen take
    seem feel hope wonder mean understand remember go come leave arrive stay wait stop start begin continue
"""
_NO_TASK = frozenset(_NO_TASK_WORDS.split())
#: Maximum number of words of a task. A text without punctuation has no other end.
_MAX_WORDS, _MAX_BARE_WORDS = 40, 16
_CONJUNCTIONS = {"and", "but", "so", "then", "because", "or", "which", "okay"}
#: The end of a sentence, not of an abbreviation.
FULL_STOP = r"(?<!\bDr)(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bSt)(?<!\b[ap]\.m)(?<!\b[ei]\.[eg])\.(?=\s|$)"
_CLAUSE_END = re.compile(rf"[;!?]|{FULL_STOP}|,? (?:because|but|so)\b|, (?:and|then|which)\b", re.IGNORECASE)


def find_action_items(
    spoken: Iterable[Spoken], roster: Sequence[Person] = (), held_on: date | None = None
) -> list[ActionItem]:
    """Return the commitments in the order spoken. A repeated one is returned once, with all its segments.

    Args:
        roster: the possible owners; an owner who is not listed has a name but no `person_id`.
        held_on: the day from which "by Friday" is counted.
    """
    owners = _owners(roster)
    patterns = {is_bare: _pattern(owners, is_bare) for is_bare in (False, True)}
    found: dict[tuple[str, str], ActionItem] = {}
    for sentence in spoken:
        plain = replace(sentence, text=sentence.text.replace("\u2019", "'"))
        for item in _items(plain, patterns[_is_bare(plain.text)], owners, held_on):
            key = (item.person_id or item.owner.casefold(), item.text.casefold())
            before = found.get(key)
            evidence = (*(before.segment_ids if before else ()), sentence.segment_id)
            found[key] = replace(before or item, segment_ids=tuple(dict.fromkeys(evidence)))
    return list(found.values())


def _is_bare(text: str) -> bool:
    """Return whether the engine writes neither capitals nor punctuation."""
    return not re.search(r"[A-Z.,;!?]", text)


def _owners(roster: Sequence[Person]) -> dict[str, str]:
    """Map each name and part of a name, in lower case, to the person's ID; "" if it is ambiguous."""
    ids_by_name: dict[str, set[str]] = {}
    for person in roster:
        for name in person.names:
            folded = " ".join(name.casefold().split())
            for part in {folded, *folded.split()} - {""}:
                ids_by_name.setdefault(part, set()).add(person.person_id)
    return {name: min(ids) if len(ids) == 1 else "" for name, ids in ids_by_name.items()}


def _pattern(owners: dict[str, str], is_bare: bool) -> re.Pattern[str]:
    """Return the pattern of the beginnings of commitments, up to the verb."""
    # A person who is not on the roster is recognised by the capital letter, or else at the beginning of a clause.
    other = rf"(?!(?:{'|'.join(_NO_NAMES.split())})\b)"
    begins = r"(?:^|(?<=^and )|(?<=^so )|(?<=^then )|(?<= and )|(?<=^okay )|(?<= then ))"
    stranger = rf"{begins}{other}[a-z]{{3,}}" if is_bare else rf"{other}(?-i:[A-Z][a-z]+(?: [A-Z][a-z]+)?)"
    name = "|".join([*map(re.escape, sorted(owners, key=len, reverse=True)), stranger])
    name = f"(?:{name}|i)"
    names = rf"(?:{name}(?:, {name}){{1,3}},? and {name}|{name}(?: and {name}){{0,2}})"
    owner = rf"(?:{names}|{_TEAM}|{_ANYBODY}|i|we|you)(?: (?:from|in) (?:the )?\w+)?"
    return re.compile(
        rf"\b(?P<owner>{owner}),?(?: also| then)?"
        rf"(?:(?P<firm>{_FIRM})|{_LOOSE}|(?P<offer> (?:can|could)(?! you\b)))(?=,? )"
        rf"|\b(?:can|could|would|will) (?P<asked>you|(?!i\b|we\b|you\b){owner})(?: mind)?(?= )"
        rf"|\b(?P<please>please)(?= )|\b(?P<let>let me)(?= )"
        rf"|\b(?:i|we)(?:'d| would)? (?:like|need|want) (?P<wanted>{names}|{_TEAM}|{_ANYBODY}|you) to(?= )"
        rf"|\bif (?P<hoped>{names}|you) could(?= )"
        rf"|\b{_TASK_NOUN} for (?P<given>{names}|me)(?:[,:]| is to| to| is)?(?= )"
        rf"|\b(?P<whose>my|your|{names}'s) {_TASK_NOUN} is to(?= )"
        rf"|\b(?P<doer>{names}|we)(?:(?:'m|'re|'s| am| are| is) (?=(?P<doing>\w+ing)\b)| (?=(?P<does>[a-z]+s)\b))",
        re.IGNORECASE,
    )


def _items(
    sentence: Spoken, pattern: re.Pattern[str], owners: dict[str, str], held_on: date | None
) -> Iterator[ActionItem]:
    text = sentence.text
    matches = [match for match in pattern.finditer(text) if _is_main(match)]
    for match, following in zip_longest(matches, matches[1:]):
        if item := _item(sentence, match, text[match.end() : following and following.start()], owners, held_on):
            yield item


def _is_main(match: re.Match[str]) -> bool:
    """Return whether a match begins a main clause, and its verb is a task if it is in the present tense."""
    present = match["doing"] or match["does"]
    return not _SUBORDINATE.search(match.string[: match.start()]) and (not present or bool(base_form(present)))


def _item(
    sentence: Spoken, match: re.Match[str], rest: str, owners: dict[str, str], held_on: date | None
) -> ActionItem | None:
    owner, person_id = _owner(match, sentence, owners)
    clause = _infinitive(_CLAUSE_END.split(rest.strip(" ,:"), maxsplit=1)[0])
    due = find_due(clause)
    phrase = due[0] if due else ""
    task = _task(clause, due, _MAX_BARE_WORDS if _is_bare(sentence.text) else _MAX_WORDS)
    # "..., Jane?"
    task = re.sub(rf", {re.escape(owner)}$", "", task) if owner else task
    if not _is_commitment(match, task, person_id, phrase):
        return None
    firm = bool(match["firm"] or match["let"] or match["doer"])
    confidence = 0.35 + 0.2 * firm + 0.2 * bool(person_id) + 0.2 * bool(due)
    day = day_of(phrase, held_on) if phrase and held_on else None
    return ActionItem(task, owner, person_id, phrase, day, (sentence.segment_id,), round(confidence, 2))


def _is_commitment(match: re.Match[str], task: str, person_id: str, due: str) -> bool:
    first, *others = task.casefold().split() or [""]
    if (
        not others
        or first.strip(",") in {"not", "never"}
        or re.search(r"\bsure(?: that)?$|^do (?:it|so|that|this)$", task.casefold())
    ):
        return False
    if match["offer"] and match["owner"].casefold() in ("we", "you"):
        return False  # "You can ask the bank" permits it.
    if match["doer"]:
        return bool(due) and is_task(task)
    # A known person who commits to a day may do anything.
    is_dated = bool(match["firm"] and person_id and due) and first not in _NO_TASK
    return is_task(task) or is_dated


def _owner(match: re.Match[str], sentence: Spoken, owners: dict[str, str]) -> tuple[str, str]:
    """Return the owner's name as spoken, and the person's ID ("" = not known)."""
    groups = ("owner", "asked", "wanted", "hoped", "given", "whose", "doer")
    owner = next((match[name] for name in groups if match[name]), "I" if match["let"] else "")
    owner = re.sub(r"'s$", "", owner)
    owner = {"my": "I", "me": "I", "your": "you"}.get(owner.casefold(), owner)
    if owner.casefold() in ("", "you"):
        owner = _addressed(match, owners) or owner
    if owner.casefold() == "i":
        return "I", sentence.person_id
    owner = re.sub(r" (?:from|in) (?:the )?\w+$", "", owner)
    parts = [owner.casefold(), *re.split(r",? and |, ", owner.casefold())]
    ids = [sentence.person_id if part == "i" else owners.get(part, "") for part in parts]
    return owner, next(filter(None, ids), "")


def _addressed(match: re.Match[str], owners: dict[str, str]) -> str:
    """Return the name of the addressed person, before or after the request: "Bob, can you ...", "... , Bob?"."""
    for pattern, text in (
        (r"([\w'-]+),? $", match.string[: match.start()]),
        (r"^[^.;!?]*, ([\w'-]+)[.!?]", match.string[match.end() :]),
    ):
        if (found := re.search(pattern, text)) and found[1].casefold() in owners:
            return found[1]
    return ""


def _infinitive(clause: str) -> str:
    """Return the clause from its verb on, in the infinitive: "be sending it" and "sends it" become "send it"."""
    clause = re.sub(rf"^(?:to )?{_ADVERBS}(?:be (?=\w+ing\b))?", "", clause.strip(" ,"), flags=re.IGNORECASE)
    first, blank, others = clause.partition(" ")
    return f"{base_form(first) or first}{blank}{others}"


def _task(clause: str, due: re.Match[str] | None, limit: int) -> str:
    """Return the task in a clause without its due date; empty if there is none."""
    if due:
        before, after = clause[: due.start()].rstrip(" ,"), clause[due.end() :].strip()
        # A new thought may follow the date.
        continues = after and after[0] != "," and after.split()[0].casefold() not in _CONJUNCTIONS
        clause = _infinitive(f"{before} {after}" if continues or not before else before)
    words = re.sub(r",? (?:okay|please|right|thanks|though|too)$", "", clause.strip(" ,")).split()[:limit]
    while words and words[-1].casefold().strip(",") in _CONJUNCTIONS:
        del words[-1]
    return " ".join(words).strip(" ,")

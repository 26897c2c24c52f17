"""Correction of names and terms that an engine misspelt, by the vocabulary of the meeting and the names of its people.

Conservative: a word of the dictionary is replaced by a name only if it is a spelling of that name and has a capital
letter within a sentence ("Jon", "Sara"); other words, if they sound or are spelt almost like one entry and no other.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from jellyfish import damerau_levenshtein_distance, metaphone

#: Words of a text, without digits; a possessive 's is not a part of them.
_WORD = re.compile(r"(?<!\w)[^\W\d_]+(?:['\u2019](?!s\b)[^\W\d_]+)*(?!\w)")
_MAX_WORDS = 4
_MIN_LETTERS = 3
_REMEMBERED = 10_000
#: Of so many consonants, one may differ.
_LONG_SOUND = 6
#: Words at the edge of a group that are not a part of a misspelt term.
_EDGES_TEXT = "a an and are as at be by for from has he i in is it my of on or our so that the to was we you"
_EDGES = frozenset(_EDGES_TEXT.split())
_TITLES = ("dr", "mr", "mrs", "ms")
#: Spellings of one sound, in lower case: "Jon" and "John", "Katherine" and "Catherine", "Meyer" and "Meier".
_SPELLINGS = (("ph", "f"), ("ck", "k"), ("c(?![eiyh])", "k"), ("y", "i"), ("(?<=.)h", ""), (r"(.)\1", r"\1"))


class Word(NamedTuple):
    """A word, and its place in the text."""

    text: str
    start: int
    end: int
    begins_sentence: bool


class _Entry(NamedTuple):
    """A word or phrase of the vocabulary; `letters` in lower case, without blanks."""

    text: str
    letters: str
    sound: str


class _Match(NamedTuple):
    """Words of the text that an entry replaces, or that are an entry already: then the likeness is 1."""

    likeness: float
    first: int
    length: int
    entry: _Entry

    def order(self) -> tuple[bool, float, int]:
        """Return the key by which matches are chosen: a whole name before its parts, then the most alike one."""
        return not (self.length > 1 and " " in self.entry.text and self.likeness > 0.85), -self.likeness, self.first


class Vocabulary:
    """Corrects texts by these words and phrases."""

    def __init__(self, phrases: Iterable[str]) -> None:
        parts = [part for phrase in phrases for part in (phrase, *_names_in(phrase))]
        entries = [_Entry(text, _letters(text), metaphone(_letters(text))) for text in dict.fromkeys(parts)]
        self._entries = [entry for entry in entries if len(entry.letters) >= _MIN_LETTERS and entry.letters.isalpha()]
        # Most words that are not in the dictionary are spoken again.
        self._near = lru_cache(_REMEMBERED)(self._entries_near)
        self._by_letters = {entry.letters: entry for entry in self._entries}
        self._by_spelling = defaultdict(list)
        self._by_sound = defaultdict(list)
        for entry in self._entries:
            if " " not in entry.text:
                self._by_spelling[_spelling(entry.letters)].append(entry)
            self._by_sound[entry.sound].append(entry)

    def correct(self, text: str) -> str:
        """Return the text with the corrections."""
        words = list(_words(text))
        taken: set[int] = set()
        chosen: list[_Match] = []
        for match in sorted(self._matches(text, words), key=_Match.order):
            places = range(match.first, match.first + match.length)
            if taken.isdisjoint(places):
                taken.update(places)
                chosen.append(match)
        for match in sorted(chosen, key=lambda match: -match.first):
            start, end = words[match.first].start, words[match.first + match.length - 1].end
            new = match.entry.text
            if words[match.first].begins_sentence and text[start].isupper():
                new = new[0].upper() + new[1:]
            text = text[:start] + new + text[end:]
        return text

    def _matches(self, text: str, words: Sequence[Word]) -> Iterator[_Match]:
        for first in range(len(words)):
            for count in range(1, min(_MAX_WORDS, len(words) - first) + 1):
                group = words[first : first + count]
                if any(text[one.end : other.start] not in (" ", "-") for one, other in pairwise(group)):
                    break
                for likeness, entry in self._candidate(text[group[0].start : group[-1].end], group):
                    yield _Match(likeness, first, count, entry)

    def _candidate(self, spoken: str, group: Sequence[Word]) -> list[tuple[float, _Entry]]:
        """Return the entry that these words are meant to be, with its likeness; none if there is no certain one."""
        letters = _letters(spoken)
        if len(letters) < _MIN_LETTERS or not letters.isalpha():
            return []
        known = [_is_known(_letters(word.text)) for word in group]
        if entry := self._by_letters.get(letters):
            if spoken == entry.text or _may_respell(spoken, entry, all(known)):
                return [(1.0, entry)]
            return [(1.0, entry._replace(text=spoken))] if len(group) == 1 else []
        if len(group) == 1:
            found = self._alike_word(letters, group[0], is_known=known[0])
        elif {group[0].text.lower(), group[-1].text.lower()} & _EDGES:
            found = []
        else:
            found = self._alike_group(letters, all_known=all(known))
        best = sorted(((_likeness(letters, entry.letters), entry) for entry in found), reverse=True)
        return best[:1] if len(best) < 2 or best[0][0] - best[1][0] > 0.05 else []

    def _alike_word(self, letters: str, word: Word, *, is_known: bool) -> list[_Entry]:
        spellings = self._by_spelling.get(_spelling(letters), [])
        if is_known or not word.text[1:].islower():
            # Capitals within a word are intended: "PostgreSQL" is not a misspelt "Postgres".
            return spellings if word.text[0].isupper() and not word.begins_sentence else []
        sound = metaphone(letters)
        alike = self._of_sound(sound, letters, 0.4 if len(sound) >= 4 else 0.75) if len(sound) >= 3 else []
        return _uninflected(letters, (*spellings, *alike, *self._near(sound, letters)))

    def _alike_group(self, letters: str, *, all_known: bool) -> list[_Entry]:
        sound = metaphone(letters)
        alike = self._of_sound(sound, letters, 0.75 if all_known else 0.6) if len(sound) >= 4 else []
        if all_known:
            return [one for one in alike if not _is_known(one.letters)]
        return _uninflected(letters, (*alike, *self._near(sound, letters)))

    def _of_sound(self, sound: str, letters: str, likeness: float) -> list[_Entry]:
        return [one for one in self._by_sound.get(sound, []) if _likeness(letters, one.letters) >= likeness]

    def _entries_near(self, sound: str, letters: str) -> list[_Entry]:
        """Return the entries with nearly the same letters, or with nearly the same sounds and similar letters."""
        return [
            one
            for one in self._entries
            if _is_near(letters, sound, one)
            or (
                len(one.sound) >= _LONG_SOUND
                and damerau_levenshtein_distance(sound, one.sound) <= 1
                and _likeness(letters, one.letters) >= 0.6
            )
        ]


def _uninflected(letters: str, entries: Iterable[_Entry]) -> list[_Entry]:
    """Return the entries, each once, without those of which the letters are another form."""
    return list({one.text: one for one in entries if not _is_inflected(letters, one.letters)}.values())


def _names_in(phrase: str) -> list[str]:
    """Return the capitalised words of a phrase of several words."""
    words = phrase.split()
    return [word for word in words if word[0].isupper() and word.isalpha()] if len(words) > 1 else []


def _words(text: str) -> Iterator[Word]:
    before, end = "", 0
    for found in _WORD.finditer(text):
        begins = bool(re.search(r"[.!?:;\"]", text[end : found.start()])) and before.lower() not in _TITLES
        yield Word(found[0], found.start(), found.end(), begins or not end)
        before, end = found[0], found.end()


def _letters(text: str) -> str:
    return re.sub(r"[^\w]|_", "", text.lower())


def _spelling(letters: str) -> str:
    for pattern, one in _SPELLINGS:
        letters = re.sub(pattern, one, letters)
    return letters


def _likeness(one: str, other: str) -> float:
    return 1 - damerau_levenshtein_distance(one, other) / max(len(one), len(other))


def _is_near(letters: str, sound: str, entry: _Entry) -> bool:
    """Return whether the letters differ from an entry by one, or two in a long word, and begin with the same sound."""
    longest, difference = max(len(letters), len(entry.letters)), abs(len(letters) - len(entry.letters))
    allowed = 2 if longest >= 8 else int(longest >= 5)
    if difference > allowed or not sound or sound[0] != entry.sound[:1]:
        return False
    return damerau_levenshtein_distance(letters, entry.letters) <= allowed


def _is_inflected(letters: str, entry: str) -> bool:
    """Return whether one is the other with an ending: "deploys" is not a misspelt "deploy"."""
    shorter, longer = sorted((letters, entry), key=len)
    ending = longer.removeprefix(shorter)
    return re.fullmatch(r"e?s|e?d|ing|er|ly|n", ending) is not None and not (ending == "s" and shorter[-1] == "s")


def _may_respell(spoken: str, entry: _Entry, is_known: bool) -> bool:
    """Return whether words that are an entry, but for capitals and blanks, may be written like the entry."""
    same_words = spoken.lower() == entry.text.lower()
    if same_words and spoken[1:] == entry.text[1:] and spoken[0].isupper():
        return False  # The beginning of a sentence.
    if " " in entry.text:
        return True
    # "will" and "sales force" are probably themselves, not a person or a company.
    return not is_known if same_words else not entry.text[1:].islower() or not _is_known(entry.letters)


def _is_known(word: str) -> bool:
    """Return whether a word is in the dictionary. Without a dictionary all are, so that few are corrected."""
    return word in _dictionary() or not _dictionary()


@cache
def _dictionary() -> frozenset[str]:
    """Return the words of the dictionary of the package pocketsphinx; none if it is not installed."""
    spec = find_spec("pocketsphinx")
    path = Path(spec.origin).parent / "model/en-us/cmudict-en-us.dict" if spec and spec.origin else None
    if path is None or not path.exists():
        return frozenset()
    return frozenset(line.partition(" ")[0].replace("'", "") for line in path.read_text().splitlines() if line)

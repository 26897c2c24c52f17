"""Extractive summaries: the sentences most similar to the others (TextRank, Mihalcea and Tarau 2004)."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from speechnode.engines.action_items import FULL_STOP, ActionItem, Person, Spoken, find_action_items
from speechnode.engines.language import detect

Ranks = NDArray[np.floating]

MAX_SEGMENTS = 20_000
_OVERVIEW_SENTENCES = 5
_TOPICS = 5
#: Ranking is quadratic, so at most so many sentences are compared at a time.
_MAX_COMPARED = 1000
_DAMPING, _ROUNDS = 0.85, 30
#: Sentences with fewer words carry little information, even if they are similar to many others.
_MIN_WORDS = 4

_ENGLISH = """
    a about after again all also am an and any are as at be because been before being but by can could did do does
    doing don't down for from get go going good got had has have he her here him his how i if in into is it it's i'm
    just know let let's like me more most my need no not now of off okay on one only or our out over people please
    really right said say see she should so some something than that that's the their them then there these they thing
    things think this those to too uh um under until up us very want was we we'll well were what when where which who
    why will with would yes you your yeah
"""
#: English stop words. In other languages, words that are in many sentences are treated as stop words.
_STOP_WORDS = frozenset(_ENGLISH.split())
_FREQUENT = 0.25

_DECISIONS = re.compile(
    r"\b(?:we|they|everybody|everyone)(?:'ve| have| all)? (?:decided|agreed|settled|concluded|chose)\b"
    r"|\bwe(?:'ll| will| are going to) (?:go (?:with|for|ahead)|use|stick (?:with|to)|keep|drop|postpone|stay with)\b"
    r"|\b(?:it is|it's|it was|that is|that's|is) (?:decided|agreed|settled)\b|\bthe decision is\b"
    r"|\bwe(?:'re| are) going with\b|\b(?:we|let's) settle on\b"
    r"|\blet(?:'s| us) (?:go with|use|stick)\b",
    re.IGNORECASE,
)
#: Before a decision: it is asked for, or depends on something.
_OPEN = re.compile(r"\b(?:after|as soon as|before|if|once|unless|until|when|whether) $", re.IGNORECASE)
_SENTENCE_END = re.compile(rf"(?<=[!?])\s+|{FULL_STOP}\s*")
#: Sentences that share this part of their words are one that is repeated.
_REPEATED, _COMPARED_FOR_REPETITION = 0.8, 50


@dataclass(frozen=True, slots=True)
class Statement:
    """A text, and the segments that it is taken from."""

    text: str
    segment_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """The input of a summary; see `SummarizeRequest` in speech.proto."""

    spoken: Sequence[Spoken]
    language: str = ""
    roster: Sequence[Person] = ()
    held_on: date | None = None
    overview_sentences: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary; see `Summary` in speech.proto."""

    overview: list[Statement]
    topics: list[Statement]
    decisions: list[Statement]
    action_items: list[ActionItem]
    language: str


class TextRank:
    """Summarises by TextRank. Decisions and action items are found in English texts only."""

    def summarise(self, transcript: Said, checkpoint: Callable[[], None]) -> Iterator[str | Summary]:
        """Yield the overview, sentence by sentence, then the whole summary."""
        split = sentences(transcript.spoken)
        language = transcript.language or detect(" ".join(one.text for one in split))[0] or "en"
        words = _words(split, language)
        overview = _overview(split, _ranks(words, checkpoint), transcript.overview_sentences or _OVERVIEW_SENTENCES)
        yield from (f"{statement.text} " for statement in overview)
        english = language == "en"
        decisions = [place for place, one in enumerate(split) if english and _is_decision(one.text)]
        decided = _statements(split, decisions, len(decisions))
        items = find_action_items(split, transcript.roster, transcript.held_on) if english else []
        yield Summary(overview, _topics(split, words), decided, items, language)


def sentences(spoken: Sequence[Spoken]) -> list[Spoken]:
    """Split utterances into sentences. An utterance without punctuation is one sentence."""
    return [
        Spoken(utterance.segment_id, sentence, utterance.person_id)
        for utterance in spoken
        for sentence in _split(utterance.text.strip())
    ]


def _split(text: str) -> Iterator[str]:
    begin = 0
    for end in _SENTENCE_END.finditer(text):
        yield text[begin : end.end()].strip()
        begin = end.end()
    if text[begin:]:
        yield text[begin:]


def _is_decision(sentence: str) -> bool:
    decision = _DECISIONS.search(sentence)
    if decision is None or sentence.endswith("?"):
        return False
    return not _OPEN.search(sentence[: decision.start()])


def _overview(split: Sequence[Spoken], ranks: Ranks, limit: int) -> list[Statement]:
    """Return the most central sentences, in the order spoken."""
    order = np.argsort(-ranks, kind="stable").tolist()
    return _statements(split, [place for place in order if len(split[place].text.split()) >= _MIN_WORDS], limit)


def _statements(split: Sequence[Spoken], places: Sequence[int], limit: int) -> list[Statement]:
    """Return the first of these sentences, in the order spoken. A repeated one counts once, with all its segments."""
    groups: dict[int, list[int]] = {}
    words = {place: set(re.findall(r"\w+", split[place].text.casefold())) for place in places}
    for place in places:
        known = list(groups)[-_COMPARED_FOR_REPETITION:]
        same = next((other for other in known if _are_alike(words[place], words[other])), place)
        if same == place and len(groups) >= limit:
            break
        groups.setdefault(same, []).append(place)
    return [
        Statement(split[place].text, tuple(dict.fromkeys(split[one].segment_id for one in sorted(group))))
        for place, group in sorted(groups.items())
    ]


def _are_alike(words: set[str], others: set[str]) -> bool:
    return len(words & others) >= _REPEATED * len(words | others)


def _words(split: Sequence[Spoken], language: str) -> list[list[str]]:
    """Return the words of each sentence in lower case, without stop words."""
    every = [re.findall(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?", one.text.casefold()) for one in split]
    if language == "en":
        stop = _STOP_WORDS
    else:
        counts = Counter(word for words in every for word in set(words))
        stop = frozenset(word for word, count in counts.items() if count > max(2, len(split) * _FREQUENT))
    return [[word for word in words if word not in stop and len(word) > 1] for words in every]


def _ranks(words: list[list[str]], checkpoint: Callable[[], None]) -> Ranks:
    """Return the centrality of each sentence. Of many sentences, the best of each thousand are compared again."""
    places = list(range(len(words)))
    ranks = np.zeros(len(words))
    while len(places) > _MAX_COMPARED:
        kept: list[int] = []
        for begin in range(0, len(places), _MAX_COMPARED):
            checkpoint()
            block = places[begin : begin + _MAX_COMPARED]
            order = np.argsort(-_page_rank(_similarity([words[place] for place in block])), kind="stable")
            kept += sorted(block[index] for index in order[: _MAX_COMPARED // 10])
        places = kept
    if places:
        ranks[places] = _page_rank(_similarity([words[place] for place in places]))
    return ranks


def _similarity(words: list[list[str]]) -> NDArray[np.float32]:
    """Return the cosine similarities of the sentences' words, where rarer words weigh more."""
    numbers: dict[str, int] = {}
    for sentence in words:
        for word in sentence:
            numbers.setdefault(word, len(numbers))
    vectors = np.zeros((len(words), max(1, len(numbers))), np.float32)
    for row, sentence in enumerate(words):
        for word in sentence:
            vectors[row, numbers[word]] = 1
    vectors *= np.log1p(len(words) / np.maximum(1, vectors.sum(axis=0)))
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    similar: NDArray[np.float32] = vectors @ vectors.T
    np.fill_diagonal(similar, 0)
    return similar


def _page_rank(similar: NDArray[np.float32]) -> Ranks:
    size = len(similar)
    sums = similar.sum(axis=0)
    links = similar / np.where(sums > 0, sums, 1)
    ranks = np.full(size, 1 / size)
    for _ in range(_ROUNDS):
        ranks = (1 - _DAMPING) / size + _DAMPING * (links @ ranks)
    # A sentence that is similar to no other does not represent them.
    return np.where(sums > 0, ranks, 0)


def _topics(split: Sequence[Spoken], words: list[list[str]]) -> list[Statement]:
    """Return the words, and pairs of words, that occur in the most sentences."""
    where: dict[str, list[int]] = {}
    for place, sentence in enumerate(words):
        pairs = (f"{one} {other}" for one, other in pairwise(sentence))
        for term in dict.fromkeys([*(word for word, _ in groupby(sentence)), *pairs]):
            if term in split[place].text.casefold():  # Words with a stop word between them are not a pair.
                where.setdefault(term, []).append(place)
    again = [term for term, places in where.items() if len(places) > 1]
    again.sort(key=lambda term: (-len(where[term]) * (1 + term.count(" ")), where[term][0]))
    topics: list[str] = []
    for term in again:
        if not any(set(term.split()) & set(topic.split()) for topic in topics):
            topics.append(term)
    return [
        Statement(topic, tuple(dict.fromkeys(split[place].segment_id for place in where[topic])))
        for topic in topics[:_TOPICS]
    ]

"""Corrections of misspelt names and terms."""

import pytest

from bench.vocabulary import BARS, misspelt, unrelated
from meetings.vocabulary import Vocabulary

NAMES = Vocabulary(
    ["Jon Eriksson", "Sarah", "Priya Natarajan", "Mark", "Kubernetes", "GitHub", "Ada Lovelace", "Redis"]
)


@pytest.mark.parametrize(
    ("recognised", "corrected"),
    [
        ("Prya and Natarajin agreed.", "Priya and Natarajan agreed."),
        ("Then I asked Sara's team.", "Then I asked Sarah's team."),
        ("I asked John Erikson.", "I asked Jon Eriksson."),
        ("The kubernetis cluster", "The Kubernetes cluster"),
        ("push it to git hub", "push it to GitHub"),
        ("Kubernetis is down.", "Kubernetes is down."),
        ("We use Cubernetiz.", "We use Kubernetes."),
        ("ada lovelase wrote it", "Ada Lovelace wrote it"),
    ],
)
def test_misspelt_names_and_terms_are_corrected(recognised: str, corrected: str) -> None:
    assert NAMES.correct(recognised) == corrected


@pytest.mark.parametrize(
    "text",
    [
        "Sarah runs Kubernetes on GitHub.",
        "John will mark the sheet.",
        "They read this, and a lover laced it.",
        "We redistribute the rest.",
        "",
        "!?",
        "Github",
        "kubernetis2 and test_kubernetis.py",
        "ΣΊΣΥΦΟΣ İstanbul",
    ],
)
def test_other_words_stay(text: str) -> None:
    assert NAMES.correct(text) == text


def test_of_two_possible_names_none_is_chosen() -> None:
    assert Vocabulary(["Natarajan", "Natarajen"]).correct("Ask Natarajin.") == "Ask Natarajin."


def test_an_empty_vocabulary_changes_nothing() -> None:
    assert Vocabulary([]).correct("Prya and Natarajin agreed.") == "Prya and Natarajin agreed."


def test_corrections_meet_the_bar() -> None:
    results = misspelt()
    wanted = [one for one in results if one.text != one.spoken]
    right = [one for one in wanted if one.corrected == one.spoken]
    assert len(right) / len(wanted) >= BARS["corrected"], [one for one in wanted if one not in right]
    assert [one for one in results if one.text == one.spoken != one.corrected] == []


def test_texts_without_the_terms_are_not_changed() -> None:
    """But for "John", which sounds like the participant Jon."""
    assert [one for one in unrelated() if one.corrected.replace("Jon", "John") != one.text] == []

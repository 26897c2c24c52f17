"""SummaryService.Summarize, by TextRank."""

import random
from typing import Any

import grpc
import pytest

from speechnode.engines.language import detect
from tandem.speech.v1 import speech_pb2 as speech
from tests.support.rpc_failures import failure_of
from tests.support.speech_node import SpeechNode, seconds_of

TALK = [
    "Hello everybody.",
    "Let us begin with the new office.",
    "The new office is larger than the old office.",
    "Lunch was nice.",
    "We decided to move into the new office in March.",
    "The mobile app has many bugs. The bugs in the mobile app cost us customers.",
    "I think that we should test the mobile app more.",
    "We agreed to hire a tester for the mobile app.",
    "The weather is bad.",
    "Bob will ask the landlord of the new office by Friday.",
]

LANGUAGES = {
    "de": "Guten Morgen zusammen, heute sprechen wir ueber die neue Webseite und das Budget fuer das naechste Jahr.",
    "fr": "Bonjour tout le monde, aujourd'hui nous parlons du nouveau site et du budget de l'annee prochaine.",
    "es": "Buenos dias a todos, hoy hablamos de la nueva pagina web y del presupuesto para el proximo ano.",
    "it": "Buongiorno a tutti, oggi parliamo del nuovo sito e del bilancio per il prossimo anno.",
    "nl": "Goedemorgen allemaal, vandaag praten we over de nieuwe website en de begroting voor volgend jaar.",
    "pt": "Bom dia a todos, hoje vamos falar sobre o novo site e o orcamento para o proximo ano que vem.",
    "pl": "Dzien dobry wszystkim, dzisiaj rozmawiamy o nowej stronie internetowej i budzecie na przyszly rok.",
    "sv": "God morgon allihopa, idag pratar vi om den nya webbplatsen och budgeten foer naesta aar.",
    "fi": "Hyvaa huomenta kaikille, tanaan puhumme uudesta verkkosivustosta ja ensi vuoden budjetista.",
    "en": "good morning today we talk about the new website and the budget for the next year",
}


def segments(texts: list[str]) -> list[speech.SpokenSegment]:
    return [speech.SpokenSegment(segment_id=f"s{place}", text=text) for place, text in enumerate(texts)]


def summary(node: SpeechNode, texts: list[str], **request: Any) -> speech.Summary:
    *_, last = node.summaries.Summarize(speech.SummarizeRequest(segments=segments(texts), **request))
    return last.result


def test_the_overview_is_what_most_was_about(node: SpeechNode) -> None:
    overview = [statement.text for statement in summary(node, TALK).overview]
    assert len(overview) == 5
    assert all("office" in text or "mobile app" in text for text in overview)
    assert not {"Lunch was nice.", "The weather is bad.", "Hello everybody."} & set(overview)


def test_summary_is_in_spoken_order_and_of_the_requested_length(node: SpeechNode) -> None:
    overview = summary(node, TALK, overview_sentences=3).overview
    assert len(overview) == 3
    places = [int(statement.segment_ids[0][1:]) for statement in overview]
    assert places == sorted(places)


def test_topics_are_what_came_back(node: SpeechNode) -> None:
    topics = {statement.text: list(statement.segment_ids) for statement in summary(node, TALK).topics}
    assert list(topics)[:2] == ["new office", "mobile app"]
    assert topics["mobile app"] == ["s5", "s6", "s7"]


def test_decisions_are_found(node: SpeechNode) -> None:
    decisions = [(statement.text, list(statement.segment_ids)) for statement in summary(node, TALK).decisions]
    assert decisions == [(TALK[4], ["s4"]), (TALK[7], ["s7"])]


def test_repeated_sentence_is_stated_once_with_all_segments(node: SpeechNode) -> None:
    result = summary(node, [*TALK, "So we decided to move into the new office in March."])
    assert [(one.text, list(one.segment_ids)) for one in result.decisions] == [
        (TALK[4], ["s4", "s10"]),
        (TALK[7], ["s7"]),
    ]
    assert len([one for one in result.overview if "move into the new office" in one.text]) == 1


@pytest.mark.parametrize("text", ["So we're going with the blue one.", "It was agreed to wait.", "Let's use Postgres."])
def test_each_way_to_state_a_decision_is_found(node: SpeechNode, text: str) -> None:
    assert [one.text for one in summary(node, [text]).decisions] == [text]


@pytest.mark.parametrize("text", ["Have we agreed on a date?", "We can start once it is decided."])
def test_open_questions_are_no_decisions(node: SpeechNode, text: str) -> None:
    assert not summary(node, [text]).decisions


def test_abbreviations_end_no_sentence(node: SpeechNode) -> None:
    (decision,) = summary(node, ["Yes. We agreed with Dr. Meyer on the price. Good."]).decisions
    assert decision.text == "We agreed with Dr. Meyer on the price."


def test_action_items_are_matched_with_the_roster(node: SpeechNode) -> None:
    roster = [speech.Person(person_id="p7", names=["Bob Builder"])]
    items = summary(node, TALK, roster=roster, held_on="2026-11-18").action_items
    (bobs,) = [item for item in items if item.person_id == "p7"]
    assert (bobs.text, bobs.due_on) == ("ask the landlord of the new office", "2026-11-20")


def test_text_without_punctuation_will_do(node: SpeechNode) -> None:
    bare = [text.lower().replace(".", "").replace(",", "") for text in TALK]
    result = summary(node, bare)
    assert [statement.text for statement in result.topics][:2] == ["new office", "mobile app"]
    assert len(result.decisions) == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_language_is_detected(language: str) -> None:
    assert detect(LANGUAGES[language])[0] == language
    assert detect(LANGUAGES[language])[1] > 0.5


def test_no_language_is_detected_from_few_words() -> None:
    assert detect("ok") == ("", 0.0)


def test_other_languages_get_an_overview_only(node: SpeechNode) -> None:
    texts = [
        "Wir haben heute das neue Buero besprochen.",
        "Das neue Buero ist groesser als das alte Buero.",
        "Das Essen war gut.",
        "Der Umzug in das neue Buero ist im Maerz.",
    ]
    result = summary(node, texts, overview_sentences=2)
    assert result.language == "de"
    assert [list(statement.segment_ids) for statement in result.overview] != []
    assert "Das Essen war gut." not in [statement.text for statement in result.overview]
    assert not result.action_items


def test_a_day_of_talk_is_summarised_in_seconds(node: SpeechNode) -> None:
    choice = random.Random(1)
    words = [f"w{number}" for number in range(3000)]
    texts = [" ".join(choice.choices(words, k=12)) for _ in range(20_000)]
    assert seconds_of(lambda: summary(node, texts, language="en")) < 30


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        (speech.SummarizeRequest(held_on="tomorrow"), "held_on"),
        (speech.SummarizeRequest(overview_sentences=-1), "overview_sentences"),
        (speech.SummarizeRequest(segments=segments(["a"] * 20_001)), "segments"),
    ],
    ids=["held_on", "overview_sentences", "segments"],
)
def test_violations_of_the_contract_are_named(node: SpeechNode, request_: speech.SummarizeRequest, named: str) -> None:
    failure = failure_of(lambda: list(node.summaries.Summarize(request_)))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID")
    assert named in failure.message

"""Action items: their texts, owners and due dates."""

from datetime import date

import pytest

from bench.commitments import BARS, HELD_ON, score, sentences, table
from speechnode.engines.action_items import ActionItem, Person, Spoken, find_action_items
from speechnode.engines.dates import day_of, find_due

#: A Friday.
TODAY = date(2026, 11, 20)
ROSTER = [
    Person("bob", ("Bob Builder", "Bobby")),
    Person("ann-o", ("Ann Other",)),
    Person("ann-s", ("Ann Smith",)),
]


def found(text: str, person_id: str = "me") -> list[ActionItem]:
    return find_action_items([Spoken("s1", text, person_id)], ROSTER, TODAY)


@pytest.mark.parametrize(
    ("text", "deed", "owner", "person_id", "due", "due_on"),
    [
        ("Bob will send the report by Friday.", "send the report", "Bob", "bob", "by Friday", "2026-11-27"),
        ("so bob will send the report by friday", "send the report", "bob", "bob", "by friday", "2026-11-27"),
        ("Bobby is going to call them tomorrow.", "call them", "Bobby", "bob", "tomorrow", "2026-11-21"),
        ("I'll book the room.", "book the room", "I", "me", "", ""),
        ("let me check the numbers until monday", "check the numbers", "I", "me", "until monday", "2026-11-23"),
        ("we have to fix the login in two weeks", "fix the login", "we", "", "in two weeks", "2026-12-04"),
        ("Bob, can you ask the bank next week?", "ask the bank", "Bob", "bob", "next week", "2026-11-27"),
        ("Could you ask the bank?", "ask the bank", "you", "", "", ""),
        ("please update the wiki", "update the wiki", "", "", "", ""),
        ("Carol will write the minutes.", "write the minutes", "Carol", "", "", ""),
        ("ann other must sign the contract", "sign the contract", "ann other", "ann-o", "", ""),
        ("ann must sign the contract", "sign the contract", "ann", "", "", ""),
        ("peter will send it by friday", "send it", "peter", "", "by friday", "2026-11-27"),
        ("the marketing team will send it", "send it", "the marketing team", "", "", ""),
        ("bob will be sending the slides", "send the slides", "bob", "bob", "", ""),
        ("i'm gonna call the bank", "call the bank", "I", "me", "", ""),
        ("carol and bob will test the page", "test the page", "carol and bob", "bob", "", ""),
        ("bob please write the minutes", "write the minutes", "bob", "bob", "", ""),
        ("can bob write the minutes", "write the minutes", "bob", "bob", "", ""),
        ("So you'll ask the bank, Bob?", "ask the bank", "Bob", "bob", "", ""),
        ("If you could send me the file, Bob.", "send me the file", "Bob", "bob", "", ""),
        ("Action item for Bob: set up the test.", "set up the test", "Bob", "bob", "", ""),
        ("I’ll write to Dr. Meyer on Monday.", "write to Dr. Meyer", "I", "me", "on Monday", "2026-11-23"),
        ("Bob takes over the shift next Monday.", "take over the shift", "Bob", "bob", "next Monday", "2026-11-23"),
        (
            "Bob will get back to us in two days about it.",
            "get back to us about it",
            "Bob",
            "bob",
            "in two days",
            "2026-11-22",
        ),
        ("I'll ask whether Ann can join on Monday.", "ask whether Ann can join", "I", "me", "on Monday", "2026-11-23"),
    ],
)
def test_a_commitment_is_found(text: str, deed: str, owner: str, person_id: str, due: str, due_on: str) -> None:
    (item,) = found(text)
    assert item.text == deed
    assert item.owner == owner
    assert item.person_id == person_id
    assert item.due == due
    assert (item.due_on.isoformat() if item.due_on else "") == due_on
    assert item.segment_ids == ("s1",)
    assert 0 < item.confidence < 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I think this will take some time.",
        "The report will be late.",
        "You will see the results.",
        "Bob will not send the report.",
        "I'll never do that again.",
        "It will rain tomorrow.",
        "Everybody liked the report that Bob sent on Friday.",
        "Bob will.",
        "they said that she will come",
        "can you hear me now",
        "let me share my screen",
        "could you repeat that",
        "please go ahead",
        "Please mute yourself.",
        "I will stop here.",
        "I will tell you a story.",
        "I don't think Bob will send it on Friday.",
        "If Bob will send it, we are done.",
        "You can ask the bank at any time.",
        "Bob can speak French.",
    ],
)
def test_other_sentences_are_not_action_items(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("bare", [False, True], ids=["sentences", "bare words"])
@pytest.mark.parametrize("name", ["measured", "held_out"])
def test_sentences_of_meetings_meet_the_bars(name: str, bare: bool) -> None:
    found = score(sentences(name, bare=bare))
    assert {figure: value for figure, value in found.figures.items() if value < BARS[figure]} == {}, found.wrong


def test_without_punctuation_each_ends_where_the_next_begins() -> None:
    first, second = found("bob will send the report by friday and i will book the room tomorrow and then go home")
    assert (first.text, first.due) == ("send the report", "by friday")
    assert (second.text, second.due) == ("book the room", "tomorrow")


def test_action_item_is_at_most_one_sentence() -> None:
    (item,) = found("i will send " + "boxes and bags " * 50)
    assert len(item.text.split()) <= 16


def test_repeated_item_is_merged_with_all_evidence() -> None:
    spoken = [Spoken("s1", "Bob will send the report."), Spoken("s2", "Right, Bob will send the report.")]
    (item,) = find_action_items(spoken, ROSTER, TODAY)
    assert item.segment_ids == ("s1", "s2")


def test_without_the_day_of_the_meeting_no_date_is_made_up() -> None:
    (item,) = find_action_items([Spoken("s1", "Bob will send the report by Friday.")], ROSTER)
    assert (item.due, item.due_on) == ("by Friday", None)


def test_explicit_commitment_has_higher_confidence() -> None:
    (firm,) = found("Bob will send the report by Friday.")
    (loose,) = found("we should send a report")
    assert firm.confidence > loose.confidence + 0.3


@pytest.mark.parametrize(
    ("phrase", "day"),
    [
        ("by friday", "2026-11-27"),
        ("on saturday", "2026-11-21"),
        ("next monday", "2026-11-23"),
        ("by next friday", "2026-11-27"),
        ("today", "2026-11-20"),
        ("by tomorrow", "2026-11-21"),
        ("the day after tomorrow", "2026-11-22"),
        ("in a week", "2026-11-27"),
        ("within three days", "2026-11-23"),
        ("this week", "2026-11-20"),
        ("by the end of the week", "2026-11-20"),
        ("by the end of the month", "2026-11-30"),
        ("next month", "2026-12-31"),
        ("by march third", "2027-03-03"),
        ("on the twenty-first of november", "2026-11-21"),
        ("by the twenty first of november", "2026-11-21"),
        ("before november 21st", "2026-11-21"),
        ("on november 19", "2027-11-19"),
        ("by 2026-12-24", "2026-12-24"),
        ("by february 30", None),
        ("by 2026-13-40", None),
    ],
)
def test_days_are_counted_from_the_meeting(phrase: str, day: str | None) -> None:
    match = find_due(f"i will send it {phrase} or so")
    assert match
    assert match[0] == phrase
    resolved = day_of(phrase, TODAY)
    assert (resolved.isoformat() if resolved else None) == day


def test_on_december_31st_the_next_month_is_next_years() -> None:
    assert day_of("next month", date(2026, 12, 31)) == date(2027, 1, 31)
    assert day_of("tomorrow", date(2026, 12, 31)) == date(2027, 1, 1)


@pytest.mark.parametrize(("phrase", "day"), [(phrase, (day or [""])[0]) for phrase, *day in table("due_phrases")])
def test_due_phrase_is_resolved_and_removed_whole(phrase: str, day: str) -> None:
    for spoken in (phrase, phrase.capitalize(), f"{phrase} because they need it"):
        (item,) = find_action_items([Spoken("s1", f"I will send the report {spoken}.")], ROSTER, HELD_ON)
        assert item.text == "send the report"
        assert item.due.casefold() == phrase
        assert (item.due_on.isoformat() if item.due_on else "") == day


@pytest.mark.parametrize(
    "phrase",
    [
        "the budget for next year",
        "since friday",
        "the friday meeting",
        "for Tuesday's meeting",
        "on the second floor",
        "by the first draft",
        "from monday to friday",
    ],
)
def test_phrases_that_only_resemble_due_dates_stay_in_the_task(phrase: str) -> None:
    (item,) = found(f"I will check {phrase}")
    assert (item.text, item.due) == (f"check {phrase}", "")


def test_words_without_date_give_no_due_date() -> None:
    assert find_due("by all means, on the whole, in a way, the monday meeting") is None
    assert day_of("by friday or so", TODAY) is None

"""Names, corrections and decisions of people are carried to the next version."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from meetings.models import ActionItem, ActionItemStatus, Meeting, Segment, SegmentEdit, Speaker, Stage, Status, Summary
from meetings.services import processing
from meetings.services.action_items import accept_action_item, reject_action_item
from meetings.services.transcripts import edit_segment, name_speaker
from tasks.models import Task
from tests.support.pipeline_jobs import DONE, TOTAL, RunningJob, Script, process
from tests.support.scripts import finals, submitted, texts
from tests.support.servers import PATIENCE_SECONDS, until
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]

ITEM = {"text": "send the report", "segments": [1], "owner": "bob"}


def again(meeting: Meeting, owner: User) -> Meeting:
    processing.retranscribe(owner, str(meeting.pk))
    return process(meeting)


def segment(version: int, place: int) -> Segment:
    found: Segment = Segment.objects.filter(transcript_version=version).order_by("start_ms")[place]
    return found


def correct(actor: User, place: int, version: int = 1, **fields: Any) -> None:
    wrong = segment(version, place)
    edit_segment(actor, str(wrong.meeting_id), str(wrong.pk), fields)


def voices(*prints: tuple[float, ...]) -> list[dict[str, Any]]:
    """Return the steps of a separation in which voices of these prints speak in turn."""
    named = [
        {"voice": {"label": f"S{place}", "speech_ms": 1_000, "voice_print": list(one)}}
        for place, one in enumerate(prints, 1)
    ]
    turns = [
        {"turn": {"start_ms": at * 5000, "end_ms": at * 5000 + 4000, "label": f"S{at % len(prints) + 1}"}}
        for at in range(4)
    ]
    return [*named, *turns, DONE]


def is_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


# Names


def named(owner: User, bob: User, script: Script, **then: Any) -> dict[str, tuple[str, Any]]:
    """Name both voices of version 1, and return name and user of the voices of version 2, which is made as scripted."""
    meeting = process(submitted(owner=owner))
    first, second = Speaker.objects.order_by("place")
    name_speaker(owner, str(meeting.pk), str(first.pk), "The Chair", "")
    name_speaker(owner, str(meeting.pk), str(second.pk), "", str(bob.pk))
    script(**then)
    again(meeting, owner)
    rows = Speaker.objects.filter(transcript_version=2).order_by("place")
    return {speaker.label: (speaker.name, speaker.user_id) for speaker in rows}


def test_names_go_to_the_same_voices(script: Script, ann: User, bob: User) -> None:
    found = named(ann, bob, script, diarize=voices((0.0, 1.0), (0.8, 0.6)))
    assert found == {"S1": (bob.display_name, bob.pk), "S2": ("The Chair", None)}


@pytest.mark.parametrize("print_", [(0.70710678, 0.70710678), (-0.9, -0.43588989), ()])
def test_name_of_an_unlike_or_ambiguous_voice_is_not_carried(
    script: Script, ann: User, bob: User, print_: tuple[float, ...]
) -> None:
    assert named(ann, bob, script, diarize=voices(print_)) == {"S1": ("", None)}


def test_prints_of_another_model_are_not_compared(script: Script, ann: User, bob: User) -> None:
    assert set(named(ann, bob, script).values()) == {("The Chair", None), (bob.display_name, bob.pk)}
    Speaker.objects.filter(transcript_version=2).update(engine={"name": "scripted", "model_sha256": "ab"})
    again(Meeting.objects.get(), ann)
    assert set(Speaker.objects.filter(transcript_version=3).values_list("name", "user_id")) == {("", None)}


# Corrections


def test_correction_is_carried_to_the_same_segment(script: Script, ann: User) -> None:
    meeting = process(submitted(owner=ann))
    correct(ann, 1, text="Bob will send the budget by Friday.")
    script(transcribe=[TOTAL, *finals(("good morning", "bob will spend the report by friday", "we go", "bye")), DONE])
    meeting = again(meeting, ann)
    assert texts(meeting.pk, 2) == ["good morning", "Bob will send the budget by Friday.", "we go", "bye"]
    carried = segment(2, 1)
    assert (carried.recognized_text, carried.edited_by_id) == ("bob will spend the report by friday", ann.pk)
    assert carried.edited_at == segment(1, 1).edited_at
    assert SegmentEdit.objects.filter(segment=carried, edited_by=ann).count() == 1
    assert meeting.notice == ""


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # Two lines in one, and the recognizer is still wrong.
        (["good morning bob will send the report by friday", "thank you"],
         ["good morning bob will send the large budget by friday", "thank you"]),
        # It is right by now.
        (["good morning Bob will send the large budget by friday", "thank you"],
         ["good morning Bob will send the large budget by friday", "thank you"]),
    ],
)  # fmt: skip
def test_corrected_words_are_found_in_segments_that_begin_elsewhere(
    script: Script, ann: User, lines: list[str], expected: list[str]
) -> None:
    meeting = process(submitted(owner=ann))
    correct(ann, 1, text="bob will send the large budget by friday")
    merged = {"final": {"start_ms": 0, "end_ms": 9_000, "text": lines[0]}}
    rest = {"final": {"start_ms": 15_000, "end_ms": 19_000, "text": lines[1]}}
    script(transcribe=[TOTAL, merged, rest, DONE], summarize=[])
    meeting = again(meeting, ann)
    assert texts(meeting.pk, 2) == expected
    assert meeting.notice == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bob will send the report by friday evening", "by friday evening"),
        ("well bob will send the report by friday", "well bob will"),
        ("bob will the report by friday", "bob will the report"),
    ],
)
def test_added_and_removed_words_are_carried_once(script: Script, ann: User, text: str, expected: str) -> None:
    meeting = process(submitted(owner=ann))
    correct(ann, 1, text=text)
    whole = "good morning bob will send the report by friday so thanks"
    script(transcribe=[TOTAL, {"final": {"start_ms": 0, "end_ms": 9_000, "text": whole}}, DONE], summarize=[])
    again(meeting, ann)
    assert f" {expected} " in segment(2, 0).text
    assert len(segment(2, 0).text.split()) == 11 + len(text.split()) - 7


def test_correction_that_does_not_fit_is_reported(script: Script, ann: User) -> None:
    meeting = process(submitted(owner=ann))
    correct(ann, 1, text="bob will send the budget by friday")
    correct(ann, 3, text="thank you all")
    script(transcribe=[TOTAL, *finals(("something else", "was heard", "this time", "everywhere")), DONE])
    meeting = again(meeting, ann)
    assert texts(meeting.pk, 2) == ["something else", "was heard", "this time", "everywhere"]
    assert meeting.notice == ("2 corrections of version 1 do not fit this transcript; they can still be seen there.")


def test_corrected_speaker_is_carried_by_voice(script: Script, ann: User) -> None:
    meeting = process(submitted(owner=ann))
    chair, other = Speaker.objects.order_by("place")
    correct(ann, 1, speaker_id=str(chair.pk))
    correct(ann, 2, speaker_id="")
    correct(ann, 3, text="Thank you.")
    script(diarize=voices((0.0, 1.0), (1.0, 0.0)))
    again(meeting, ann)
    of = {speaker.pk: speaker.voice_print for speaker in Speaker.objects.all()}
    of[None] = None
    assert [of[segment(2, place).speaker_id] for place in range(4)] == [[0, 1], [1, 0], None, [1, 0]]
    assert other.voice_print == [0, 1]


def test_summary_is_made_of_the_corrected_text(script: Script, ann: User) -> None:
    meeting = process(submitted(owner=ann))
    correct(ann, 0, text="Good evening.")
    script(summarize=[{"summary": {"overview": [{"text": "{transcript}"}]}}])
    again(meeting, ann)
    assert Summary.objects.get(transcript_version=2).overview[0]["text"].startswith("Good evening. / bob will send")


def test_edit_during_the_work_is_carried_too(script: Script, ann: User, bob: User) -> None:
    meeting = process(submitted(owner=ann))
    correct(ann, 0, text="Good evening.")
    script(summarize=[{"wait": 1.0}, {"summary": {"deeds": [ITEM]}}])
    processing.retranscribe(ann, str(meeting.pk))
    running = RunningJob()
    until(lambda: Meeting.objects.get().stage == Stage.SUMMARIZING, "it is summarised")
    correct(ann, 0, text="Good night.")
    speaker = Speaker.objects.get(transcript_version=1, label="S1")
    name_speaker(ann, str(meeting.pk), str(speaker.pk), "The Chair", "")
    accept_action_item(ann, str(meeting.pk), str(ActionItem.objects.get().pk))
    assert Meeting.objects.get().transcript_version == 1, "the next version is not complete yet"
    assert running.ended() == "done"
    assert segment(2, 0).text == "Good night."
    assert Speaker.objects.get(transcript_version=2, label="S1").name == "The Chair"
    assert ActionItem.objects.get(transcript_version=2).status == ActionItemStatus.ACCEPTED


def test_edit_that_is_not_committed_yet_is_waited_for(script: Script, ann: User) -> None:
    meeting = process(submitted(owner=ann))
    processing.retranscribe(ann, str(meeting.pk))
    is_edited, may_commit = threading.Event(), threading.Event()

    def edit() -> None:
        with transaction.atomic():
            correct(ann, 0, text="Good night.")
            is_edited.set()
            may_commit.wait(PATIENCE_SECONDS)
        connection.close()

    editing = threading.Thread(target=edit)
    editing.start()
    assert is_edited.wait(PATIENCE_SECONDS)
    running = RunningJob()
    until(is_waiting, "the work waits for the edit")
    may_commit.set()
    editing.join()
    assert running.ended() == "done"
    assert segment(2, 0).text == "Good night."


def test_corrections_outlive_a_version_that_failed(script: Script, ann: User) -> None:
    meeting = process(submitted(owner=ann))
    correct(ann, 0, text="Good evening.")
    script(transcribe=[TOTAL, *finals(("good",)), {"fail": "BadRecording"}])
    again(meeting, ann)
    script()
    again(meeting, ann)
    assert texts(meeting.pk, 3)[0] == "Good evening."


# Decisions


def items(version: int) -> list[tuple[str, int]]:
    rows = ActionItem.objects.filter(transcript_version=version).order_by("place")
    return [(item.text, item.status) for item in rows]


def decided(script: Script, owner: User, *deeds: dict[str, Any]) -> Meeting:
    """Return a meeting with two items, of which the first is accepted and the second rejected. The next version has
    the given ones.
    """
    script(summarize=[{"summary": {"deeds": [ITEM, {"text": "call them back", "segments": [3]}]}}])
    meeting = process(submitted(owner=owner))
    first, second = ActionItem.objects.order_by("place")
    accept_action_item(owner, str(meeting.pk), str(first.pk))
    reject_action_item(owner, str(meeting.pk), str(second.pk))
    script(summarize=[{"summary": {"deeds": list(deeds)}}])
    return again(meeting, owner)


def test_decisions_are_carried_to_the_same_items(script: Script, ann: User) -> None:
    new = {"text": "buy a printer", "segments": [2]}
    meeting = decided(script, ann, new, {"text": "call them", "segments": [3]}, ITEM | {"text": "Send the report."})
    assert items(2) == [
        ("buy a printer", ActionItemStatus.PROPOSED), ("call them", ActionItemStatus.REJECTED),
        ("Send the report.", ActionItemStatus.ACCEPTED),
    ]  # fmt: skip
    accepted = ActionItem.objects.get(transcript_version=2, status=ActionItemStatus.ACCEPTED)
    assert (accepted.task_id, accepted.decided_by_id) == (Task.objects.get().pk, ann.pk)
    accept_action_item(ann, str(meeting.pk), str(accepted.pk))
    assert Task.objects.count() == 1


def test_same_words_at_another_time_of_the_meeting_are_another_item(script: Script, ann: User) -> None:
    decided(script, ann, {"text": "send the reports", "segments": [3]})
    assert items(2) == [("send the reports", ActionItemStatus.PROPOSED), ("send the report", ActionItemStatus.ACCEPTED)]


def test_accepted_item_that_is_not_found_again_is_kept_with_its_task(script: Script, ann: User) -> None:
    decided(script, ann)
    assert items(2) == [("send the report", ActionItemStatus.ACCEPTED)]
    kept = ActionItem.objects.get(transcript_version=2)
    assert (kept.task_id, kept.segment_ids, kept.owner_name) == (Task.objects.get().pk, [segment(2, 1).pk], "bob")
    Task.objects.all().delete()
    again(Meeting.objects.get(), ann)
    assert items(3) == [], "its task is gone"


def test_correction_that_makes_a_text_too_long_does_not_keep_the_version_from_completing(
    script: Script, ann: User
) -> None:
    meeting = process(submitted(owner=ann))
    correct(ann, 1, text="bob will send the " + "very " * 1_500 + "report by friday")
    whole = "good morning bob will send the report by friday " + "and so on " * 500
    script(transcribe=[TOTAL, {"final": {"start_ms": 0, "end_ms": 9_000, "text": whole}}, DONE], summarize=[])
    meeting = again(meeting, ann)
    assert meeting.status == Status.COMPLETED
    assert meeting.notice.startswith("One correction of version 1 does not fit")

"""Summarize: another summary of a complete version, of its corrected text."""

from typing import Any

import pytest

from meetings.models import ActionItem, ActionItemStatus, Meeting, Segment, Stage, Status, Summary
from meetings.services import processing
from meetings.services.action_items import accept_action_item, reject_action_item
from meetings.services.transcripts import edit_segment
from tasks.models import Task
from tests.support.pipeline_jobs import RunningJob, Script, process
from tests.support.scripts import LINES, submitted, texts
from tests.support.servers import until
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]

SEND = {"text": "send the report", "segments": [1]}
CALL = {"text": "call them", "segments": [3]}
OVERVIEW = [{"text": "{transcript}"}]


def summary(*deeds: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"summary": {"overview": OVERVIEW, "deeds": list(deeds)}}]


def again(meeting: Meeting, owner: User) -> Meeting:
    processing.summarize(owner, str(meeting.pk))
    return process(meeting)


def items() -> list[tuple[str, int]]:
    return [(item.text, item.status) for item in ActionItem.objects.order_by("place")]


def test_summary_and_proposed_items_follow_a_correction(script: Script, ann: User) -> None:
    script(summarize=summary(CALL, SEND))
    meeting = process(submitted(owner=ann))
    before = {item.text: item.pk for item in ActionItem.objects.all()}
    last = Segment.objects.latest("start_ms")
    edit_segment(ann, str(meeting.pk), str(last.pk), {"text": "call the bank"})
    script(summarize=summary({"text": "buy milk", "segments": [0]}, CALL | {"text": "call the bank"}))
    meeting = again(meeting, ann)
    assert (meeting.status, meeting.progress, meeting.stage, meeting.transcript_version) == (
        Status.COMPLETED, 100, None, 1,
    )  # fmt: skip
    assert Summary.objects.get().overview[0]["text"] == " / ".join([*LINES[:3], "call the bank"])
    assert items() == [("buy milk", ActionItemStatus.PROPOSED), ("call the bank", ActionItemStatus.PROPOSED)]
    assert ActionItem.objects.get(text="call the bank").pk == before["call them"], "the same item"
    assert texts(meeting.pk)[3] == "call the bank"


def test_decided_items_stay_as_they_are(script: Script, ann: User) -> None:
    script(summarize=summary(SEND, CALL, {"text": "buy milk", "segments": [0]}))
    meeting = process(submitted(owner=ann))
    send, call, _ = ActionItem.objects.order_by("place")
    accept_action_item(ann, str(meeting.pk), str(send.pk))
    reject_action_item(ann, str(meeting.pk), str(call.pk))
    script(summarize=summary({"text": "sing", "segments": [2]}, SEND | {"text": "send the new report"}))
    again(meeting, ann)
    assert items() == [
        ("sing", ActionItemStatus.PROPOSED), ("send the report", ActionItemStatus.ACCEPTED),
        ("call them", ActionItemStatus.REJECTED),
    ]  # fmt: skip
    assert ActionItem.objects.get(status=ActionItemStatus.ACCEPTED).task_id == Task.objects.get().pk


def test_progress_is_shown_while_the_transcript_stays(script: Script, ann: User) -> None:
    meeting = process(submitted(owner=ann))
    script(summarize=[{"wait": 1.0}, *summary()])
    processing.summarize(ann, str(meeting.pk))
    running = RunningJob()
    until(lambda: Meeting.objects.get().stage == Stage.SUMMARIZING, "it is summarised")
    meeting.refresh_from_db()
    assert (meeting.status, meeting.progress, meeting.transcript_version) == (Status.PROCESSING, 95, 1)
    assert Summary.objects.get().overview[0]["text"] == "Good morning."
    assert running.ended() == "done"


def test_failure_leaves_what_there_was_and_is_reported_once(script: Script, ann: User) -> None:
    meeting = process(submitted(owner=ann))
    script(summarize=[{"fail": "NoCapableEngine", "sentence": "No engine can summarise German."}])
    for _ in range(2):
        meeting = again(meeting, ann)
        assert (meeting.status, meeting.failure_reason, meeting.missing) == (Status.COMPLETED, "", [])
        assert meeting.notice == "The summary was not made anew: No engine can summarise German."
    assert Summary.objects.get().overview[0]["text"] == "Good morning."
    script()
    assert again(meeting, ann).notice == ""


def test_missing_summary_is_made_later(script: Script, ann: User) -> None:
    script(summarize=[{"fail": "NoCapableEngine", "sentence": "No engine can summarise."}])
    meeting = process(submitted(owner=ann))
    assert [one["stage"] for one in meeting.missing] == [Stage.SUMMARIZING]
    assert not Summary.objects.exists()
    script()
    meeting = again(meeting, ann)
    assert (meeting.missing, meeting.notice) == ([], "")
    assert Summary.objects.get().overview[0]["text"] == "Good morning."


def test_worker_that_dies_repeats_the_summary(script: Script, ann: User) -> None:
    meeting = process(submitted(owner=ann))
    script(summarize=[{"hang": {}}])
    processing.summarize(ann, str(meeting.pk))
    running = RunningJob()
    until(lambda: Meeting.objects.get().stage == Stage.SUMMARIZING, "it is summarised")
    running.stopping = True
    running.ended()
    script(summarize=summary(SEND))
    meeting = process(meeting)
    assert (meeting.status, items()) == (Status.COMPLETED, [("send the report", ActionItemStatus.PROPOSED)])

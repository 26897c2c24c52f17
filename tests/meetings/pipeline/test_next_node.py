"""A node that fails, or that refuses a recording, is followed by the next one."""

from pathlib import Path
from typing import Any

import pytest

from meetings.models import Segment, Status, Summary
from tests.support.pipeline_jobs import DONE, TOTAL, process
from tests.support.scripts import LINES, a_script, finals, submitted, texts
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]


@pytest.fixture
def two_nodes(settings: Any, tmp_path: Path) -> Any:
    """Set the answers of the preferred one of two nodes."""

    def set_to(**answers: Any) -> None:
        first = a_script(tmp_path / "first.json", **answers)
        second = a_script(tmp_path / "second.json", engines=[{"kind": kind, "name": "second"} for kind in KINDS])
        settings.SPEECH_NODES = [first, second]

    return set_to


KINDS = ("asr", "speaker", "summary")
INVALID = [{"summary": {"overview": [{"text": "Invented.", "segments": ["none"]}]}}]


def test_a_bad_summary_is_made_by_the_next_node(two_nodes: Any, ann: User) -> None:
    two_nodes(summarize=INVALID)
    meeting = process(submitted(owner=ann))
    assert (meeting.status, meeting.missing) == (Status.COMPLETED, [])
    assert Summary.objects.get().engine["name"] == "second"
    assert {segment.engine["name"] for segment in Segment.objects.all()} == {"scripted"}


def test_a_recording_that_one_node_refuses_goes_to_the_next(two_nodes: Any, ann: User) -> None:
    two_nodes(transcribe=[{"fail": "BadRecording", "sentence": "It is too long."}])
    meeting = process(submitted(owner=ann))
    assert (meeting.status, texts(meeting.pk)) == (Status.COMPLETED, list(LINES))
    assert {(one.engine["name"], one.degraded) for one in Segment.objects.all()} == {("second", True)}


def test_a_node_that_fails_in_the_middle_is_followed_without_loss(two_nodes: Any, ann: User) -> None:
    two_nodes(transcribe=[TOTAL, *finals(LINES[:2]), {"fail": "EngineFailed"}])
    meeting = process(submitted(owner=ann))
    assert (meeting.status, texts(meeting.pk)) == (Status.COMPLETED, list(LINES))
    assert [one.engine["name"] for one in Segment.objects.order_by("start_ms")] == ["scripted"] * 2 + ["second"] * 2


def test_a_file_that_every_node_refuses_fails(two_nodes: Any, settings: Any, tmp_path: Path, ann: User) -> None:
    refusal = [{"fail": "BadRecording", "sentence": "This is not an audio file."}]
    two_nodes(transcribe=refusal)
    a_script(tmp_path / "second.json", transcribe=[*refusal, DONE])
    meeting = process(submitted(owner=ann))
    assert (meeting.status, meeting.failure_reason) == (Status.FAILED, "This is not an audio file.")

"""Corrections of the recognised text by the vocabulary and the names of the people of a meeting."""

import pytest

from meetings.models import ActionItem, EditSource, Segment, SegmentEdit, Status, Summary, Transcript
from meetings.models.transcripts import MAX_SEGMENT_TEXT_LENGTH
from meetings.services.pipeline.correcting import correct_by_vocabulary
from meetings.services.pipeline.work import Work
from meetings.services.transcripts import edit_segment
from meetings.vocabulary import Vocabulary
from tests.support.pipeline_jobs import DONE, Script, process
from tests.support.scripts import finals, submitted, texts, version_of
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]

SPOKEN = ("Kubernetis is down.", "I asked Boby Bilder.", "Good morning.")
CORRECTED = ["Kubernetes is down.", "I asked Bobby Builder.", "Good morning."]


@pytest.fixture(autouse=True)
def bobby(bob: User, script: Script) -> None:
    User.objects.filter(pk=bob.pk).update(first_name="Bobby", last_name="Builder", display_name="Bobby Builder")
    script(transcribe=[{"detected": "en"}, *finals(SPOKEN), DONE])


def test_names_and_terms_are_corrected_before_the_summary(script: Script, ann: User, bob: User) -> None:
    meeting = process(submitted(owner=ann, participants=[bob.pk], vocabulary=["Kubernetes"]))
    assert texts(meeting.pk) == CORRECTED
    segments = list(Segment.objects.order_by("start_ms"))
    assert [segment.recognized_text for segment in segments] == list(SPOKEN)
    assert [segment.by_vocabulary for segment in segments] == [True, True, False]
    # A user's correction has a time and a user; this one has neither.
    assert {(segment.edited_at, segment.edited_by) for segment in segments} == {(None, None)}
    edits = SegmentEdit.objects.order_by("segment__start_ms")
    assert [(edit.text, edit.source, edit.edited_by) for edit in edits] == [
        (text, EditSource.VOCABULARY, None) for text in CORRECTED[:2]
    ]
    assert Summary.objects.count() == ActionItem.objects.count() == 1


def test_another_language_is_not_corrected(script: Script, ann: User) -> None:
    script(transcribe=[{"detected": "de"}, *finals(SPOKEN), DONE])
    assert texts(process(submitted(owner=ann, vocabulary=["Kubernetes"])).pk) == list(SPOKEN)


def test_a_correction_by_a_user_stays(ann: User) -> None:
    meeting = process(submitted(owner=ann, vocabulary=["Kubernetes"]))
    first = Segment.objects.earliest("start_ms")
    edit_segment(ann, str(meeting.pk), str(first.pk), {"text": ""})
    Transcript.objects.update(status=Status.PROCESSING)
    correct_by_vocabulary(Work(version_of(meeting), None))
    first.refresh_from_db()
    assert (first.text, first.by_vocabulary) == (SPOKEN[0], False)


def test_text_that_would_become_too_long_is_not_corrected(script: Script, ann: User) -> None:
    longest = "Kubernetis Engin " + "x " * 4_991 + "x"
    assert len(Vocabulary(["Kubernetes Engine"]).correct(longest)) > len(longest) == MAX_SEGMENT_TEXT_LENGTH
    script(transcribe=[{"detected": "en"}, *finals((longest, *SPOKEN[1:])), DONE])
    meeting = process(submitted(owner=ann, vocabulary=["Kubernetes Engine"]))
    assert (meeting.status, texts(meeting.pk)[0]) == (Status.COMPLETED, longest)

"""Carry-over: what people did to a version of a transcript is applied to the next one.

Names of speakers are carried by voice print, corrections of segments by time and words, and decisions about action
items by text and evidence. Everything may run twice: what is carried already is not changed again.
"""

from meetings.models import Meeting, Status, Transcript
from meetings.services.carry_over import decisions, voices, words
from meetings.services.first_person import assign_first_person_items


def carry_words(meeting: Meeting, transcript: Transcript) -> int:
    """Carry names and corrections over to this version, whose speakers are known. Return how many corrections do not
    fit it.

    Runs in the caller's transaction, which has locked the meeting's row: an edit ends before, or begins after it
    (`queries.get_part_for_update`).
    """
    previous = previous_of(transcript)
    if previous is None:
        return 0
    counterparts = voices.carry_names(meeting, previous.version, transcript.version)
    return words.carry_corrections(meeting, previous.version, transcript.version, counterparts)


def carry_over(meeting: Meeting, transcript: Transcript) -> str:
    """Carry over to this version, which is about to be complete, what `carry_words` does and the decisions about its
    action items. Return a sentence for people about what could not be carried; empty = there is nothing to report.
    """
    previous = previous_of(transcript)
    if previous is None:
        return ""
    lost = carry_words(meeting, transcript)
    assign_first_person_items(meeting.pk, transcript.version)
    decisions.carry_decisions(meeting, previous.version, transcript.version)
    if not lost or previous.recording != transcript.recording:
        # Corrections of another recording need not fit.
        return ""
    which = "One correction" if lost == 1 else f"{lost} corrections"
    do, they = ("does", "it") if lost == 1 else ("do", "they")
    return f"{which} of version {previous.version} {do} not fit this transcript; {they} can still be seen there."


def previous_of(transcript: Transcript) -> Transcript | None:
    """Return the version that people saw before this one: the newest complete one, else the newest."""
    earlier = Transcript.objects.filter(meeting=transcript.meeting_id, version__lt=transcript.version)
    newest_first = earlier.order_by("-version")
    return newest_first.filter(status=Status.COMPLETED).first() or newest_first.first()

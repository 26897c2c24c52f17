"""Queries for findings in a transcript: speakers, the summary, action items."""

from collections.abc import Collection

from core.actors import Actor
from meetings.models import ActionItem, Segment, Speaker, Summary
from meetings.queries import get_meeting
from meetings.queries.transcripts import version_of


def list_speakers(actor: Actor, meeting_id: str, version: int) -> list[Speaker]:
    """Return the speakers of a version (0 = the current one), in the order of their first utterances.

    Raises:
        Meeting.DoesNotExist, Transcript.DoesNotExist
    """
    meeting = get_meeting(actor, meeting_id)
    speakers = Speaker.objects.filter(meeting=meeting.pk, transcript_version=version_of(meeting, version))
    return list(speakers.defer("encrypted_print").order_by("place"))


def get_summary(actor: Actor, meeting_id: str, version: int) -> Summary:
    """Return the summary of a version (0 = the current one).

    Raises:
        Meeting.DoesNotExist, Transcript.DoesNotExist
        Summary.DoesNotExist: there is no summary yet.
    """
    meeting = get_meeting(actor, meeting_id)
    shown = version_of(meeting, version)
    summary: Summary | None = Summary.objects.filter(meeting=meeting.pk, transcript_version=shown).first()
    if summary is None:
        raise Summary.DoesNotExist(f"Meeting with ID '{meeting.pk}' has no summary yet")
    return summary


def list_action_items(actor: Actor, meeting_id: str, version: int, statuses: Collection[int] = ()) -> list[ActionItem]:
    """Return the action items of a version (0 = the current one), in the order of the recording.

    Args:
        statuses: any of these; empty = all.

    Raises:
        Meeting.DoesNotExist, Transcript.DoesNotExist
    """
    meeting = get_meeting(actor, meeting_id)
    items = ActionItem.objects.filter(meeting=meeting.pk, transcript_version=version_of(meeting, version))
    return list((items.filter(status__in=statuses) if statuses else items).order_by("place"))


def evidence(item: ActionItem) -> list[tuple[int, str, str]]:
    """Return the source segments of an action item in their order: start in the recording (ms), speaker's name (empty =
    unknown), and text.
    """
    segments = Segment.objects.filter(meeting=item.meeting_id, pk__in=item.segment_ids)
    rows = list(segments.order_by("start_ms", "id").values_list("start_ms", "speaker_id", "text"))
    speakers = Speaker.objects.filter(pk__in={speaker_id for _, speaker_id, _ in rows if speaker_id})
    names = {speaker.pk: str(speaker) for speaker in speakers.defer("encrypted_print")}
    return [(start_ms, names.get(speaker_id, ""), text) for start_ms, speaker_id, text in rows]

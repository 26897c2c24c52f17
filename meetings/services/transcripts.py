"""Corrections of transcripts: the text of segments, and the names of speakers."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from changes.services import acting
from core.actors import Actor
from core.db.saving import save_clean
from core.preconditions import ANY_VERSION, ExpectedVersion
from meetings import policies, queries
from meetings.models import Meeting, Segment, Speaker
from meetings.services import known_users, segment_parts
from meetings.services.first_person import assign_first_person_items
from meetings.services.voices import forget_wrong_voice
from projects.queries import role_of
from projects.services import require_not_archived
from users.models import User

#: The fields of a segment that a client may correct.
WRITABLE = ("text", "speaker_id")
#: The same, and those that divide it.
EDITABLE = (*WRITABLE, "split_at_ms", "second_part.text", "second_part.speaker_id")


def edit_segment(
    actor: Actor,
    meeting_id: str,
    segment_id: str,
    fields: Mapping[str, Any],
    *,
    expected_version: ExpectedVersion = ANY_VERSION,
) -> Segment:
    """Set `text` or `speaker_id` of a segment, divide it, or join it. The recognised text and all corrections are kept.
    Proposed action items in the first person follow the speaker.

    Args:
        fields: any of `EDITABLE`. An empty text restores the recognised text. `speaker_id` as the client wrote it;
            empty = unknown. A new `split_at_ms` divides the segment there; 0 joins it with its second part.

    Returns:
        The segment; if it was divided, its first part.

    Raises:
        Meeting.DoesNotExist, Segment.DoesNotExist, PermissionDenied, Stale, ValidationError
    """
    changes: dict[str, Any] = dict(fields)
    second = {name: changes.pop(f"second_part.{name}") for name in WRITABLE if f"second_part.{name}" in changes}
    with acting(actor):
        segment = queries.get_part_for_update(Segment, _meeting_to_correct(actor, meeting_id), segment_id)
        segment.require_version(expected_version)
        before = segment.version
        split_at_ms = changes.pop("split_at_ms", segment.split_at_ms)
        if split_at_ms in (0, segment.split_at_ms):
            segment_parts.refuse_second_part(segment, second)
            if split_at_ms != segment.split_at_ms:
                changes = segment_parts.join(segment) | changes
            segment = _corrected(segment, actor, changes)
        else:
            segment = segment_parts.split(segment, split_at_ms, actor, changes, second)
        if segment.version != before:
            assign_first_person_items(segment.meeting_id, segment.transcript_version)
        return segment


def _corrected(segment: Segment, actor: Actor, changes: dict[str, Any]) -> Segment:
    errors: dict[str, ValidationError] = {}
    if "text" in changes and not changes["text"].strip():
        changes["text"] = changes.get("recognized_text", segment.recognized_text)
    if "speaker_id" in changes:
        changes["speaker_id"] = segment_parts.speaker_id("speaker_id", changes["speaker_id"], errors)
    before, speaker_before = segment.version, segment.speaker_id
    also: dict[str, Any] = {"edited_by_id": actor.pk, "edited_at": timezone.now()}
    if changes.get("text", segment.text) != segment.text:
        also["by_vocabulary"] = False
    segment = save_clean(segment, also=also, extra_errors=errors, **changes)
    if segment.version != before:
        segment_parts.record(segment, actor, speaker_before, end_ms=changes.get("end_ms"))
    return segment


def name_speaker(
    actor: Actor,
    meeting_id: str,
    speaker_id: str,
    name: str,
    user_id: str,
    *,
    expected_version: ExpectedVersion = ANY_VERSION,
) -> Speaker:
    """Name a speaker. Proposed action items in the first person are assigned to the user. The voice
    print is deleted from the enrolled voice of any other user.

    Args:
        name: empty = the user's name, if a user is given.
        user_id: as the client wrote it, or `me`: a user with an open account, or the present one; empty = none.

    Raises:
        Meeting.DoesNotExist, Speaker.DoesNotExist, PermissionDenied, Stale, ValidationError
    """
    errors = {}
    with acting(actor):
        speaker = queries.get_part_for_update(Speaker, _meeting_to_correct(actor, meeting_id), speaker_id)
        speaker.require_version(expected_version)
        changes: dict[str, Any] = {"name": name, "user_id": None}
        if user_id:
            users, wrong = known_users(actor, [user_id], {speaker.user_id} - {None})
            if wrong:
                errors["user_id"] = wrong[0]
            else:
                changes["user_id"] = users[0]
                if not name.strip():
                    changes["name"] = User.objects.values_list("display_name", flat=True).get(pk=users[0])
        speaker = save_clean(speaker, extra_errors=errors, **changes)
        assign_first_person_items(speaker.meeting_id, speaker.transcript_version)
        forget_wrong_voice(speaker)
        return speaker


def _meeting_to_correct(actor: Actor, meeting_id: str) -> Meeting:
    """Return the meeting with its row locked, if the actor may change it: its corrections are made one after another,
    as each may change what follows from another one.
    """
    meeting = queries.get_meeting_for_update(actor, meeting_id)
    if not policies.may_change(actor, meeting, role_of(actor, meeting.project_id)):
        raise PermissionDenied(
            "Only the owner of a meeting, editors of its project and administrators may correct its transcript."
        )
    require_not_archived(meeting.project_id)
    return meeting

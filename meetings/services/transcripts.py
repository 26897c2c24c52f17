"""Correcting what was recognised: the words, and whose voice it is."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from changes.services import acting
from core.db import ids
from core.preconditions import ANY_VERSION, ExpectedVersion
from meetings import policies, queries
from meetings.models import Meeting, Segment, SegmentEdit, Speaker
from meetings.services import known_users, saved
from users.models import User

#: What is corrected of a segment.
WRITABLE = ("text", "speaker_id")


def edit_segment(
    actor: Any,
    meeting_id: str,
    segment_id: str,
    fields: Mapping[str, Any],
    *,
    expected_version: ExpectedVersion = ANY_VERSION,
) -> Segment:
    """Sets `text` or `speaker_id` of a segment; what was recognised stays beside it, and each correction is kept.

    Args:
        fields: an emptied text is again what was recognised. `speaker_id` as the client wrote it; empty = not known.

    Raises:
        Meeting.DoesNotExist, Segment.DoesNotExist, PermissionDenied, Stale, ValidationError
    """
    changes, errors = dict(fields), {}
    with acting(actor):
        segment = queries.get_part_for_update(Segment, _meeting_to_correct(actor, meeting_id), segment_id)
        expected_version.check(segment.version)
        if "text" in changes and not changes["text"].strip():
            changes["text"] = segment.recognized_text
        if sent := changes.get("speaker_id"):
            changes["speaker_id"] = ids.parsed(sent)
            if changes["speaker_id"] is None:
                errors["speaker_id"] = ValidationError(Segment.NO_SUCH_SPEAKER, code="unknown")
        elif "speaker_id" in changes:
            changes["speaker_id"] = None
        before = segment.version
        also = {"edited_by_id": actor.pk, "edited_at": timezone.now()}
        segment = saved(segment, changes, errors, also=also)
        if segment.version != before:
            SegmentEdit.objects.create(
                segment=segment, text=segment.text, speaker_id=segment.speaker_id, edited_by_id=actor.pk
            )
        return segment


def name_speaker(
    actor: Any,
    meeting_id: str,
    speaker_id: str,
    name: str,
    user_id: str,
    *,
    expected_version: ExpectedVersion = ANY_VERSION,
) -> Speaker:
    """Says whose voice it is.

    Args:
        name: empty = the user's, if there is one.
        user_id: as the client wrote it, or `me`: a user whose account is open, or who is it already; empty = none.

    Raises:
        Meeting.DoesNotExist, Speaker.DoesNotExist, PermissionDenied, Stale, ValidationError
    """
    errors = {}
    with acting(actor):
        speaker = queries.get_part_for_update(Speaker, _meeting_to_correct(actor, meeting_id), speaker_id)
        expected_version.check(speaker.version)
        changes: dict[str, Any] = {"name": name, "user_id": None}
        if user_id:
            users, wrong = known_users(actor, [user_id], {speaker.user_id} - {None})
            if wrong:
                errors["user_id"] = wrong[0]
            else:
                changes["user_id"] = users[0]
                if not name.strip():
                    changes["name"] = User.objects.values_list("display_name", flat=True).get(pk=users[0])
        return saved(speaker, changes, errors)


def _meeting_to_correct(actor: Any, meeting_id: str) -> Meeting:
    """The meeting, for who may change it; it is its parts that are locked."""
    meeting = queries.get_meeting(actor, meeting_id)
    if not policies.may_change(actor, meeting):
        raise PermissionDenied("Only its owner and administrators may correct a meeting's transcript.")
    return meeting

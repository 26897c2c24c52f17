"""Action items in the first person. They belong to the user whose voice utters them."""

from uuid import UUID

from core.db.saving import save_clean
from meetings.models import ActionItem, ActionItemStatus, Segment, Speaker

#: The owners, as uttered, by which a speaker means themself.
_FIRST_PERSON = {"i", "me", "myself", "let me"}


def assign_first_person_items(meeting_id: UUID, version: int) -> None:
    """Assign each proposed item whose owner is "I" to the user whose voice utters it.

    An item has no assignee if its voice belongs to no user, or if several voices utter it. Decided items keep theirs.

    Runs in the caller's transaction, which has locked the meeting, so that speakers and segments do not change.
    """
    proposed = ActionItem.objects.filter(
        meeting=meeting_id, transcript_version=version, status=ActionItemStatus.PROPOSED
    ).select_for_update(no_key=True)
    items = [item for item in proposed if item.owner_name.casefold() in _FIRST_PERSON]
    if not items:
        return
    evidence = {segment_id for item in items for segment_id in item.segment_ids}
    voices = dict(Segment.objects.filter(meeting=meeting_id, pk__in=evidence).values_list("pk", "speaker_id"))
    users = dict(Speaker.objects.filter(pk__in=set(voices.values()) - {None}).values_list("pk", "user_id"))
    for item in items:
        said_by = {voices.get(segment_id) for segment_id in item.segment_ids}
        save_clean(item, assigned_to_id=users.get(said_by.pop()) if len(said_by) == 1 else None)

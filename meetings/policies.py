"""Who may do what to a meeting. Who may see one is `MeetingQuerySet.visible_to`."""

from collections.abc import Mapping
from typing import Any

from changes.feed.subjects import Visibility
from meetings.models import Meeting

#: Who sees every meeting.
ADMINISTRATORS = "administrators"


def audience(image: Mapping[str, Any]) -> dict[str, Visibility]:
    """Which groups see the meeting whose row has this image: `MeetingQuerySet.visible_to`."""
    return dict.fromkeys((ADMINISTRATORS, image["owner_id"], *image["participants"]), Visibility.WHOLE)


def groups(actor: Any) -> frozenset[str]:
    """The groups that an actor belongs to: see `audience`."""
    if not actor.is_authenticated:
        return frozenset()
    return frozenset({ADMINISTRATORS} if actor.is_administrator else {str(actor.pk)})


def who_see(meeting_id: str) -> str:
    """The group of whoever sees this meeting, by whatever right. Nobody is of it but by looking at the meeting."""
    return f"meeting:{meeting_id}"


def audience_of_part(image: Mapping[str, Any]) -> dict[str, Visibility]:
    """Which groups see what belongs to a meeting and has this image."""
    return {who_see(image["meeting_id"]): Visibility.WHOLE}


def may_change(actor: Any, meeting: Meeting) -> bool:
    """Its owner and administrators: what it says, its recording, deleting it."""
    return bool(actor.is_authenticated and (actor.is_administrator or actor.pk == meeting.owner_id))


def may_give_away(actor: Any) -> bool:
    """Administrators: making a meeting that is another's."""
    return bool(actor.is_authenticated and actor.is_administrator)

"""Permissions on meetings. Which meetings an actor sees is decided by `MeetingQuerySet.visible_to`."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from changes.feed.subjects import Visibility
from core.actors import Actor
from meetings.models import Meeting, Speaker, Status

#: The group of administrators, who see every meeting.
ADMINISTRATORS = "administrators"


def audience(image: Mapping[str, Any]) -> dict[str, Visibility]:
    """Return which groups see the meeting with this row image; consistent with `MeetingQuerySet.visible_to`."""
    return dict.fromkeys((ADMINISTRATORS, image["owner_id"], *image["participants"]), Visibility.WHOLE)


def groups(actor: Actor) -> frozenset[str]:
    """Return the groups that the actor belongs to; see `audience`."""
    if not actor.is_authenticated:
        return frozenset()
    return frozenset({ADMINISTRATORS} if actor.is_administrator else {str(actor.pk)})


def who_see(meeting_id: str) -> str:
    """Return the group of all actors that may see this meeting. Only a subscription to the meeting grants it."""
    return f"meeting:{meeting_id}"


def audience_of_part(image: Mapping[str, Any]) -> dict[str, Visibility]:
    """Return which groups see the part of a meeting with this row image."""
    return {who_see(image["meeting_id"]): Visibility.WHOLE}


def may_change(actor: Actor, meeting: Meeting) -> bool:
    """Return whether the actor may edit, delete or record the meeting: its owner and administrators."""
    return bool(actor.is_authenticated and (actor.is_administrator or actor.pk == meeting.owner_id))


def may_replace_recording(actor: Actor, meeting: Meeting) -> bool:
    """Return whether the actor, who may change the meeting, may replace its recording: of a completed one its owner."""
    return bool(meeting.status != Status.COMPLETED or actor.pk == meeting.owner_id)


def may_enroll(actor: Actor, meeting: Meeting, speaker: Speaker) -> bool:
    """Return whether the actor may keep the voice print of a speaker of a visible meeting: the user assigned to the
    speaker, and the actors that may change the meeting. The consent of that user is checked separately.
    """
    return bool(actor.is_authenticated and (actor.pk == speaker.user_id or may_change(actor, meeting)))


def may_forget(actor: Actor, user_id: UUID | None) -> bool:
    """Return whether the actor may delete the voice prints of a user: the user and administrators."""
    return bool(actor.is_authenticated and (actor.is_administrator or actor.pk == user_id))


def audience_of_voice(image: Mapping[str, Any]) -> dict[str, Visibility]:
    """Return which groups see the enrolled voice with this row image; consistent with its `visible_to`."""
    return {ADMINISTRATORS: Visibility.WHOLE, str(image["user_id"]): Visibility.WHOLE}


def may_give_away(actor: Actor) -> bool:
    """Return whether the actor may create a meeting owned by another user: administrators."""
    return bool(actor.is_authenticated and actor.is_administrator)

"""Permissions on meetings. Which meetings an actor sees is decided by `MeetingQuerySet.visible_to`.

What an actor may do with a meeting follows from the meeting, and from their role in its project (None = not a member).
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from changes.feed.subjects import Visibility
from core.actors import Actor
from meetings.models import Meeting, Speaker, Status
from projects.models import Role
from projects.policies import audience_of_contents, may_edit, may_manage

#: The group of administrators, who see every meeting.
ADMINISTRATORS = "administrators"


def audience(image: Mapping[str, Any]) -> dict[str, Visibility]:
    """Return which groups see the meeting with this row image; consistent with `MeetingQuerySet.visible_to`."""
    # Images of before there were projects have no such column.
    of_project = audience_of_contents(image.get("project_id"))
    return dict.fromkeys((ADMINISTRATORS, image["owner_id"], *image["participants"], *of_project), Visibility.WHOLE)


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


def may_change(actor: Actor, meeting: Meeting, role: Role | None) -> bool:
    """Return whether the actor may edit or record the meeting: its owner, editors of its project, administrators."""
    return _owns(actor, meeting) or may_edit(actor, role)


def may_delete(actor: Actor, meeting: Meeting, role: Role | None) -> bool:
    """Return whether the actor may delete the meeting or give it to another owner: its owner, managers of its project,
    administrators.
    """
    return _owns(actor, meeting) or may_manage(actor, role)


def may_decide(actor: Actor, meeting: Meeting, role: Role | None) -> bool:
    """Return whether the actor may accept and reject action items: who may change the meeting, and its participants."""
    return may_change(actor, meeting, role) or bool(actor.is_authenticated and actor.pk in meeting.participants)


def _owns(actor: Actor, meeting: Meeting) -> bool:
    return bool(actor.is_authenticated and actor.pk == meeting.owner_id)


def may_replace_recording(actor: Actor, meeting: Meeting) -> bool:
    """Return whether the actor, who may change the meeting, may replace its recording: of a completed one its owner."""
    return bool(meeting.status != Status.COMPLETED or actor.pk == meeting.owner_id)


def may_enroll(actor: Actor, meeting: Meeting, speaker: Speaker) -> bool:
    """Return whether the actor may keep the voice print of a speaker of a visible meeting: the user assigned to the
    speaker, the meeting's owner, and administrators. The consent of that user is checked separately.
    """
    return _owns(actor, meeting) or bool(
        actor.is_authenticated and (actor.pk == speaker.user_id or actor.is_administrator)
    )


def may_forget(actor: Actor, user_id: UUID | None) -> bool:
    """Return whether the actor may delete the voice prints of a user: the user and administrators."""
    return bool(actor.is_authenticated and (actor.is_administrator or actor.pk == user_id))


def audience_of_voice(image: Mapping[str, Any]) -> dict[str, Visibility]:
    """Return which groups see the enrolled voice with this row image; consistent with its `visible_to`."""
    return {ADMINISTRATORS: Visibility.WHOLE, str(image["user_id"]): Visibility.WHOLE}


def may_give_away(actor: Actor) -> bool:
    """Return whether the actor may create a meeting owned by another user: administrators."""
    return bool(actor.is_authenticated and actor.is_administrator)

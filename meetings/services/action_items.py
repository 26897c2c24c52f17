"""Decisions about action items: acceptance, which creates a task, and rejection."""

import datetime
import textwrap
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.utils import timezone

from changes.services import acting
from core.actors import Actor
from core.db.saving import save_clean
from core.errors import Conflict
from core.preconditions import ANY_VERSION, ExpectedVersion
from meetings import policies, queries
from meetings.models import ActionItem, ActionItemStatus, Meeting
from meetings.queries.findings import evidence
from meetings.timecode import minutes_and_seconds
from projects.queries import role_of
from projects.services import require_not_archived
from tasks.models import Task
from tasks.services import create_task
from users.models import OPEN_ACCOUNT_STATUSES, User

MAX_TITLE_LENGTH = Task._meta.get_field("title").max_length or 0
MAX_DESCRIPTION_LENGTH = Task._meta.get_field("description").max_length or 0
_END_OF_DAY = datetime.time(23, 59, 59)
#: PostgreSQL takes later times, which no client can read.
_LAST_TIME = datetime.datetime.combine(datetime.date.max, _END_OF_DAY, datetime.UTC)


def accept_action_item(
    actor: Actor,
    meeting_id: str,
    item_id: str,
    *,
    title: str = "",
    assigned_to: str = "",
    due_date: datetime.datetime | None = None,
    expected_version: ExpectedVersion = ANY_VERSION,
) -> ActionItem:
    """Create the task of an action item, in the project of the meeting. An accepted item is returned unchanged, unless
    its task was deleted.

    Args:
        title: of the task; empty = the item's text.
        assigned_to: a user's id as the client wrote it, or `me`; empty = the user that the item names, or the actor if
            it names no user with an open account.
        due_date: of the task; None = the end of the item's due day, in the time zone of the meeting's owner.

    Raises:
        Meeting.DoesNotExist, ActionItem.DoesNotExist, PermissionDenied, Stale
        Conflict: the meeting's project is archived.
        ValidationError: a value is invalid for a task; the fields are named as the arguments.
    """
    with acting(actor):
        meeting = queries.get_meeting(actor, meeting_id)
        item = queries.get_part_for_update(ActionItem, meeting, item_id)
        _check_may_decide(actor, meeting)
        if _has_task(item):
            # A repeated request need not know the version that the first one made (RFC 9110, 13.1.1).
            return item
        require_not_archived(meeting.project_id)
        item.require_version(expected_version)
        if due_date is None and item.due_on:
            due_date = end_of_day(item.due_on, meeting)
        task = create_task(
            actor,
            {
                "title": title.strip() or _title(item.text),
                "description": _description(meeting, item),
                "assigned_to": assigned_to or _assignee(item),
                "due_date": due_date,
                "source": f"meetings/{meeting.pk}",
                "metadata": {"action_item_id": str(item.pk)},
            },
            inherited=meeting.project_id,
        )
        return _decide(actor, item, ActionItemStatus.ACCEPTED, task_id=task.pk)


def end_of_day(day: datetime.date, meeting: Meeting) -> datetime.datetime:
    """Return the end of this day in the time zone of the meeting's owner."""
    return min(datetime.datetime.combine(day, _END_OF_DAY, queries.zone_of(meeting)), _LAST_TIME)


def reject_action_item(
    actor: Actor, meeting_id: str, item_id: str, *, expected_version: ExpectedVersion = ANY_VERSION
) -> ActionItem:
    """Reject an action item. It can still be accepted.

    Raises:
        Meeting.DoesNotExist, ActionItem.DoesNotExist, PermissionDenied, Stale
        Conflict: the item is accepted, and its task exists; or the meeting's project is archived.
    """
    with acting(actor):
        meeting = queries.get_meeting(actor, meeting_id)
        item = queries.get_part_for_update(ActionItem, meeting, item_id)
        _check_may_decide(actor, meeting)
        if item.status == ActionItemStatus.REJECTED:
            return item
        require_not_archived(meeting.project_id)
        item.require_version(expected_version)
        if _has_task(item):
            raise Conflict("This action item is accepted; delete its task first.")
        return _decide(actor, item, ActionItemStatus.REJECTED, task_id=None)


def _check_may_decide(actor: Actor, meeting: Meeting) -> None:
    if not policies.may_decide(actor, meeting, role_of(actor, meeting.project_id)):
        raise PermissionDenied(
            "Only the owner of a meeting, its participants and editors of its project decide about its action items."
        )


def _has_task(item: ActionItem) -> bool:
    """Return whether the item's task exists. A deleted task is not restored."""
    return item.task_id is not None and Task.objects.filter(pk=item.task_id).exists()


def _decide(actor: Actor, item: ActionItem, status: ActionItemStatus, task_id: UUID | None) -> ActionItem:
    # When an item is accepted again, only its task changes.
    also = {"decided_by_id": actor.pk, "decided_at": timezone.now()}
    return save_clean(item, status=status, task_id=task_id, also=also)


def _assignee(item: ActionItem) -> str:
    """Return the user that the item names, if their account is open; else `me`, the accepting user."""
    named = item.assigned_to_id
    return str(named) if named and User.objects.filter(pk=named, status__in=OPEN_ACCOUNT_STATUSES).exists() else "me"


def _title(text: str) -> str:
    """Return the text on one line, cut at a word if it is too long for a title."""
    line = " ".join(text.split())
    if len(line) <= MAX_TITLE_LENGTH:
        return line
    end = " …"
    cut = textwrap.shorten(line, MAX_TITLE_LENGTH, placeholder=end)
    # `shorten` leaves nothing of a text whose first word is longer.
    return cut if cut != end.strip() else line[: MAX_TITLE_LENGTH - 1] + end.strip()


def _description(meeting: Meeting, item: ActionItem) -> str:
    """Return the whole text, and its source segments with times and speakers."""
    quotations = [
        f"{minutes_and_seconds(start_ms)} {f'{who}: ' if who else ''}{words}" for start_ms, who, words in evidence(item)
    ]
    where = [f"Said in the meeting “{meeting.title}”:", *quotations] if quotations else []
    whole = "\n\n".join(filter(None, (item.text, "\n".join(where))))
    return whole if len(whole) <= MAX_DESCRIPTION_LENGTH else whole[: MAX_DESCRIPTION_LENGTH - 1] + "…"

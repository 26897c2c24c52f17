"""Deciding about action items: a task is made of one, or nothing is to be done about it."""

import datetime
import textwrap
from typing import Any
from uuid import UUID

from django.utils import timezone

from changes.services import acting
from core.errors import Conflict
from core.models import save_clean
from core.preconditions import ANY_VERSION, ExpectedVersion
from meetings import queries
from meetings.models import ActionItem, ActionItemStatus, Meeting
from meetings.queries.findings import evidence
from tasks.models import Task
from tasks.services import create_task
from users.models import OPEN, User

MAX_TITLE_LENGTH = Task._meta.get_field("title").max_length or 0
MAX_DESCRIPTION_LENGTH = Task._meta.get_field("description").max_length or 0
_END_OF_DAY = datetime.time(23, 59, 59, tzinfo=datetime.UTC)


def accept_action_item(
    actor: Any,
    meeting_id: str,
    item_id: str,
    *,
    title: str = "",
    assigned_to: str = "",
    due_date: datetime.datetime | None = None,
    expected_version: ExpectedVersion = ANY_VERSION,
) -> ActionItem:
    """Makes the task of an action item, once: one that is accepted stays as it is, unless its task was deleted.

    Args:
        title: of the task; empty = the words of the meeting.
        assigned_to: as the client wrote it, or `me`; empty = whom the item names, or the actor if it names nobody whose
            account is open.
        due_date: of the task; None = the end of the day that the item names.

    Raises:
        Meeting.DoesNotExist, ActionItem.DoesNotExist, Stale
        ValidationError: the task cannot be so; the fields are named as here.
    """
    with acting(actor):
        meeting = queries.get_meeting(actor, meeting_id)
        item = queries.get_part_for_update(ActionItem, meeting, item_id)
        if _has_task(item):
            # Whoever sends it again need not know the version that the first time made (RFC 9110, 13.1.1).
            return item
        expected_version.check(item.version)
        if due_date is None and item.due_on:
            due_date = datetime.datetime.combine(item.due_on, _END_OF_DAY)
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
        )
        return _decide(actor, item, ActionItemStatus.ACCEPTED, task_id=task.pk)


def reject_action_item(
    actor: Any, meeting_id: str, item_id: str, *, expected_version: ExpectedVersion = ANY_VERSION
) -> ActionItem:
    """Says that nothing is to be done about an action item; it can still be accepted.

    Raises:
        Meeting.DoesNotExist, ActionItem.DoesNotExist, Stale
        Conflict: it is accepted, and its task is still there.
    """
    with acting(actor):
        item = queries.get_part_for_update(ActionItem, queries.get_meeting(actor, meeting_id), item_id)
        if item.status == ActionItemStatus.REJECTED:
            return item
        expected_version.check(item.version)
        if _has_task(item):
            raise Conflict("This action item is accepted; delete its task first.")
        return _decide(actor, item, ActionItemStatus.REJECTED, task_id=None)


def _has_task(item: ActionItem) -> bool:
    """Whether the task that was made of it is still there; one that was deleted does not come back."""
    return item.task_id is not None and Task.objects.filter(pk=item.task_id).exists()


def _decide(actor: Any, item: ActionItem, status: ActionItemStatus, task_id: UUID | None) -> ActionItem:
    # Of an item that is accepted anew only the task is another.
    also = {"decided_by_id": actor.pk, "decided_at": timezone.now()}
    return save_clean(item, status=status, task_id=task_id, also=also)


def _assignee(item: ActionItem) -> str:
    """Whom the item names, if their account is open; else whoever accepts."""
    named = item.assigned_to_id
    return str(named) if named and User.objects.filter(pk=named, status__in=OPEN).exists() else "me"


def _title(text: str) -> str:
    """The text on one line, cut at a word if it is too long for a title."""
    line = " ".join(text.split())
    if len(line) <= MAX_TITLE_LENGTH:
        return line
    end = " …"
    cut = textwrap.shorten(line, MAX_TITLE_LENGTH, placeholder=end)
    # Nothing is left of a text whose first word is longer.
    return cut if cut != end.strip() else line[: MAX_TITLE_LENGTH - 1] + end.strip()


def _description(meeting: Meeting, item: ActionItem) -> str:
    """The whole text, and where in the meeting it was said."""
    said = [f"{_time(start_ms)} {f'{who}: ' if who else ''}{words}" for start_ms, who, words in evidence(item)]
    where = [f"Said in the meeting “{meeting.title}”:", *said] if said else []
    whole = "\n\n".join(filter(None, (item.text, "\n".join(where))))
    return whole if len(whole) <= MAX_DESCRIPTION_LENGTH else whole[: MAX_DESCRIPTION_LENGTH - 1] + "…"


def _time(at_ms: int) -> str:
    """Minutes, however many, and seconds."""
    minutes, seconds = divmod(at_ms // 1000, 60)
    return f"{minutes:02}:{seconds:02}"

"""Open tasks by priority and by assignee, and how long people talked in the newest meetings, kept for a short time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.urls import reverse

from config.home.figures import MAX_COUNTED, counted_up_to, kept
from tasks.models import OPEN_STATUSES, Priority

WORKLOAD_SECONDS = 30
#: The newest open tasks of each status, whose assignees are counted, and the newest meetings.
MAX_TASKS, MAX_MEETINGS = 10_000, 200
#: How many people a table shows.
MAX_PEOPLE = 8

_COUNT = """
    (SELECT count(*) FROM (
        SELECT FROM tasks_task WHERE status = {status} AND priority = {priority} LIMIT %(limit)s
    ) AS of_priority)
"""
_OF_STATUS = """
    (SELECT assigned_to_id FROM tasks_task WHERE status = {status} ORDER BY created_at DESC LIMIT %(tasks)s)
"""
_ASSIGNEES = """
    SELECT assigned_to_id, display_name, count(*) AS number, sum(count(*)) OVER () FROM ({newest}) AS open
    LEFT JOIN users_user ON users_user.id = assigned_to_id GROUP BY 1, 2 ORDER BY number DESC, 1 LIMIT %(people)s
"""
# The speakers of the transcript that each meeting shows.
_SPEAKERS = """
    SELECT user_id, display_name, sum(speech_ms)::bigint AS number, (sum(sum(speech_ms)) OVER ())::bigint FROM (
        SELECT id, transcript_version FROM meetings_meeting WHERE created_at > now() - interval '30 days'
        ORDER BY created_at DESC LIMIT %(meetings)s
    ) AS newest
    JOIN meetings_speaker AS speaker
        ON speaker.meeting_id = newest.id AND speaker.transcript_version = newest.transcript_version
    LEFT JOIN users_user ON users_user.id = user_id
    GROUP BY 1, 2 ORDER BY number DESC, 1 LIMIT %(people)s
"""


@dataclass(frozen=True, slots=True)
class Count:
    """A number as text, and a link to the rows that it counts."""

    number: str
    link: str


@dataclass(frozen=True, slots=True)
class Share:
    """A person's part of a whole.

    Attributes:
        name: empty = the rows name no user.
        link: to the rows, or to the person; empty = there is none.
        percent: of the whole, also of the people who are not shown.
    """

    name: str
    link: str
    number: str
    percent: int


@dataclass(frozen=True, slots=True)
class Workload:
    """Open tasks and talk time.

    Attributes:
        priorities: name of the priority, the highest first → the count of each open status.
        assignees: with the number of open tasks.
        is_partial: older open tasks are not among those of the assignees.
        speakers: with the minutes that they talked.
    """

    priorities: Sequence[tuple[str, Sequence[Count]]]
    assignees: Sequence[Share]
    is_partial: bool
    speakers: Sequence[Share]

    @property
    def statuses(self) -> list[str]:
        return [str(status.label) for status in OPEN_STATUSES]


def workload() -> Workload:
    """Return the open tasks and the talk time of the last 30 days."""
    return kept.get("workload", WORKLOAD_SECONDS, _workload)


def _workload() -> Workload:
    highest_first = sorted(Priority, reverse=True)
    cells = [(status.value, priority.value) for priority in highest_first for status in OPEN_STATUSES]
    counts = ", ".join(_COUNT.format(status=status, priority=priority) for status, priority in cells)
    newest = " UNION ALL ".join(_OF_STATUS.format(status=status.value) for status in OPEN_STATUSES)
    values = {"limit": MAX_COUNTED, "tasks": MAX_TASKS, "meetings": MAX_MEETINGS, "people": MAX_PEOPLE}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}", values)
        numbers = iter(cursor.fetchone())
        cursor.execute(_ASSIGNEES.format(newest=newest), values)
        assignees = cursor.fetchall()
        cursor.execute(_SPEAKERS, values)
        speakers = cursor.fetchall()
    tasks, users = reverse("admin:tasks_task_changelist"), reverse("admin:users_user_changelist")
    by_priority = [
        (
            str(priority.label),
            [
                Count(
                    counted_up_to(next(numbers), MAX_COUNTED),
                    f"{tasks}?priority__exact={priority.value}&status__exact={status.value}",
                )
                for status in OPEN_STATUSES
            ],
        )
        for priority in highest_first
    ]
    looked_at = int(assignees[0][3]) if assignees else 0
    return Workload(
        by_priority,
        [_share(row, f"{row[2]:,}", f"{tasks}?assigned_to__id__exact={row[0]}") for row in assignees],
        looked_at >= MAX_TASKS,
        [_share(row, f"{row[2] / 60_000:,.1f}", f"{users}{row[0]}/change/") for row in speakers if row[2]],
    )


def _share(row: tuple[Any, ...], text: str, link: str) -> Share:
    user_id, name, number, total = row
    return Share(name or "", link if user_id else "", text, round(100 * number / total))

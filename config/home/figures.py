"""Figures of tasks and meetings, kept for a short time. Each count ends at a limit, so that it stays cheap."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Lock
from typing import Any, TypeVar

from django.db import connection
from django.urls import reverse
from django.utils import timezone

from meetings.models import Status as MeetingStatus
from tasks.models import OPEN_STATUSES, Status

MAX_COUNTED = 10_000
#: Of the tasks that fell due last, how many are looked at.
_MAX_DUE = 2_000
DAYS = 14
#: The newest tasks, opened and closed, that the plot counts.
MAX_PLOTTED = 50_000
FIGURES_SECONDS, PLOT_SECONDS = 10, 60

_COUNT = "(SELECT count(*) FROM (SELECT FROM {table} WHERE status = {status} LIMIT %(limit)s) AS of_status)"
_OVERDUE = """
    (SELECT count(*) FILTER (WHERE status = ANY (%(open)s)) FROM (
        SELECT status FROM tasks_task WHERE due_date < now() ORDER BY due_date DESC LIMIT %(due)s
    ) AS due)
"""
_RECORDED = """
    (SELECT coalesce(sum(duration_ms), 0)::bigint FROM (
        SELECT duration_ms FROM meetings_meeting WHERE created_at > now() - interval '30 days'
        ORDER BY created_at DESC LIMIT %(limit)s
    ) AS recorded)
"""
_BY_DAY = """
    (SELECT {number}, date_trunc('day', moment AT TIME ZONE %(zone)s)::date, count(*) FROM (
        SELECT {column} AS moment FROM tasks_task WHERE {column} >= %(since)s ORDER BY {column} DESC LIMIT %(limit)s
    ) AS newest GROUP BY 1, 2)
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name, and a link to the rows that it counts."""

    name: str
    number: str
    link: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Tasks opened and closed by day, the earliest first.

    Attributes:
        is_partial: there are more than `MAX_PLOTTED`, so the earliest days show fewer than there were.
    """

    days: Sequence[date]
    opened: Sequence[int]
    closed: Sequence[int]
    is_partial: bool


@dataclass(frozen=True, slots=True)
class Figures:
    tasks: Sequence[Figure]
    meetings: Sequence[Figure]


Made = TypeVar("Made")


class Kept:
    """Results that are made again after some seconds."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[str, tuple[float, Any]] = {}

    def get(self, key: str, seconds: float, make: Callable[[], Made]) -> Made:
        """Return the kept result, or make it; concurrent callers wait for the first."""
        with self._lock:
            made_at, result = self._kept.get(key, (0.0, None))
            if result is None or time.monotonic() - made_at > seconds:
                result = make()
                self._kept[key] = time.monotonic(), result
            found: Made = result
            return found

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()


kept = Kept()


def figures() -> Figures:
    """Return how many tasks and meetings of each status there are."""
    return kept.get("figures", FIGURES_SECONDS, _figures)


def plot() -> Plot:
    """Return the tasks that were opened and closed on each of the last days, in the current time zone."""
    zone, today = timezone.get_current_timezone_name(), timezone.localdate()
    return kept.get(f"plot {zone}", PLOT_SECONDS, lambda: _plot(zone, today))


def _figures() -> Figures:
    counts = [_COUNT.format(table="tasks_task", status=status.value) for status in Status]
    counts += [_COUNT.format(table="meetings_meeting", status=status.value) for status in MeetingStatus]
    values: dict[str, Any] = {"limit": MAX_COUNTED, "due": _MAX_DUE, "open": list(OPEN_STATUSES)}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join([*counts, _OVERDUE, _RECORDED])}", values)
        *numbers, overdue, recorded_ms = cursor.fetchone()
    tasks, meetings = (reverse(f"admin:{name}_changelist") for name in ("tasks_task", "meetings_meeting"))
    of_tasks = [
        Figure(status.label, counted_up_to(number, MAX_COUNTED), f"{tasks}?status__exact={status.value}")
        for status, number in zip(Status, numbers, strict=False)
    ]
    of_meetings = [
        Figure(status.label, counted_up_to(number, MAX_COUNTED), f"{meetings}?status__exact={status.value}")
        for status, number in zip(MeetingStatus, numbers[len(Status) :], strict=True)
    ]
    hours = Figure("Hours recorded in 30 days", f"{recorded_ms / 3_600_000:,.1f}", meetings)
    return Figures(
        [*of_tasks, Figure("Overdue", counted_up_to(overdue, _MAX_DUE), f"{tasks}?overdue=yes")], [*of_meetings, hours]
    )


def counted_up_to(number: int, limit: int) -> str:
    """Return a count as text, with a plus if it has reached its limit."""
    return f"{number:,}{'+' if number >= limit else ''}"


def _plot(zone: str, today: date) -> Plot:
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    since = timezone.make_aware(datetime.combine(days[0], datetime.min.time()))
    halves = (
        _BY_DAY.format(number=number, column=column) for number, column in enumerate(("created_at", "completed_at"))
    )
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(halves), {"zone": zone, "since": since, "limit": MAX_PLOTTED})
        rows = cursor.fetchall()
    opened, closed = ({day: count for which, day, count in rows if which == number} for number in range(2))
    is_partial = any(sum(counts.values()) == MAX_PLOTTED for counts in (opened, closed))
    return Plot(days, _on(days, opened), _on(days, closed), is_partial)


def _on(days: Sequence[date], counts: Mapping[date, int]) -> list[int]:
    return [counts.get(day, 0) for day in days]

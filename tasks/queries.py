"""Queries for tasks, limited to those that the actor may see."""

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Func, Q, QuerySet
from django.utils import timezone

from core.actors import Actor
from core.db import ids, search
from core.db.compiled_queries import Prepared, Value
from core.db.grouped import InGroups, is_one_of
from core.db.pagination import COUNT_LIMIT, NOT_COUNTED, ListQuery, Order, Page, PageRequest, Part, counted, page
from core.errors import invalid
from projects.models import ProjectMember, ids_of_member
from projects.queries import role_of
from tasks.fields import labels_to_find
from tasks.models import OPEN_STATUSES, Priority, Status, Task
from users.queries import resolve_id

#: The fields by which a list of tasks may be ordered.
ORDERS = ("created_at", "due_date", "priority", "rank", "updated_at")
NEWEST_FIRST = Order("created_at", descending=True)
DEFAULT_PAGE_SIZE = 10
#: The largest number of assignees in the statistics.
MAX_ASSIGNEES = 10_000
#: Up to so many tasks cost less to read than the index of a common label or word.
FEW_TASKS = COUNT_LIMIT
#: The largest number of a member's projects whose ids are in a statement, 37 bytes each.
MAX_NAMED_PROJECTS = 2_000

# The column is only used by the search, and is as long as the texts themselves.
_DEFERRED = ("search_words",)
_by_id = Prepared(lambda task_id: Task.objects.defer(*_DEFERRED).filter(pk=task_id))
_of_member_by_id = Prepared(
    lambda task_id, member_id: Task.objects.defer(*_DEFERRED).filter(pk=task_id).visible_to_member(member_id)
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Filter of a list of tasks; an empty attribute does not restrict it.

    Attributes:
        labels: any of these.
        assigned_to: a user's id as the client wrote it, or `me`.
        created_by: the same.
        project_id: a project's id as the client wrote it.
        query: prefixes of words in title and description.
    """

    statuses: Collection[int] = ()
    priorities: Collection[int] = ()
    labels: Collection[str] = ()
    assigned_to: str = ""
    created_by: str = ""
    project_id: str = ""
    query: str = ""
    due_from: datetime.datetime | None = None
    due_until: datetime.datetime | None = None

    def bound_to(self) -> Mapping[str, Any]:
        several = {name: sorted(getattr(self, name)) for name in ("statuses", "priorities", "labels")}
        of_project = {"project": self.project_id} if self.project_id else {}
        return {**several, "people": [self.assigned_to, self.created_by], **of_project, "query": self.query,
                "due": [self.due_from, self.due_until]}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TaskStats:
    """Number of tasks by status, by priority, by assignee (None = unassigned), and of open overdue tasks."""

    total: int
    by_status: Mapping[int, int]
    by_priority: Mapping[int, int]
    by_assignee: Mapping[UUID | None, int]
    overdue: int


def get_task(actor: Actor, task_id: str) -> Task:
    """Return the task with this id, as the client wrote it.

    Raises:
        Task.DoesNotExist: also for a malformed id, and for a task the actor may not see.
    """
    wanted = ids.parsed(task_id)
    task = None
    if wanted is not None and actor.is_authenticated:
        task = (
            _by_id.first(task_id=wanted)
            if actor.is_administrator
            else _of_member_by_id.first(task_id=wanted, member_id=actor.pk)
        )
    if task is None:
        raise not_found(task_id)
    return task


def get_task_for_update(actor: Actor, task_id: str) -> Task:
    """Return the task as `get_task` does, with its row locked until the transaction ends."""
    wanted = ids.parsed(task_id)
    rows = Task.objects.visible_to(actor).defer(*_DEFERRED).select_for_update(of=("self",), no_key=True)
    task = rows.filter(pk=wanted).first() if wanted else None
    if task is None:
        raise not_found(task_id)
    return task


def get_tasks_for_update(actor: Actor, task_ids: Collection[UUID]) -> dict[UUID, Task]:
    """Return those of these tasks that the actor may see, by id, with their rows locked until the transaction ends."""
    if not actor.is_authenticated:
        return {}
    rows = Task.objects.filter(pk__in=task_ids)
    if not actor.is_administrator:
        rows = rows.visible_to_member(actor.pk)
    # In the order of ids, so that two writers do not deadlock.
    rows = rows.defer(*_DEFERRED).select_for_update(of=("self",), no_key=True).order_by("id")
    return {task.pk: task for task in rows}


def visible_ids(actor: Actor, task_ids: Collection[str]) -> set[str]:
    """Return those of these ids whose tasks the actor may see."""
    tasks = Task.objects.filter(pk__in=task_ids)
    if not actor.is_administrator:
        tasks = tasks.visible_to_member(actor.pk)
    return {str(pk) for pk in tasks.values_list("pk", flat=True)} if actor.is_authenticated else set()


def list_tasks(actor: Actor, request: PageRequest, order: Order = NEWEST_FIRST, only: Filter = Filter()) -> Page[Task]:
    """Return a page of the tasks that the actor may see, newest first by default; missing values come last.

    Raises:
        ValidationError: on `order_by`, `labels`, `query`, `page_size` or `page_token`.
    """
    if order.field not in ORDERS:
        raise invalid("order_by", "choice", f"Sort by one of {', '.join(ORDERS)}.")
    only = replace(only, labels=labels_to_find(only.labels))
    request = replace(request, bound_to={**request.bound_to, "caller": actor.pk, **only.bound_to()})
    return page(_selection(actor, only, order), request, order, default_size=DEFAULT_PAGE_SIZE)


def get_task_stats(actor: Actor) -> TaskStats:
    """Return the statistics of the tasks that the actor may see."""
    late = Q(due_date__lt=timezone.now(), status__in=OPEN_STATUSES)
    rows = [
        row
        for tasks in _disjoint(actor)
        for row in tasks.values_list("status", "priority", "assigned_to_id")
        # The counted columns are in the indexes `tasks_figures` and `tasks_of_project_figures`; the id is not.
        .annotate(tasks=Count("*"), late=Count("status", filter=late))
    ]
    by_status: dict[int, int] = dict.fromkeys(Status, 0)
    by_priority: dict[int, int] = dict.fromkeys(Priority, 0)
    by_assignee: dict[UUID | None, int] = {}
    overdue = 0
    for status, priority, assignee_id, tasks, late_tasks in rows:
        by_status[status] += tasks
        by_priority[priority] += tasks
        by_assignee[assignee_id] = by_assignee.get(assignee_id, 0) + tasks
        overdue += late_tasks
    limit = sorted(by_assignee.items(), key=lambda item: -item[1])[:MAX_ASSIGNEES]
    return TaskStats(sum(by_status.values()), by_status, by_priority, dict(limit), overdue)


def _disjoint(actor: Actor) -> list[QuerySet[Task]]:
    """Return the tasks that the actor may see, each in one of several querysets, of which each has its own index."""
    if not actor.is_authenticated:
        return []
    if actor.is_administrator:
        return [Task.objects.all()]
    return _without_former(_matching((), (), WAYS, member_id=actor.pk), WAYS, actor.pk)


def figures_of_project(project_id: UUID) -> Mapping[str, int | Mapping[str, int]]:
    """Return the figures of the tasks of a project, by field of project.v1.GetProjectStatsResponse."""
    late = Q(due_date__lt=timezone.now(), status__in=OPEN_STATUSES)
    rows = Task.objects.filter(project=project_id).values_list("status")
    counted = {
        status: (tasks, overdue)
        for status, tasks, overdue in rows.annotate(tasks=Count("*"), late=Count("status", filter=late))
    }
    by_status = {status: counted.get(status, (0, 0)) for status in Status}
    return {
        "tasks_by_status": {status.name.lower(): tasks for status, (tasks, _) in by_status.items()},
        "tasks_open": sum(by_status[status][0] for status in OPEN_STATUSES),
        "tasks_overdue": sum(overdue for _, overdue in by_status.values()),
    }


def not_found(task_id: str) -> Task.DoesNotExist:
    """Return the error for a task that does not exist or that the caller may not see."""
    return Task.DoesNotExist(f"Task with ID '{task_id}' not found")


def _selection(actor: Actor, only: Filter, order: Order) -> ListQuery[Task]:
    """Return the list query of the tasks that match the filter and that the actor may see."""
    query = search.checked_query(only.query)
    named = {name: resolve_id(actor, text) for name in _PEOPLE if (text := getattr(only, name))}
    if only.project_id:
        named["project"] = ids.parsed(only.project_id)
    ways = _ways(actor, named)
    if not actor.is_authenticated or None in named.values() or ways == ():
        return _NOTHING
    scope = {name: value for name, value in {**named, "member_id": actor.pk if ways else None}.items() if value}
    found_by: dict[str, Value | None] = {
        **scope,
        "due_from": only.due_from,
        "due_until": only.due_until,
        "query": query or None,
        **{f"label_{index}": label for index, label in enumerate(sorted(set(only.labels)))},
    }
    narrowed = bool(only.statuses or only.priorities or only.labels or only.due_from or only.due_until or query)
    of_projects = ways is not None and _PROJECT in ways
    few_tasks, projects = False, None
    if (only.labels or query) and (of_projects or _PROJECT in named):
        every = ListQuery(Task, _matching, (frozenset(), frozenset(), ways), scope, _counted)
        few_tasks = NOT_COUNTED < counted(every) <= FEW_TASKS
        if ways == WAYS and not few_tasks:
            projects = _named_projects(actor)
    # In the order of an index a person's tasks are adjacent, and a project's in each order; others are scattered.
    adjacent = order.field == NEWEST_FIRST.field or (ways is None and named.keys() <= {_PROJECT})
    return ListQuery(
        Task,
        _matching,
        (frozenset(only.statuses), frozenset(only.priorities), ways, few_tasks),
        {name: value for name, value in {**found_by, "projects": projects}.items() if value is not None},
        _counted,
        scattered=narrowed or not adjacent,
        # What matches in any of many projects is found by an index of what it matches; in the order of all tasks, more
        # of them are read the fewer match.
        few=COUNT_LIMIT if of_projects and (narrowed or named) else 0,
        deferred=_DEFERRED,
    )


#: The columns by which a user sees a task: they are the user, or a project of which the user is a member.
_PEOPLE = ("created_by", "assigned_to")
_PROJECT = "project"
WAYS = (*_PEOPLE, _PROJECT)


def _ways(actor: Actor, named: Mapping[str, UUID | None]) -> tuple[str, ...] | None:
    """Return the columns of `WAYS` by which the actor sees the tasks of these people and this project; None = all."""
    if not actor.is_authenticated:
        return ()
    if actor.is_administrator or role_of(actor, named.get(_PROJECT)) is not None:
        return None
    own = tuple(name for name in _PEOPLE if named.get(name) == actor.pk)
    return own[:1] or tuple(name for name in WAYS if name not in named)


def _named_projects(actor: Actor) -> str | None:
    """Return the ids of the actor's projects, separated by commas; None = too many for a statement."""
    found = ids_of_member(actor.pk).values_list("project_id", flat=True)[: MAX_NAMED_PROJECTS + 1]
    return ",".join(map(str, found)) if len(found) <= MAX_NAMED_PROJECTS else None


def _matching(
    statuses: Collection[int],
    priorities: Collection[int],
    ways: tuple[str, ...] | None,
    few_tasks: bool = False,
    member_id: UUID | None = None,
    query: str | None = None,
    due_from: datetime.datetime | None = None,
    due_until: datetime.datetime | None = None,
    created_by: UUID | None = None,
    assigned_to: UUID | None = None,
    project: UUID | None = None,
    projects: str | None = None,
    **labels: str,
) -> tuple[Part[Task], ...]:
    """Return the matching tasks: one queryset, or one part for each of the `ways`, each of which has its own index.

    Args:
        few_tasks: there are at most `FEW_TASKS` to see.
        projects: the ids of the member's projects, if a label or word may be rarer than what the member sees. In one
            queryset the database reads what is less, the index of the word or the tasks of the member (measured with 5
            million tasks, 1,000 projects, and a word of 250 tasks: 4 ms, not 600).
    """
    given = {
        "status__in": sorted(statuses),
        "priority__in": sorted(priorities),
        "due_date__gte": due_from,
        "due_date__lt": due_until,
        "created_by": created_by,
        "assigned_to": assigned_to,
        "project": project,
    }
    conditions = {name: value for name, value in given.items() if value}

    def of(rows: QuerySet[Task], labels_in: str, words_in: str) -> QuerySet[Task]:
        rows = rows.filter(**conditions)
        if labels:
            rows = rows.filter(**{f"{labels_in}__overlap": list(labels.values())})
        return rows if query is None else rows.filter(search.matches(words_in, query))

    own = of(Task.objects.alias(**_OWN), "own_labels", "own_words")
    every = own if few_tasks else of(Task.objects.all(), "labels", "search_words")
    if ways is None:
        return (every,)
    if projects is not None:
        by_people = Q(created_by=member_id) | Q(assigned_to=member_id)
        return (every.filter(by_people | Q(is_one_of(_PROJECT, projects))),)
    memberships = ProjectMember.objects.filter(user=member_id)
    in_projects = InGroups(every, _PROJECT, memberships, "project_id", bool(conditions or labels or query))
    return tuple(in_projects if way == _PROJECT else own.filter(**{way: member_id}) for way in ways)


def _counted(
    statuses: Collection[int],
    priorities: Collection[int],
    ways: tuple[str, ...] | None,
    few_tasks: bool = False,
    member_id: UUID | None = None,
    **values: Any,
) -> QuerySet[Task]:
    """Return a queryset with as many rows as `_matching` finds.

    With several ways, each queryset excludes the rows of those before it, so that the database need not compare ids to
    find duplicates (measured with 10,000 tasks: 0.5 ms, not 1.5). A page is not fetched so: the database would have to
    skip all excluded rows.
    """
    if member_id is not None:
        values["member_id"] = member_id
    parts = _matching(statuses, priorities, ways, few_tasks, **values)
    first, *others = _without_former(parts, ways or (), member_id)
    if not others:
        return first
    return first.values("pk").union(*(rows.values("pk") for rows in others), all=True)  # type: ignore[return-value]


def _without_former(parts: Sequence[Part[Task]], ways: Sequence[str], member_id: UUID | None) -> list[QuerySet[Task]]:
    """Return the tasks of each part without those of the parts before it."""
    found = []
    for place, part in enumerate(parts):
        rows = part.all() if isinstance(part, InGroups) else part
        for way in ways[:place]:
            rows = rows.exclude(**{way: member_id})
        found.append(rows)
    return found


# Expressions of labels and words that do not match the global indexes. For a common label or prefix these return more
# tasks than one person has (measured with 1 M tasks: 3 ms, not 90).
_OWN = {
    "own_labels": Func(F("labels"), template="(%(expressions)s || '{}')"),
    "own_words": Func(F("search_words"), function="strip"),
}

_NOTHING = ListQuery(Task, Task.objects.none)

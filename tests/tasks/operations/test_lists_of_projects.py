"""Lists and figures of users who see tasks by their projects: the same as `visible_to`, on every page."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from core.db import pagination
from projects.models import Project
from tandem.common.v1.common_pb2 import TimeRange
from tandem.task.v1.task_pb2 import GetTaskStatsRequest, ListTasksRequest
from tasks import queries
from tasks.models import OPEN_STATUSES, Priority, Status, Task
from tests.support.factories import ProjectFactory, ProjectMemberFactory, TaskFactory
from tests.support.transports import Transport
from users.models import User

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def projects(db: None, ann: User, bob: User) -> list[Project]:
    """Five projects, with five tasks each, of which Ann is a member of three; and tasks in none."""
    projects = ProjectFactory.create_batch(5)
    for project in projects[:3]:
        ProjectMemberFactory(project=project, user=ann)
    ProjectMemberFactory(project=projects[3], user=bob)
    # The projects' tasks are mixed in each order, and several have equal values.
    for number, (place, project) in enumerate(product(range(5), [*projects, None])):
        task = TaskFactory(
            title=f"Task {number} {'pump' if number % 4 == 0 else 'valve'}",
            project=project,
            created_by=(ann, bob, None)[number % 3],
            assigned_to=(None, bob, ann, bob)[number % 4],
            status=list(Status)[number % 4],
            priority=list(Priority)[number % 3],
            labels=[f"label{number % 2}"],
            due_date=BEGIN + timedelta(days=number % 7) if number % 5 else None,
        )
        made_at = BEGIN + timedelta(hours=number * 7 % 30 // 2)
        Task.objects.filter(pk=task.pk).update(created_at=made_at, updated_at=datetime.now(UTC) + timedelta(days=place))
    return projects


DUE = TimeRange()
DUE.start_time.FromDatetime(BEGIN + timedelta(days=2))
DUE.end_time.FromDatetime(BEGIN + timedelta(days=6))
FILTERS: list[dict[str, Any]] = [
    {},
    {"statuses": [1, 3], "priorities": [2]},
    {"labels": ["label1"]},
    {"query": "pump"},
    {"due": DUE},
    {"assigned_to": "me"},
    {"created_by": "me", "statuses": [1]},
]
ORDERS = [("", False), ("due_date", False), ("due_date", True), ("priority", True)]


def listed(api: Transport, actor: User, size: int, **fields: Any) -> list[str]:
    """Return the ids of all pages, and check the counts."""
    found, token = [], ""
    while True:
        request = ListTasksRequest(page_size=size, page_token=token, **fields)
        answer = api("TaskService/ListTasks", request, actor=actor)
        found += [task.id for task in answer.tasks]
        token = answer.next_page_token
        if not token:
            assert len(found) == answer.total_count
            return found


def expected(actor: User, order_by: str, descending: bool, **fields: Any) -> list[str]:
    """Return the ids that `visible_to` and a sort in Python give."""
    tasks = Task.objects.visible_to(actor)
    if "statuses" in fields:
        tasks = tasks.filter(status__in=fields["statuses"])
    if "priorities" in fields:
        tasks = tasks.filter(priority__in=fields["priorities"])
    if "labels" in fields:
        tasks = tasks.filter(labels__overlap=fields["labels"])
    if "query" in fields:
        tasks = tasks.filter(title__contains=fields["query"])
    if "due" in fields:
        tasks = tasks.filter(due_date__gte=BEGIN + timedelta(days=2), due_date__lt=BEGIN + timedelta(days=6))
    for name in ("assigned_to", "created_by"):
        if name in fields:
            tasks = tasks.filter(**{name: actor.pk})
    if "project_id" in fields:
        tasks = tasks.filter(project=fields["project_id"])
    field = order_by or "created_at"
    backwards = descending or not order_by
    valued = sorted(
        (task for task in tasks if getattr(task, field) is not None),
        key=lambda task: (getattr(task, field), task.pk), reverse=backwards,
    )  # fmt: skip
    rest = sorted((task for task in tasks if getattr(task, field) is None), key=lambda task: task.pk, reverse=backwards)
    return [str(task.pk) for task in (*valued, *rest)]


@pytest.mark.parametrize("many", ["", "matches", "tasks", "tasks and matches", "tasks and projects"])
def test_pages_of_several_projects(
    api: Transport, projects: list[Project], ann: User, monkeypatch: pytest.MonkeyPatch, many: str
) -> None:
    if "matches" in many:
        # As if there were more matches than are sorted at once.
        monkeypatch.setattr(pagination, "SMALL_RESULT", 1)
        monkeypatch.setattr(queries, "COUNT_LIMIT", 1)
    if "tasks" in many:
        # As if the index of a word could have less than all tasks that Ann sees.
        monkeypatch.setattr(queries, "FEW_TASKS", 1)
    if "projects" in many:
        # As if the ids of her projects were too many for a statement.
        monkeypatch.setattr(queries, "MAX_NAMED_PROJECTS", 2)
    scopes: list[dict[str, Any]] = [{}, {"project_id": str(projects[0].pk)}, {"project_id": str(projects[4].pk)}]
    for fields, (order_by, descending), scope in product(FILTERS, ORDERS, scopes):
        asked = {**fields, **scope}
        found = listed(api, ann, 7, order_by=order_by, descending=descending, **asked)
        assert found == expected(ann, order_by, descending, **asked), (asked, order_by)


def test_a_task_that_is_seen_in_several_ways_comes_once(api: Transport, ann: User) -> None:
    project = ProjectMemberFactory(user=ann).project
    TaskFactory.create_batch(3, project=project, created_by=ann, assigned_to=ann)
    assert len(set(listed(api, ann, 1))) == len(listed(api, ann, 1)) == 3


def test_figures_count_each_visible_task_once(api: Transport, projects: list[Project], ann: User, bob: User) -> None:
    for actor in (ann, bob):
        tasks = list(Task.objects.visible_to(actor))
        stats = api("TaskService/GetTaskStats", GetTaskStatsRequest(), actor=actor)
        assert stats.total == len(tasks) > 0
        assert dict(stats.by_status) == {
            status.name.lower(): sum(task.status == status for task in tasks) for status in Status
        }
        assignees = [str(task.assigned_to_id or "") for task in tasks]
        assert dict(stats.by_assignee) == {who: assignees.count(who) for who in set(assignees)}
        now = datetime.now(UTC)
        late = [task for task in tasks if task.due_date and task.due_date < now and task.status in OPEN_STATUSES]
        assert stats.overdue == len(late)


def test_a_token_is_of_one_project(api: Transport, projects: list[Project], ann: User) -> None:
    first = api(
        "TaskService/ListTasks", ListTasksRequest(page_size=1, project_id=str(projects[0].pk)), actor=ann
    ).next_page_token
    for other in ("", str(projects[1].pk)):
        request = ListTasksRequest(page_size=1, page_token=first, project_id=other)
        failed = api.failure("TaskService/ListTasks", request, actor=ann)
        assert failed.fields == {"page_token": "invalid"}

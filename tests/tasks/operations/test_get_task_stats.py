from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tandem.task.v1.task_pb2 import GetTaskStatsRequest
from tasks import queries
from tasks.models import Priority, Status
from tests.support.factories import TaskFactory
from tests.support.transports import Transport
from users.models import User

STATS = "TaskService/GetTaskStats"


@pytest.fixture
def some_tasks(ann: User, bob: User) -> None:
    late, soon = timezone.now() - timedelta(1), timezone.now() + timedelta(1)
    TaskFactory(created_by=ann, assigned_to=ann, due_date=late)
    TaskFactory(created_by=ann, assigned_to=bob, due_date=soon, status=Status.IN_PROGRESS)
    TaskFactory(created_by=bob, assigned_to=ann, due_date=late, status=Status.DONE, priority=Priority.CRITICAL)
    TaskFactory(created_by=bob, assigned_to=bob, due_date=late, status=Status.CANCELLED)
    TaskFactory()


def test_an_administrator_sees_the_figures_of_all(
    api: Transport, ann: User, bob: User, administrator: User, some_tasks: None
) -> None:
    stats = api(STATS, GetTaskStatsRequest(), actor=administrator)
    assert (stats.total, stats.overdue) == (5, 1)
    assert dict(stats.by_status) == {"todo": 2, "in_progress": 1, "done": 1, "cancelled": 1}
    assert dict(stats.by_priority) == {"low": 0, "medium": 4, "high": 0, "critical": 1}
    assert dict(stats.by_assignee) == {str(ann.pk): 2, str(bob.pk): 2, "": 1}


def test_others_see_those_of_their_own(api: Transport, ann: User, bob: User, support: User, some_tasks: None) -> None:
    stats = api(STATS, GetTaskStatsRequest(), actor=ann)
    assert (stats.total, stats.overdue) == (3, 1)
    assert dict(stats.by_status) == {"todo": 1, "in_progress": 1, "done": 1, "cancelled": 0}
    assert dict(stats.by_assignee) == {str(ann.pk): 2, str(bob.pk): 1}
    assert api(STATS, GetTaskStatsRequest(), actor=support).total == 0


def test_only_assignees_with_most_tasks_are_reported(
    api: Transport, ann: User, bob: User, administrator: User, monkeypatch: pytest.MonkeyPatch, some_tasks: None
) -> None:
    TaskFactory(assigned_to=bob)
    monkeypatch.setattr(queries, "MAX_ASSIGNEES", 1)
    stats = api(STATS, GetTaskStatsRequest(), actor=administrator)
    assert (stats.total, dict(stats.by_assignee)) == (6, {str(bob.pk): 3})


def test_stats_take_a_query_for_each_way_to_see_a_task(
    api: Transport, ann: User, some_tasks: None, django_assert_num_queries: Any
) -> None:
    """Created, assigned, in a project: each has its own index."""
    api(STATS, GetTaskStatsRequest(), actor=ann)
    with django_assert_num_queries(3):
        api(STATS, GetTaskStatsRequest(), actor=ann)

"""Lists that are searched: the database knows a rare word from a frequent one, though the table has few words."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from projects.models import Project
from tandem.task.v1.task_pb2 import ListTasksRequest
from tests.support.factories import ProjectFactory, ProjectMemberFactory
from tests.support.plans import entries_read, fill_tasks, rows_read
from tests.support.transports import Transport
from users.models import User

#: Of these, all in one project, the ten oldest are about bulbs too, and have a label.
TASKS, OLDEST = 20_000, 10
#: The names of parts are in so few tasks each that PostgreSQL keeps none of them by default.
PARTS = 5_000
MAKE = f"""
INSERT INTO tasks_task (id, title, description, status, priority, labels, metadata, source, project_id, version,
                        created_at, updated_at)
SELECT gen_random_uuid(), 'Order seeds', 'part' || n %% {PARTS} || CASE WHEN n <= {OLDEST} THEN ' bulbs' ELSE '' END,
    1, 1, CASE WHEN n <= {OLDEST} THEN '{{leaf}}'::text[] ELSE '{{}}' END, '{{}}', '', %s, 1,
    now() - interval '1 year' + n * interval '1 minute', now()
FROM generate_series(1, {TASKS}) AS n
"""


@pytest.fixture
def project(db: None) -> Project:
    project = ProjectFactory()
    fill_tasks(MAKE, project.pk, "tasks_words", "tasks_labels")
    return project


@pytest.mark.parametrize(("query", "found"), [("bulbs", 10), ("bulbs seeds", 10), ("tulips", 0), ("part4999", 4)])
def test_a_rare_word_in_a_large_project_reads_few_tasks(
    api: Transport, project: Project, administrator: User, query: str, found: int
) -> None:
    read = read_by_search(api, administrator, found, query=query, project_id=str(project.pk))
    assert max(tasks for tasks, _ in read) < 50


def test_a_frequent_word_reads_tasks_up_to_the_limit(api: Transport, project: Project, administrator: User) -> None:
    read = read_by_search(api, administrator, -1, query="seeds", project_id=str(project.pk))
    assert sum(tasks + entries for tasks, entries in read) < TASKS * 3 / 4


@pytest.mark.parametrize(
    ("fields", "found"), [({"query": "bulbs"}, 10), ({"query": "tulips"}, 0), ({"labels": ["leaf"]}, 10)]
)
def test_what_is_rare_is_found_without_all_tasks_of_a_member(
    api: Transport, project: Project, ann: User, fields: dict[str, Any], found: int
) -> None:
    ProjectMemberFactory(project=project, user=ann)
    read = read_by_search(api, ann, found, **fields)
    assert max(tasks + entries for tasks, entries in read) < TASKS / 20


def read_by_search(api: Transport, actor: User, found: int, **fields: Any) -> list[tuple[int, int]]:
    """Search, and return how many rows, and entries before them, each statement with the words or labels reads."""
    with CaptureQueriesContext(connection) as captured:
        answer = api("TaskService/ListTasks", ListTasksRequest(page_size=10, **fields), actor=actor)
    assert answer.total_count == found
    assert len(answer.tasks) == (10 if found < 0 else found)
    statements = [one["sql"] for one in captured.captured_queries]
    return [(rows_read(sql), entries_read(sql)) for sql in statements if "core_search_pattern" in sql or "&&" in sql]

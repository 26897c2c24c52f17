"""Lists that are searched: the database knows a rare word from a frequent one, though the table has few words."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from projects.models import Project
from tandem.task.v1.task_pb2 import ListTasksRequest
from tests.support.factories import ProjectFactory
from tests.support.plans import rows_read
from tests.support.transports import Transport
from users.models import User

#: Of these, all in one project, the ten oldest are about bulbs too.
TASKS, OLDEST = 20_000, 10
#: The names of parts are in so few tasks each that PostgreSQL keeps none of them by default.
PARTS = 5_000
MAKE = f"""
INSERT INTO tasks_task (id, title, description, status, priority, labels, metadata, source, project_id, version,
                        created_at, updated_at)
SELECT gen_random_uuid(), 'Order seeds', 'part' || n %% {PARTS} || CASE WHEN n <= {OLDEST} THEN ' bulbs' ELSE '' END,
    1, 1, '{{}}', '{{}}', '', %s, 1, now() - interval '1 year' + n * interval '1 minute', now()
FROM generate_series(1, {TASKS}) AS n
"""


@pytest.fixture
def project(db: None) -> Project:
    project = ProjectFactory()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(MAKE, [project.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")
        # As autovacuum does.
        cursor.execute("SELECT gin_clean_pending_list('tasks_words')")
        cursor.execute("ANALYZE tasks_task")
    return project


@pytest.mark.parametrize("query", ["bulbs", "bulbs seeds", "tulips", "part4999"])
def test_a_rare_word_in_a_large_project_reads_few_tasks(
    api: Transport, project: Project, administrator: User, query: str
) -> None:
    assert max(read_by_search(api, project, administrator, query, found={"tulips": 0, "part4999": 4}.get(query, 10))) < 50


def test_a_frequent_word_reads_tasks_up_to_the_limit(api: Transport, project: Project, administrator: User) -> None:
    assert sum(read_by_search(api, project, administrator, "seeds", found=-1)) < TASKS * 3 / 4


def read_by_search(api: Transport, project: Project, actor: User, query: str, found: int) -> list[int]:
    """Search the project, and return how many rows each statement with the words of the query reads."""
    request = ListTasksRequest(project_id=str(project.pk), query=query, page_size=10)
    with CaptureQueriesContext(connection) as captured:
        answer = api("TaskService/ListTasks", request, actor=actor)
    assert answer.total_count == found
    assert len(answer.tasks) == (10 if found < 0 else found)
    return [rows_read(one["sql"]) for one in captured.captured_queries if "core_search_pattern" in one["sql"]]

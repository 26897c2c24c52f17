"""Deletion of a project whose contents are released in several transactions."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from changes.models import Change
from projects.models import Project, ProjectMember, Role
from projects.services import STEP
from tandem.project.v1.project_pb2 import DeleteProjectRequest
from tasks.models import Task
from tests.support.factories import ProjectFactory, ProjectMemberFactory
from tests.support.servers import until
from tests.support.transports import Transport
from users.models import User

DELETE = "ProjectService/DeleteProject"

#: Fails each statement that takes a task of this title out of its project.
FAULT = """
    CREATE FUNCTION fail_for_test() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the disk of this test is full' USING ERRCODE = 'disk_full';
    END $$;
    CREATE TRIGGER fault BEFORE UPDATE ON tasks_task FOR EACH ROW
    WHEN (old.title = 'Fault') EXECUTE FUNCTION fail_for_test();
"""


@pytest.fixture
def project(transactional_db: None, ann: User) -> Project:
    """Ann's, with tasks for three steps."""
    project: Project = ProjectMemberFactory(user=ann, role=Role.MANAGER).project
    Task.objects.bulk_create(Task(title="T", project=project, created_by=ann) for _ in range(2 * STEP + 1))
    return project


def of_second_step(project: Project) -> Task:
    return Task.objects.filter(project=project).order_by("pk")[STEP + 5]


def released() -> int:
    return Task.objects.filter(project=None).count()


def steps() -> list[int]:
    """Return how many tasks each transaction has released, in the order of the log."""
    changes = Change.objects.filter(subject_type="task", operation="updated").order_by("id")
    return list(Counter(changes.values_list("xid", flat=True)).values())


@contextmanager
def fault(task: Task) -> Iterator[None]:
    Task.objects.filter(pk=task.pk).update(title="Fault")
    with connection.cursor() as cursor:
        cursor.execute(FAULT)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION fail_for_test() CASCADE")


def test_a_call_that_failed_continues_when_it_is_sent_again(
    committing_api: Transport, project: Project, ann: User
) -> None:
    request = DeleteProjectRequest(project_id=str(project.pk), force=True)
    with fault(of_second_step(project)):
        before = Change.objects.count()
        failed = committing_api.failure(DELETE, request, actor=ann, if_match='"1"')
        assert failed.reason in ("UNAVAILABLE", "INTERNAL")
        # The first step stays, the second is undone as a whole, and the project is as it was.
        assert (released(), Change.objects.count() - before) == (STEP, STEP)
        project.refresh_from_db()
        assert (project.version, ProjectMember.objects.count()) == (1, 1)
    committing_api(DELETE, request, actor=ann, if_match='"1"')
    assert (released(), Project.objects.count()) == (2 * STEP + 1, 0)
    # None was released twice: each has the version 2, but for the one that the test has renamed.
    assert Counter(Task.objects.values_list("version", flat=True)) == {2: 2 * STEP, 3: 1}


def test_a_task_that_is_moved_between_two_steps_keeps_its_new_project(
    committing_api: Transport, project: Project, ann: User
) -> None:
    other = ProjectFactory()
    moved = of_second_step(project)
    request = DeleteProjectRequest(project_id=str(project.pk), force=True)

    def call() -> None:
        try:
            committing_api(DELETE, request, actor=ann)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Task.objects.filter(pk=moved.pk).update(project=other)
            deletion: Future[None] = pool.submit(call)
            until(has_waiter, "the second step waits for the task")
            assert released() == STEP
        deletion.result()
    moved.refresh_from_db()
    assert (moved.project_id, moved.version) == (other.pk, 2)
    assert (released(), list(Project.objects.all())) == (2 * STEP, [other])


def has_waiter() -> bool:
    """Return whether another session waits for this one."""
    with connection.cursor() as cursor:
        # Not pg_stat_activity, which shows a transaction the same rows all the time.
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("from_list", [False, True])
def test_staff_delete_it_in_the_same_steps(site: Client, project: Project, from_list: bool) -> None:
    if from_list:
        chosen = {"action": "delete_selected", "_selected_action": str(project.pk), "post": "yes"}
        answer = site.post(reverse("admin:projects_project_changelist"), chosen)
    else:
        answer = site.post(reverse("admin:projects_project_delete", args=[project.pk]), {"post": "yes"})
    assert (answer.status_code, Project.objects.count()) == (302, 0)
    assert steps() == [STEP, STEP, 1]


def test_staff_are_told_what_failed(site: Client, project: Project) -> None:
    address = reverse("admin:projects_project_delete", args=[project.pk])
    with fault(of_second_step(project)):
        site.raise_request_exception = False
        assert site.post(address, {"post": "yes"}).status_code >= 500
    assert (released(), Project.objects.count()) == (STEP, 1)
    assert site.post(address, {"post": "yes"}).status_code == 302
    assert (released(), Project.objects.count()) == (2 * STEP + 1, 0)

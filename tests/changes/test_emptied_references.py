"""A user or a project is deleted, and what names it is emptied: versions stay dense, in order and true."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model

from changes.feed import numbering, verification
from changes.models import Change
from drawings.models import Component, Document, Symbol
from meetings.models import ActionItem, EnrolledVoice, Segment, Speaker
from projects.models import Project, ProjectMember
from tasks.models import Task
from tests.support.factories import (
    ActionItemFactory,
    AdministratorFactory,
    ComponentFactory,
    DocumentFactory,
    EnrolledVoiceFactory,
    MeetingFactory,
    ProjectFactory,
    ProjectMemberFactory,
    SegmentFactory,
    SpeakerFactory,
    SymbolFactory,
    TaskFactory,
    UserFactory,
)
from users.models import User
from users.services import delete_user

pytestmark = pytest.mark.django_db(transaction=True)


_TO_USERS = "confdeltype = 'n' AND confrelid = 'users_user'::regclass"


def by_service(user: User) -> None:
    delete_user(AdministratorFactory(), str(user.pk))


def by_orm(user: User) -> None:
    user.delete()


def by_queryset(user: User) -> None:
    User.objects.filter(pk=user.pk).delete()


def by_sql(user: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM users_user WHERE id = %s", [user.pk])


def references(model: type[Model]) -> list[str]:
    """Return the columns that are set to null when their user is deleted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)"
            f" WHERE conrelid = %s::regclass AND {_TO_USERS} ORDER BY conname",
            [model._meta.db_table],
        )
        return [name for (name,) in cursor.fetchall()]


MADE: dict[type[Model], Callable[..., Any]] = {
    Task: TaskFactory,
    ActionItem: ActionItemFactory,
    Speaker: SpeakerFactory,
    Segment: SegmentFactory,
    EnrolledVoice: EnrolledVoiceFactory,
    Project: ProjectFactory,
    ProjectMember: ProjectMemberFactory,
    Document: DocumentFactory,
    Component: ComponentFactory,
    Symbol: SymbolFactory,
}


@pytest.mark.parametrize("model", MADE)
@pytest.mark.parametrize("delete", [by_service, by_orm, by_queryset, by_sql])
def test_each_is_a_version_of_its_own(model: type[Model], delete: Callable[[User], None]) -> None:
    user = UserFactory()
    columns = references(model)
    row = MADE[model](**dict.fromkeys(columns, user.pk))
    bystander = MADE[model](**{columns[0]: user.pk})
    delete(user)
    for subject, named in ((row, columns), (bystander, columns[:1])):
        found = list(Change.objects.filter(subject_id=subject.pk).order_by("id"))
        assert [change.subject_version for change in found] == list(range(1, len(named) + 2))
        for before, after in itertools.pairwise(found):
            assert after.old == before.new, "each begins with what the one before made"
        last: dict[str, Any] = found[-1].new or {}
        assert [last[name] for name in columns] == [None] * len(columns)
    assert numbering.try_acquire_leadership()
    numbering.number()
    assert list(verification.faults()) == []


def test_several_users_in_one_statement_are_too(transactional_db: None) -> None:
    users = UserFactory.create_batch(3)
    tasks = [
        TaskFactory(created_by=maker, assigned_to=doer, title=f"{place}")
        for place, (maker, doer) in enumerate((maker, doer) for maker in users for doer in users)
    ]
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM users_user WHERE id = ANY (%s)", [[user.pk for user in users]])
    for task in tasks:
        versions = Change.objects.filter(subject_id=task.pk).order_by("id").values_list("subject_version", flat=True)
        assert list(versions) == [1, 2, 3]
    assert numbering.try_acquire_leadership()
    numbering.number()
    assert list(verification.faults()) == []


@pytest.mark.parametrize("make", [TaskFactory, MeetingFactory])
def test_what_lies_in_a_deleted_project_stays(transactional_db: None, make: Callable[..., Any]) -> None:
    project, other = ProjectFactory.create_batch(2)
    inside = [make(project=project) for _ in range(3)]
    elsewhere = make(project=other)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM projects_project WHERE id = %s", [project.pk])
    for row in inside:
        before, after = Change.objects.filter(subject_id=row.pk).order_by("id")
        assert (after.subject_version, after.old, after.new["project_id"]) == (2, before.new, None)
    assert Change.objects.filter(subject_id=elsewhere.pk).count() == 1
    assert numbering.try_acquire_leadership()
    numbering.number()
    assert list(verification.faults()) == []


def test_every_logged_table_with_such_references_is_tried() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT conrelid::regclass::text FROM pg_constraint JOIN pg_trigger ON tgrelid = conrelid"
            f" WHERE {_TO_USERS} AND tgname LIKE 'pgtrigger_log_update%'"
        )
        assert {name for (name,) in cursor.fetchall()} == {model._meta.db_table for model in MADE}

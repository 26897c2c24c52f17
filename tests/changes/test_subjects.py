"""The feed shows the same of subjects as the other operations."""

import datetime
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from changes.feed import subjects
from changes.feed.subjects import Visibility
from changes.models import Change
from meetings.models import Meeting
from projects.models import ids_of_member
from projects.policies import group_of
from tasks.models import Task
from tests.support.factories import (
    AdministratorFactory,
    MeetingFactory,
    ProjectMemberFactory,
    ServiceFactory,
    SupportFactory,
    TaskFactory,
    UserFactory,
)
from users.messages import user_message
from users.models import Status, User


@pytest.fixture
def actors_and_users(db: None) -> tuple[list[Any], list[User]]:
    """Actors of each kind; users in each state, the actors among them."""
    users = [UserFactory(status=status, phone="+14155551234") for status in Status]
    actors = [UserFactory(), SupportFactory(), AdministratorFactory(), ServiceFactory(), users[3]]
    return [*actors, AnonymousUser()], [*users, *actors]


def test_visibility_of_users_in_the_feed_equals_that_of_other_operations(
    actors_and_users: tuple[list[Any], list[User]],
) -> None:
    actors, users = actors_and_users
    subject = subjects.of("user")
    images = {str(row.pk): row.image for row in subject.images(User.objects.all())}
    for actor in actors:
        groups = subject.groups(actor)
        visible = set(User.objects.visible_to(actor).values_list("pk", flat=True))
        for user in users:
            extent = subjects.extent(subject.audience(images[str(user.pk)]), groups)
            assert bool(extent) == (user.pk in visible)
            if extent:
                shown = subject.message(subject.row(images[str(user.pk)]), extent)
                assert shown == user_message(User.objects.get(pk=user.pk), actor)


@pytest.mark.parametrize(("name", "model"), [("task", Task), ("meeting", Meeting)])
def test_visibility_of_what_lies_in_projects_equals_that_of_other_operations(db: None, name: str, model: Any) -> None:
    member, other, manager = UserFactory(), UserFactory(), AdministratorFactory()
    seen, hidden = ProjectMemberFactory(user=member).project, ProjectMemberFactory(user=other).project
    for project in (seen, hidden, None):
        TaskFactory(project=project, created_by=member)
        TaskFactory(project=project, assigned_to=other)
        MeetingFactory(project=project, owner=member)
        MeetingFactory(project=project, participants=[other.pk])
    subject = subjects.of(name)
    images = {row.pk: row.image for row in subject.images(model.objects.all())}
    for actor in (member, other, manager, AnonymousUser()):
        # A stream knows the groups that its actor has by memberships.
        projects = ids_of_member(actor.pk).values_list("project_id", flat=True) if actor.is_authenticated else ()
        groups = subject.groups(actor) | {group_of(project_id) for project_id in projects}
        visible = set(model.objects.visible_to(actor).values_list("pk", flat=True))
        assert visible == {pk for pk, image in images.items() if subjects.extent(subject.audience(image), groups)}
        if actor.is_authenticated and actor is not manager:
            by_id = model.objects.filter(pk__in=images).visible_to_member(actor.pk)
            assert visible == set(by_id.values_list("pk", flat=True))


def test_a_row_is_read_back_from_its_image(db: None) -> None:
    user = UserFactory(
        date_of_birth=datetime.date(1990, 2, 28),
        social_links={"site": "https://x.example"},
        last_login_at=datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.UTC),
    )
    User.objects.filter(pk=user.pk).update(created_by=user)
    subject = subjects.of("user")
    logged = subject.row(Change.objects.filter(subject_id=user.pk).order_by("-id")[0].new)
    for row in (logged, subject.row(subject.images(User.objects.filter(pk=user.pk))[0].image)):
        stored = User.objects.get(pk=user.pk)
        for column in User._meta.concrete_fields:
            if column.name not in ("password", "search_words", "name_words", "sort_name"):
                assert getattr(row, column.attname) == getattr(stored, column.attname), column.name


def test_an_image_of_before_a_column_was_added_can_be_read(db: None) -> None:
    user = UserFactory()
    subject = subjects.of("user")
    image = dict(Change.objects.get(subject_id=user.pk).new)
    del image["bio"], image["created_by_id"], image["social_links"]
    message = subject.message(subject.row(image), Visibility.WHOLE)
    assert (message.id, message.profile.bio) == (str(user.pk), "")


def test_partial_fields_are_fields_of_the_message(db: None) -> None:
    for name in subjects.types():
        subject = subjects.of(name)
        assert subject.partial <= subject.fields
        assert {path.partition(".")[0] for path in subject.paths.values()} <= subject.fields

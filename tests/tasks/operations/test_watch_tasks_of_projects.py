"""WatchTasks of members of projects, and its filter by project."""

from collections.abc import Callable

import pytest

from changes import feed
from changes.models import Change
from core.db.ids import uuid7
from tandem.task.v1.task_pb2 import (
    EVENT_TYPE_BOOKMARK,
    EVENT_TYPE_CREATED,
    EVENT_TYPE_DELETED,
    EVENT_TYPE_SNAPSHOT_END,
    EVENT_TYPE_UPDATED,
    TaskEvent,
    WatchTasksRequest,
)
from tasks.models import Task
from tests.support.factories import ProjectFactory, ProjectMemberFactory, TaskFactory
from tests.support.servers import until
from tests.support.transports import Failed, Transport, Watched
from tests.tasks.operations.test_watch_tasks import WATCH, live, outline
from users.models import User


def following(watched: Watched) -> TaskEvent:
    """Return the next event, without bookmarks."""
    while (event := watched.next()).event_type == EVENT_TYPE_BOOKMARK:
        pass
    return event  # type: ignore[no-any-return]


@pytest.fixture(name="settled")
def fixture_settled() -> Callable[[], None]:
    """Return a function that waits until the feed has read all changes: streams begin with memberships as of then."""

    def settle() -> None:
        newest = Change.objects.latest("id").pk

        def read() -> bool:
            seq = Change.objects.values_list("seq", flat=True).get(pk=newest)
            return seq is not None and feed.live.known_head is not None and feed.live.known_head.seq >= seq

        until(read, "the feed has read all changes")

    return settle


def test_members_receive_tasks_of_their_projects(watching: Transport, settled: Callable[[], None], ann: User) -> None:
    project = ProjectMemberFactory(user=ann).project
    there, elsewhere = TaskFactory(project=project), TaskFactory(project=ProjectFactory())
    settled()
    asked = WatchTasksRequest(include_initial=True, bookmarks=True)
    with watching.watch(WATCH, asked, actor=ann) as watched:
        first, end = watched.take(2)
        assert (outline(first), end.event_type) == (
            (EVENT_TYPE_CREATED, str(there.pk), False), EVENT_TYPE_SNAPSHOT_END,
        )  # fmt: skip
        assert first.task.project_id == str(project.pk)
        Task.objects.filter(pk=elsewhere.pk).update(project=project)
        assert outline(following(watched)) == (EVENT_TYPE_UPDATED, str(elsewhere.pk), False)
        Task.objects.filter(pk=there.pk).update(project=None)
        assert outline(following(watched)) == (EVENT_TYPE_DELETED, str(there.pk), True)


def test_a_former_member_is_told_what_left(watching: Transport, settled: Callable[[], None], ann: User) -> None:
    membership = ProjectMemberFactory(user=ann)
    shared = TaskFactory(project=membership.project)
    own = TaskFactory(project=membership.project, created_by=ann)
    settled()
    with live(watching, ann) as watched:
        membership.delete()
        assert outline(following(watched)) == (EVENT_TYPE_DELETED, str(shared.pk), True)
        Task.objects.filter(pk=shared.pk).update(title="Not for Ann")
        Task.objects.filter(pk=own.pk).update(title="For Ann")
        assert following(watched).task.title == "For Ann"
        ProjectMemberFactory(user=ann, project=membership.project)
        assert following(watched).task.title == "Not for Ann"


def test_filter_by_project(watching: Transport, settled: Callable[[], None], ann: User) -> None:
    project = ProjectMemberFactory(user=ann).project
    inside, outside = TaskFactory(project=project), TaskFactory(created_by=ann)
    settled()
    with live(watching, ann, project_id=str(project.pk)) as watched:
        Task.objects.filter(pk=outside.pk).update(title="Elsewhere")
        Task.objects.filter(pk=inside.pk).update(title="Inside")
        assert following(watched).task.title == "Inside"
        Task.objects.filter(pk=outside.pk).update(project=project)
        assert outline(following(watched)) == (EVENT_TYPE_UPDATED, str(outside.pk), False)
        # It stays visible to its creator, but leaves the filter.
        Task.objects.filter(pk=outside.pk).update(project=None)
        left = following(watched)
    assert outline(left) == (EVENT_TYPE_DELETED, str(outside.pk), True)
    assert Change.objects.filter(subject_id=outside.pk).count() == 4
    other = WatchTasksRequest(cursor=left.cursor, project_id=str(uuid7()))
    with pytest.raises(Failed) as failed:
        watching.watch(WATCH, other, actor=ann).next()
    assert failed.value.reason == "CURSOR_INVALID"


@pytest.mark.parametrize("project_id", ["nonsense", "019a2b3c-0000-7000-8000-000000000000"])
def test_nothing_is_in_an_unknown_project(watching: Transport, administrator: User, project_id: str) -> None:
    TaskFactory()
    asked = WatchTasksRequest(include_initial=True, bookmarks=True, project_id=project_id)
    with watching.watch(WATCH, asked, actor=administrator) as watched:
        assert following(watched).event_type == EVENT_TYPE_SNAPSHOT_END

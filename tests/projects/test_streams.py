"""Streams of users who join and leave projects, over both transports. `tests/changes` tests each interleaving."""

from typing import Any

import pytest

from changes import feed
from changes.feed import log
from changes.models import Change
from meetings.models import Meeting
from projects.models import Project, ProjectMember, Role
from tandem.change.v1 import change_pb2
from tandem.change.v1.change_pb2 import ListChangesRequest, WatchChangesRequest
from tandem.project.v1.project_pb2 import (
    PROJECT_ROLE_EDITOR,
    PROJECT_ROLE_VIEWER,
    AddMemberRequest,
    CreateProjectRequest,
    DeleteProjectRequest,
    RemoveMemberRequest,
    UpdateMemberRequest,
)
from tandem.task.v1.task_pb2 import (
    EVENT_TYPE_CREATED,
    EVENT_TYPE_DELETED,
    EVENT_TYPE_SNAPSHOT_END,
    EVENT_TYPE_UPDATED,
    CreateTaskRequest,
    TaskEvent,
    UpdateTaskRequest,
    WatchTasksRequest,
)
from tasks.models import Task
from tests.support.factories import MeetingFactory, ProjectFactory, ProjectMemberFactory, TaskFactory
from tests.support.meeting_streams import live as live_meeting
from tests.support.servers import until
from tests.support.transports import Failed, Transport, Watched
from users.models import User
from users.services import delete_user

WATCH = "TaskService/WatchTasks"


@pytest.fixture
def project(transactional_db: None, ann: User) -> Project:
    """Ann's, with two tasks."""
    project: Project = ProjectMemberFactory(user=ann, role=Role.MANAGER).project
    for number in range(2):
        TaskFactory(created_by=ann, title=f"Task {number}", project=project)
    return project


def settled() -> None:
    """Until this process has read all that was written: a stream begins with what was read."""
    until(lambda: not Change.objects.filter(seq=None).exists())
    until(lambda: feed.live.head.seq == log.read_head().seq)


def watch(api: Transport, actor: User, *types: str, **asked: Any) -> Watched:
    """Open a stream of these types of subjects."""
    settled()
    return api.watch("ChangeService/WatchChanges", WatchChangesRequest(subject_types=types, **asked), actor=actor)


def live(api: Transport, actor: User, **asked: Any) -> Watched:
    """Open a stream, and skip its initial state."""
    settled()
    watched = api.watch(WATCH, WatchTasksRequest(include_initial=True, bookmarks=True, **asked), actor=actor)
    while watched.next().event_type != EVENT_TYPE_SNAPSHOT_END:
        pass
    return watched


def add(api: Transport, project: Project, user: User, actor: User) -> None:
    request = AddMemberRequest(project_id=str(project.pk), user_id=str(user.pk), role=PROJECT_ROLE_VIEWER)
    api("ProjectService/AddMember", request, actor=actor)


def remove(api: Transport, project: Project, user: User, actor: User) -> None:
    request = RemoveMemberRequest(project_id=str(project.pk), user_id=str(user.pk))
    api("ProjectService/RemoveMember", request, actor=actor)


def titles(events: list[TaskEvent]) -> list[str]:
    return sorted(event.task.title for event in events)


def kinds(changes: list[change_pb2.Change]) -> list[tuple[str, bool]]:
    return [(change.subject_type, change.left_view) for change in changes]


def test_member_sees_the_tasks_at_once_and_no_longer(
    watching: Transport, project: Project, ann: User, bob: User
) -> None:
    with live(watching, bob) as watched:
        add(watching, project, bob, ann)
        *entered, mark = watched.take(3)
        assert titles(entered) == ["Task 0", "Task 1"]
        assert {event.event_type for event in entered} == {EVENT_TYPE_UPDATED}
        assert {event.triggered_by for event in entered} == {str(ann.pk)}
        assert all(event.cursor for event in (*entered, mark))
        new = CreateTaskRequest(title="New", project_id=str(project.pk))
        made = watching("TaskService/CreateTask", new, actor=ann)
        created = watched.next()
        assert (created.event_type, created.task) == (EVENT_TYPE_CREATED, made)
        role = UpdateMemberRequest(project_id=str(project.pk), user_id=str(bob.pk), role=PROJECT_ROLE_EDITOR)
        watching("ProjectService/UpdateMember", role, actor=ann)
        remove(watching, project, bob, ann)
        *left, _ = watched.take(4)
        assert {event.task.id for event in left} == {str(task.pk) for task in Task.objects.all()}
        assert {(event.event_type, event.left_view) for event in left} == {(EVENT_TYPE_DELETED, True)}
        assert titles(left) == ["", "", ""]
        Task.objects.update(title="Hidden")
        own = watching("TaskService/CreateTask", CreateTaskRequest(title="Own"), actor=bob)
        assert watched.next().task == own


def test_all_kinds_of_subjects_enter_and_leave(watching: Transport, project: Project, ann: User, bob: User) -> None:
    MeetingFactory(owner=ann, project=project)
    with watch(watching, bob, "project", "task", "meeting") as watched:
        add(watching, project, bob, ann)
        entered = watched.take(4)
        assert sorted(kinds(entered)) == [("meeting", False), ("project", False), ("task", False), ("task", False)]
        assert {change.WhichOneof("subject") for change in entered} == {"meeting", "project", "task"}
        remove(watching, project, bob, bob)
        left = watched.take(4)
        assert sorted(kinds(left)) == [("meeting", True), ("project", True), ("task", True), ("task", True)]
        assert {(change.subject_id, change.subject_version) for change in left} == {
            (change.subject_id, change.subject_version) for change in entered
        }


def test_new_project_comes_to_its_creator(watching: Transport, ann: User) -> None:
    with watch(watching, ann, "project") as watched:
        made = watching("ProjectService/CreateProject", CreateProjectRequest(name="New"), actor=ann).project
        assert watched.next().project.id == made.id


def test_task_moved_between_two_projects(watching: Transport, project: Project, ann: User, bob: User) -> None:
    other = ProjectMemberFactory(user=bob).project
    task = Task.objects.filter(project=project).first()
    assert task is not None
    ProjectMemberFactory(project=other, user=ann, role=Role.MANAGER)
    with live(watching, bob) as watched:
        move = UpdateTaskRequest(id=str(task.pk), project_id=str(other.pk), update_mask={"paths": ["project_id"]})
        watching("TaskService/UpdateTask", move, actor=ann)
        entered = watched.next()
        assert (entered.event_type, entered.task.project_id) == (EVENT_TYPE_UPDATED, str(other.pk))
        Task.objects.filter(pk=task.pk).update(project=project)
        assert watched.next().left_view


def test_creator_keeps_their_own_tasks(watching: Transport, project: Project, ann: User, bob: User) -> None:
    ProjectMemberFactory(project=project, user=bob)
    own = TaskFactory(created_by=bob, title="Own", project=project)
    with live(watching, bob) as watched:
        remove(watching, project, bob, ann)
        *left, _ = watched.take(3)
        assert str(own.pk) not in {event.task.id for event in left}
        Task.objects.filter(pk=own.pk).update(title="Still mine")
        assert watched.next().task.title == "Still mine"


def test_filter_by_project_before_joining_it(watching: Transport, project: Project, ann: User, bob: User) -> None:
    TaskFactory(project=project, title="Other label", labels=["other"])
    TaskFactory(project=project, title="Labelled", labels=["x"])
    with live(watching, bob, project_id=str(project.pk), labels=["x"]) as watched:
        add(watching, project, bob, ann)
        entered, _ = watched.take(2)
        assert entered.task.title == "Labelled"


@pytest.mark.parametrize("leaves", [True, False])
def test_resumed_after_a_change_of_membership(
    watching: Transport, project: Project, ann: User, bob: User, leaves: bool
) -> None:
    if leaves:
        ProjectMemberFactory(project=project, user=bob)
    with live(watching, bob) as watched:
        own = watching("TaskService/CreateTask", CreateTaskRequest(title="Own"), actor=bob)
        cursor = watched.next().cursor
        (remove if leaves else add)(watching, project, bob, ann)
        Task.objects.filter(pk=own.id).update(title="After")
        events = watched.take(4)
        del events[2]  # The bookmark after what entered or left.
    with watching.watch(WATCH, WatchTasksRequest(cursor=cursor), actor=bob) as again:
        assert again.take(3) == events
    with watching.watch(WATCH, WatchTasksRequest(cursor=events[0].cursor), actor=bob) as within:
        assert within.take(2) == events[1:]


def test_pages_have_the_same_changes(watching: Transport, project: Project, ann: User, bob: User) -> None:
    asked = ListChangesRequest(subject_types=["project", "task"], page_size=1)
    settled()
    asked.cursor = watching("ChangeService/ListChanges", asked, actor=bob).next_cursor
    with watch(watching, bob, "project", "task") as watched:
        add(watching, project, bob, ann)
        changes = watched.take(3)
    found: list[change_pb2.Change] = []
    while len(found) < 3:
        page = watching("ChangeService/ListChanges", asked, actor=bob)
        found += page.changes
        asked.cursor = page.next_cursor
    for change in (*changes, *found):
        change.ClearField("cursor")  # Cursors belong to their operation.
    assert found == changes


def test_deleted_user_leaves_no_trace_in_the_streams_of_others(
    watching: Transport, project: Project, ann: User, bob: User, administrator: User
) -> None:
    ProjectMemberFactory(project=project, user=bob)
    with live(watching, ann) as of_ann, live(watching, bob) as of_bob:
        delete_user(administrator, str(bob.pk))
        with pytest.raises(Failed, match="UNAUTHENTICATED"):
            of_bob.take(100)
        Task.objects.filter(title="Task 0").update(title="After")
        assert of_ann.next().task.title == "After"


def test_deleted_project_releases_its_tasks(watching: Transport, project: Project, ann: User, bob: User) -> None:
    ProjectMemberFactory(project=project, user=bob)
    request = DeleteProjectRequest(project_id=str(project.pk), force=True)
    with watch(watching, ann, "project", "task") as of_ann, watch(watching, bob, "project", "task") as of_bob:
        watching("ProjectService/DeleteProject", request, actor=ann)
        for_ann, for_bob = of_ann.take(3), of_bob.take(3)
        assert {change.task.project_id for change in for_ann if change.subject_type == "task"} == {""}
        assert sorted(kinds(for_ann)) == [("project", False), ("task", False), ("task", False)]
        assert sorted(kinds(for_bob)) == [("project", False), ("task", True), ("task", True)]
        own = watching("TaskService/CreateTask", CreateTaskRequest(title="Own"), actor=bob)
        assert of_bob.next().task == own


def test_watched_meeting_that_leaves_with_its_project(
    watching: Transport, project: Project, ann: User, bob: User
) -> None:
    meeting: Meeting = MeetingFactory(owner=ann, project=project)
    ProjectMemberFactory(project=project, user=bob)
    settled()
    with live_meeting(watching, meeting, bob) as watched:
        remove(watching, project, bob, ann)
        with pytest.raises(Failed, match="NOT_FOUND"):
            watched.take(2)


def test_a_user_with_many_projects(watching: Transport, ann: User, bob: User) -> None:
    projects = ProjectFactory.create_batch(3)
    projects += Project.objects.bulk_create(Project(name=f"Project {number}") for number in range(300))
    ProjectMember.objects.bulk_create(ProjectMember(project=each, user=bob, role=Role.VIEWER) for each in projects)
    with live(watching, bob) as watched:
        TaskFactory(project=projects[150], title="In one of them")
        assert watched.next().task.title == "In one of them"

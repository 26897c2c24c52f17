"""Streams of members: a project, and what lies in it, enters and leaves the view with the membership."""

from tandem.change.v1 import change_pb2
from tandem.project.v1.project_pb2 import (
    AddMemberRequest,
    CreateProjectRequest,
    DeleteProjectRequest,
    RemoveMemberRequest,
    UpdateProjectRequest,
)
from tandem.task.v1.task_pb2 import CreateTaskRequest
from tests.support.transports import Transport
from users.models import User

WATCH = "ChangeService/WatchChanges"
CREATED, UPDATED, DELETED = (
    change_pb2.CHANGE_KIND_CREATED,
    change_pb2.CHANGE_KIND_UPDATED,
    change_pb2.CHANGE_KIND_DELETED,
)


def seen(change: change_pb2.Change) -> tuple[str, int, bool]:
    return change.subject_type, change.kind, change.left_view


def test_members_see_it_come_and_go(watching: Transport, ann: User, bob: User) -> None:
    request = change_pb2.WatchChangesRequest(subject_types=["project", "task"])
    with watching.watch(WATCH, request, actor=ann) as of_ann, watching.watch(WATCH, request, actor=bob) as of_bob:
        made = watching("ProjectService/CreateProject", CreateProjectRequest(name="Hall 3"), actor=ann).project
        first = of_ann.next()
        assert seen(first) == ("project", CREATED, False)
        assert (first.project.name, first.project.my_role) == ("Hall 3", 0)
        watching("TaskService/CreateTask", CreateTaskRequest(title="T", project_id=made.id), actor=ann)
        assert seen(of_ann.next()) == ("task", CREATED, False)
        add = AddMemberRequest(project_id=made.id, user_id=str(bob.pk), role=1)  # type: ignore[arg-type]
        watching("ProjectService/AddMember", add, actor=ann)
        entered = sorted(seen(change) for change in of_bob.take(2))
        assert entered == [("project", UPDATED, False), ("task", UPDATED, False)]
        update = UpdateProjectRequest(project_id=made.id, project={"name": "Hall 4"})
        watching("ProjectService/UpdateProject", update, actor=ann)
        for stream in (of_ann, of_bob):
            change = stream.next()
            assert (seen(change), change.project.name) == (("project", UPDATED, False), "Hall 4")
            assert list(change.changed_fields) == ["name"]
        remove = RemoveMemberRequest(project_id=made.id, user_id="me")
        watching("ProjectService/RemoveMember", remove, actor=bob)
        left = sorted(seen(change) for change in of_bob.take(2))
        assert left == [("project", DELETED, True), ("task", DELETED, True)]
        delete = DeleteProjectRequest(project_id=made.id, force=True)
        watching("ProjectService/DeleteProject", delete, actor=ann)
        last = [seen(change)[:2] for change in of_ann.take(2)]
        assert last == [("task", UPDATED), ("project", DELETED)]

"""Events of a project whose tasks are released in several transactions."""

from changes import feed
from changes.feed import log
from changes.models import Change
from projects.models import Role
from projects.services import STEP
from tandem.change.v1.change_pb2 import CHANGE_KIND_DELETED, CHANGE_KIND_UPDATED, WatchChangesRequest
from tandem.project.v1.project_pb2 import DeleteProjectRequest
from tasks.models import Task
from tests.support.factories import ProjectMemberFactory
from tests.support.servers import until
from tests.support.transports import Transport
from users.models import User

TASKS = STEP + 1


def test_each_task_changes_once_and_then_the_project_goes(watching: Transport, ann: User, bob: User) -> None:
    project = ProjectMemberFactory(user=ann, role=Role.MANAGER).project
    ProjectMemberFactory(project=project, user=bob)
    tasks = Task.objects.bulk_create(Task(title="T", project=project, created_by=ann) for _ in range(TASKS))
    until(lambda: not Change.objects.filter(seq=None).exists(), "all changes are numbered")
    until(lambda: feed.live.head.seq == log.read_head().seq, "they are read")
    request = WatchChangesRequest(subject_types=["project", "task"])
    watch = "ChangeService/WatchChanges"
    with watching.watch(watch, request, actor=ann) as of_ann, watching.watch(watch, request, actor=bob) as of_bob:
        delete = DeleteProjectRequest(project_id=str(project.pk), force=True)
        watching("ProjectService/DeleteProject", delete, actor=ann)
        # Ann has created the tasks, so she still sees them; to Bob the project has shown them.
        for stream, kind, has_left in (of_ann, CHANGE_KIND_UPDATED, False), (of_bob, CHANGE_KIND_DELETED, True):
            *released, last = stream.take(TASKS + 1)
            assert {(one.kind, one.left_view) for one in released} == {(kind, has_left)}
            assert {one.subject_id for one in released} == {str(task.pk) for task in tasks}
            assert (last.subject_type, last.kind, last.left_view) == ("project", CHANGE_KIND_DELETED, False)
            cursors = [one.cursor for one in (*released, last)]
            assert len(set(cursors)) == TASKS + 1
        assert released[0].WhichOneof("subject") is None

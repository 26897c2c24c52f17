from datetime import UTC, datetime

from meetings.models import Status as MeetingStatus
from tandem.project.v1.project_pb2 import GetProjectStatsRequest, GetProjectStatsResponse
from tasks.models import Status
from tests.support.factories import MeetingFactory, ProjectMemberFactory, TaskFactory
from tests.support.transports import Transport
from users.models import User

STATS = "ProjectService/GetProjectStats"


def test_an_empty_project_has_no_figures(api: Transport, ann: User) -> None:
    request = GetProjectStatsRequest(project_id=str(ProjectMemberFactory(user=ann).project_id))
    stats: GetProjectStatsResponse = api(STATS, request, actor=ann)
    for field, figure in stats.ListFields():
        assert field.name.endswith("by_status")
        assert not any(figure.values()), field.name


def test_figures_of_what_lies_in_it(api: Transport, ann: User) -> None:
    project = ProjectMemberFactory(user=ann).project
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    TaskFactory(project=project, due_date=long_ago)
    TaskFactory(project=project, status=Status.DONE, due_date=long_ago)
    TaskFactory(project=project, status=Status.IN_PROGRESS)
    TaskFactory(created_by=ann)
    for duration_ms in (60_000, 30_000):
        MeetingFactory(project=project, status=MeetingStatus.COMPLETED, duration_ms=duration_ms)
    MeetingFactory(project=project)
    MeetingFactory(owner=ann)
    stats = api(STATS, GetProjectStatsRequest(project_id=str(project.pk)), actor=ann)
    assert dict(stats.tasks_by_status) == {"todo": 1, "in_progress": 1, "done": 1, "cancelled": 0}
    assert (stats.tasks_open, stats.tasks_overdue) == (2, 1)
    assert {name: count for name, count in stats.meetings_by_status.items() if count} == {"completed": 2, "pending": 1}
    assert stats.meetings_recorded_ms == 90_000


def test_others_see_none(api: Transport, ann: User, bob: User, administrator: User) -> None:
    request = GetProjectStatsRequest(project_id=str(ProjectMemberFactory(user=ann).project_id))
    assert api.failure(STATS, request, actor=bob).reason == "NOT_FOUND"
    api(STATS, request, actor=administrator)

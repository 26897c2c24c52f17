from tandem.project.v1.project_pb2 import GetProjectStatsRequest, GetProjectStatsResponse
from tests.support.factories import ProjectMemberFactory
from tests.support.transports import Transport
from users.models import User

STATS = "ProjectService/GetProjectStats"


def test_an_empty_project_has_no_figures(api: Transport, ann: User) -> None:
    request = GetProjectStatsRequest(project_id=str(ProjectMemberFactory(user=ann).project_id))
    stats: GetProjectStatsResponse = api(STATS, request, actor=ann)
    for field, figure in stats.ListFields():
        assert not any(figure.values()), field.name


def test_others_see_none(api: Transport, ann: User, bob: User, administrator: User) -> None:
    request = GetProjectStatsRequest(project_id=str(ProjectMemberFactory(user=ann).project_id))
    assert api.failure(STATS, request, actor=bob).reason == "NOT_FOUND"
    api(STATS, request, actor=administrator)

"""Meetings of a project: the roles that see, create, record, change and delete them, and decide about action items."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from core.db import pagination
from meetings import queries
from meetings.models import Meeting
from projects.models import Project, Role, Status
from tandem.meeting.v1 import meeting_pb2
from tasks.models import Task
from tests.support.factories import (
    ActionItemFactory,
    AdministratorFactory,
    MeetingFactory,
    ProjectFactory,
    ProjectMemberFactory,
    SegmentFactory,
    SpeakerFactory,
    TranscribedMeetingFactory,
)
from tests.support.recordings import a_recorded_meeting, a_recording, an_upload
from tests.support.transports import Failed, Transport
from tests.support.uploads import Uploader
from users.models import User

SERVICE = "MeetingService"
CREATE, GET, UPDATE, DELETE = (f"{SERVICE}/{rpc}Meeting" for rpc in ("Create", "Get", "Update", "Delete"))
ACCEPT, REJECT = f"{SERVICE}/AcceptActionItem", f"{SERVICE}/RejectActionItem"


@pytest.fixture
def project(db: None) -> Project:
    return ProjectFactory()


@pytest.fixture
def people(project: Project) -> dict[str, User]:
    """A member of each role, a user who is not a member, and an administrator."""
    members = {role.name.lower(): ProjectMemberFactory(project=project, role=role).user for role in Role}
    return {**members, "stranger": ProjectMemberFactory(role=Role.MANAGER).user, "admin": AdministratorFactory()}


def reasons(people: dict[str, User], call: Callable[[User], Any]) -> dict[str, str]:
    """Return the reason why a call fails for each of these people; OK = it does not."""
    found = {}
    for who, actor in people.items():
        try:
            call(actor)
        except Failed as failed:
            found[who] = failed.reason
        else:
            found[who] = "OK"
    return found


ALL_MEMBERS = {"viewer": "OK", "editor": "OK", "manager": "OK", "stranger": "NOT_FOUND", "admin": "OK"}
EDITORS = {**ALL_MEMBERS, "viewer": "FORBIDDEN"}
MANAGERS = {**EDITORS, "editor": "FORBIDDEN"}


def changed(meeting: Meeting, **fields: Any) -> meeting_pb2.UpdateMeetingRequest:
    mask = FieldMask(paths=list(fields))
    return meeting_pb2.UpdateMeetingRequest(
        meeting_id=str(meeting.pk), meeting=meeting_pb2.Meeting(**fields), update_mask=mask
    )


def test_what_the_role_allows(api: Transport, project: Project, people: dict[str, User], ann: User) -> None:
    def made() -> Meeting:
        return TranscribedMeetingFactory(project=project, owner=ann)  # type: ignore[no-any-return]

    def of(request: Any, **fields: Any) -> Any:
        return request(meeting_id=str(made().pk), **fields)

    def segment_edited(actor: User) -> Any:
        segment = SegmentFactory(meeting=made())
        request = meeting_pb2.EditSegmentRequest(
            meeting_id=str(segment.meeting_id), segment_id=str(segment.pk), segment={"text": "corrected"}
        )
        return api(f"{SERVICE}/EditSegment", request, actor=actor)

    def speaker_named(actor: User) -> Any:
        speaker = SpeakerFactory(meeting=made())
        request = meeting_pb2.NameSpeakerRequest(
            meeting_id=str(speaker.meeting_id), speaker_id=str(speaker.pk), name="Ada"
        )
        return api(f"{SERVICE}/NameSpeaker", request, actor=actor)

    def decided(rpc: str, request: Any) -> Callable[[User], Any]:
        def decide(actor: User) -> Any:
            item = ActionItemFactory(meeting=made())
            return api(rpc, request(meeting_id=str(item.meeting_id), item_id=str(item.pk)), actor=actor)

        return decide

    assert reasons(people, lambda who: api(GET, of(meeting_pb2.GetMeetingRequest), actor=who)) == ALL_MEMBERS
    transcript = meeting_pb2.GetTranscriptRequest
    assert reasons(people, lambda who: api(f"{SERVICE}/GetTranscript", of(transcript), actor=who)) == ALL_MEMBERS
    assert reasons(people, lambda who: api(UPDATE, changed(made(), title="New"), actor=who)) == EDITORS
    assert reasons(people, segment_edited) == EDITORS
    assert reasons(people, speaker_named) == EDITORS
    assert reasons(people, decided(ACCEPT, meeting_pb2.AcceptActionItemRequest)) == EDITORS
    assert reasons(people, decided(REJECT, meeting_pb2.RejectActionItemRequest)) == EDITORS
    assert reasons(people, lambda who: api(UPDATE, changed(made(), owner=str(who.pk)), actor=who)) == MANAGERS
    assert reasons(people, lambda who: api(DELETE, of(meeting_pb2.DeleteMeetingRequest), actor=who)) == MANAGERS


def test_a_meeting_is_put_into_a_project_by_its_editors(
    api: Transport, project: Project, people: dict[str, User], ann: User
) -> None:
    def create(actor: User) -> None:
        request = meeting_pb2.CreateMeetingRequest(title="Weekly", project_id=str(project.pk))
        assert api(CREATE, request, actor=actor).meeting.project_id == str(project.pk)

    expected = {**EDITORS, "stranger": "INVALID"}
    assert reasons(people, create) == expected
    assert Meeting.objects.count() == 3
    own = {who: MeetingFactory(owner=actor) for who, actor in people.items()}
    into = {actor.pk: changed(own[who], project_id=str(project.pk)) for who, actor in people.items()}
    assert reasons(people, lambda actor: api(UPDATE, into[actor.pk], actor=actor)) == expected
    # The owner needs no role to take it out again.
    mine = MeetingFactory(owner=ann, project=project)
    assert api(UPDATE, changed(mine, project_id=""), actor=ann).meeting.project_id == ""


@pytest.mark.parametrize("project_id", ["nonsense", "019a2b3c-0000-7000-8000-000000000000", "me"])
def test_an_unknown_project(api: Transport, ann: User, project_id: str) -> None:
    request = meeting_pb2.CreateMeetingRequest(title="", language="deutsch", project_id=project_id)
    assert api.failure(CREATE, request, actor=ann).fields.keys() == {"title", "language", "project_id"}
    meeting = MeetingFactory(owner=ann)
    assert api.failure(UPDATE, changed(meeting, project_id=project_id), actor=ann).fields == {"project_id": "unknown"}


def test_an_archived_project_is_only_read(
    api: Transport, project: Project, people: dict[str, User], ann: User, folder: Any
) -> None:
    meeting = a_recorded_meeting(ann, project=project, transcript_version=1)
    item = ActionItemFactory(meeting=meeting)
    segment = SegmentFactory(meeting=meeting)
    of_item = {"meeting_id": str(meeting.pk), "item_id": str(item.pk)}
    pending = MeetingFactory(owner=ann, project=project)
    ProjectMemberFactory(project=project, user=ann, role=Role.EDITOR)
    Project.objects.filter(pk=project.pk).update(status=Status.ARCHIVED)
    requests = [
        (CREATE, meeting_pb2.CreateMeetingRequest(title="Weekly", project_id=str(project.pk))),
        (UPDATE, changed(meeting, title="New")),
        (UPDATE, changed(meeting, project_id="")),
        (UPDATE, changed(MeetingFactory(owner=ann), project_id=str(project.pk))),
        (DELETE, meeting_pb2.DeleteMeetingRequest(meeting_id=str(meeting.pk))),
        (ACCEPT, meeting_pb2.AcceptActionItemRequest(**of_item)),
        (REJECT, meeting_pb2.RejectActionItemRequest(**of_item)),
        (f"{SERVICE}/Retranscribe", meeting_pb2.RetranscribeRequest(meeting_id=str(meeting.pk))),
        (f"{SERVICE}/EditSegment", meeting_pb2.EditSegmentRequest(
            meeting_id=str(meeting.pk), segment_id=str(segment.pk), segment={"text": "new"})),
        (f"{SERVICE}/UploadRecording", an_upload(str(pending.pk))),
        (f"{SERVICE}/UploadRecording", an_upload(project_id=str(project.pk))),
    ]  # fmt: skip
    found = {rpc: api.failure(rpc, request, actor=ann).reason for rpc, request in requests}
    assert set(found.values()) == {"CONFLICT"}
    assert api(GET, meeting_pb2.GetMeetingRequest(meeting_id=str(meeting.pk)), actor=people["viewer"]).meeting.id


def test_a_task_inherits_the_project(api: Transport, project: Project, people: dict[str, User], bob: User) -> None:
    # A participant is neither a member of the project, nor need be.
    meeting = TranscribedMeetingFactory(project=project, participants=[bob.pk])
    for actor in (bob, people["editor"]):
        item = ActionItemFactory(meeting=meeting)
        request = meeting_pb2.AcceptActionItemRequest(meeting_id=str(meeting.pk), item_id=str(item.pk))
        accepted = api(ACCEPT, request, actor=actor).action_item
        assert Task.objects.get(pk=accepted.task_id).project_id == project.pk
    item = ActionItemFactory(meeting=TranscribedMeetingFactory(owner=bob))
    request = meeting_pb2.AcceptActionItemRequest(meeting_id=str(item.meeting_id), item_id=str(item.pk))
    assert Task.objects.get(pk=api(ACCEPT, request, actor=bob).action_item.task_id).project_id is None


@pytest.mark.usefixtures("folder")
def test_one_step_uploads(api: Transport, project: Project, people: dict[str, User]) -> None:
    rpc = f"{SERVICE}/UploadRecording"
    of_project = str(project.pk)
    assert api(rpc, an_upload(project_id=of_project), actor=people["editor"]).meeting.project_id == of_project
    assert api.failure(rpc, an_upload(project_id=of_project), actor=people["viewer"]).reason == "FORBIDDEN"
    failed = api.failure(rpc, an_upload(project_id=of_project), actor=people["stranger"])
    assert failed.fields == {"project_id": "unknown"}
    # The recording of another's meeting is sent by editors, too; what is set with it changes the meeting.
    meeting = MeetingFactory(project=project)
    assert api.failure(rpc, an_upload(str(meeting.pk)), actor=people["viewer"]).reason == "FORBIDDEN"
    assert api(rpc, an_upload(str(meeting.pk)), actor=people["editor"]).meeting.id == str(meeting.pk)
    assert Meeting.objects.count() == 2


@pytest.mark.usefixtures("folder")
def test_resumable_uploads(db: None, project: Project, people: dict[str, User]) -> None:
    size = len(a_recording())
    made = Uploader(people["editor"]).create(size, filename="talk.wav", project_id=str(project.pk))
    assert (made.status_code, Meeting.objects.get().project_id) == (201, project.pk)
    for who, status in (("viewer", 403), ("stranger", 400)):
        refused = Uploader(people[who]).create(size, filename="talk.wav", project_id=str(project.pk))
        assert refused.status_code == status
    assert Meeting.objects.count() == 1


@pytest.fixture
def listable(project: Project, people: dict[str, User], ann: User, bob: User) -> list[Meeting]:
    """Meetings of Ann and Bob in three projects and in none; Ann is a member of two of the projects."""
    projects = [project, ProjectFactory(), ProjectFactory()]
    for seen in projects[:2]:
        ProjectMemberFactory(project=seen, user=ann)
    found = []
    for number in range(24):
        meeting = MeetingFactory(
            title=f"{'Weekly' if number % 3 else 'Review'} {number}",
            project=[*projects, None][number % 4],
            owner=(ann, bob)[number % 5 == 0],
            participants=[ann.pk] if number % 7 == 0 else [],
            status=1 + number % 2,
            starts_at=datetime(2027, 1, 1 + number % 9, tzinfo=UTC),
        )
        made_at = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(hours=number * 5 % 24)
        Meeting.objects.filter(pk=meeting.pk).update(created_at=made_at)
        found.append(meeting)
    Meeting.objects.filter(owner=ann, project=None).update(owner=bob)
    return found


@pytest.mark.parametrize("many", [False, True], ids=["few", "many"])
def test_lists(
    api: Transport, listable: list[Meeting], project: Project, ann: User, bob: User, monkeypatch: pytest.MonkeyPatch,
    many: bool,
) -> None:  # fmt: skip
    if many:
        # As if there were more matches than are sorted at once.
        monkeypatch.setattr(pagination, "SMALL_RESULT", 1)
        monkeypatch.setattr(queries, "COUNT_LIMIT", 1)
    filters: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({}, {}),
        ({"statuses": [1]}, {"status": 1}),
        ({"query": "weekly"}, {"title__startswith": "Weekly"}),
    ]
    for actor in (ann, bob):
        for (fields, conditions), of_project in ((one, of) for one in filters for of in (None, project)):
            seen = Meeting.objects.visible_to(actor).filter(**conditions)
            if of_project:
                seen = seen.filter(project=of_project)
            expected = [str(pk) for pk in seen.order_by("-created_at", "-id").values_list("pk", flat=True)]
            asked = {**fields, "project_id": str(of_project.pk) if of_project else ""}
            found, token = [], ""
            while True:
                page = {"page_size": 4, "page_token": token}
                request = meeting_pb2.ListMeetingsRequest(pagination=page, **asked)
                answer = api(f"{SERVICE}/ListMeetings", request, actor=actor)
                found += [meeting.id for meeting in answer.meetings]
                token = answer.pagination.next_page_token
                if not token:
                    break
            assert found == expected
            assert answer.pagination.total_count == len(expected)


def test_figures_and_search(api: Transport, listable: list[Meeting], people: dict[str, User], ann: User) -> None:
    for meeting in listable:
        Meeting.objects.filter(pk=meeting.pk).update(transcript_version=1, duration_ms=1_000)
        meeting.refresh_from_db()
        SegmentFactory(meeting=meeting, text="about the turbine")
    for actor in (ann, people["viewer"]):
        seen = {str(pk) for pk in Meeting.objects.visible_to(actor).values_list("pk", flat=True)}
        stats = api(f"{SERVICE}/GetMeetingStats", meeting_pb2.GetMeetingStatsRequest(), actor=actor)
        assert (stats.total, stats.recorded_ms) == (len(seen), 1_000 * len(seen))
        request = meeting_pb2.SearchTranscriptsRequest(query="turbine", pagination={"page_size": 100})
        found = api(f"{SERVICE}/SearchTranscripts", request, actor=actor)
        assert {match.segment.meeting_id for match in found.matches} == seen

"""The history of one task, meeting, document or project, for those who see it."""

import json
from typing import Any

from changes.services import acting
from meetings.models import Meeting
from meetings.models import Status as MeetingStatus
from projects.models import Project, Role
from tandem.change.v1 import change_pb2
from tandem.change.v1.change_pb2 import ListHistoryRequest
from tandem.task.v1.task_pb2 import CreateTaskRequest, TaskStatus, UpdateTaskRequest
from tasks.models import Task
from tests.support.factories import (
    ApiKeyFactory,
    DocumentFactory,
    MeetingFactory,
    ProjectFactory,
    ProjectMemberFactory,
    TaskFactory,
    bearer_of,
)
from tests.support.transports import Transport
from users.models import User

HISTORY = "ChangeService/ListHistory"
CREATED, UPDATED = change_pb2.CHANGE_KIND_CREATED, change_pb2.CHANGE_KIND_UPDATED


def of(collection: str, subject_id: Any, **options: Any) -> ListHistoryRequest:
    return ListHistoryRequest(collection=collection, subject_id=str(subject_id), **options)


def changes(entry: change_pb2.HistoryEntry) -> dict[str, tuple[str, str]]:
    return {field.field: (field.before, field.after) for field in entry.fields}


def test_history_names_who_changed_what(api: Transport, ann: User, bob: User) -> None:
    request = CreateTaskRequest(title="Rake", assigned_to=str(bob.pk), labels=["garden"])
    task = api("TaskService/CreateTask", request, actor=ann)
    request = UpdateTaskRequest(
        id=task.id, status=TaskStatus.TASK_STATUS_DONE, labels=["a", "b"], description="x" * 1500
    )
    done = api("TaskService/UpdateTask", request, actor=bob)
    api("TaskService/UpdateTask", UpdateTaskRequest(id=task.id, title="Rake it"), actor=ann)

    answer = api(HISTORY, of("tasks", task.id), actor=bob)
    third, second, first = answer.entries
    assert answer.next_page_token == ""
    assert [(e.version, e.kind, e.actor_id, e.actor_name) for e in answer.entries] == [
        (3, UPDATED, str(ann.pk), "Ann Other"),
        (2, UPDATED, str(bob.pk), "Bob Builder"),
        (1, CREATED, str(ann.pk), "Ann Other"),
    ]
    assert changes(third) == {"title": ("Rake", "Rake it")}
    completed = done.completed_at.ToJsonString()
    assert changes(second) == {
        "completed_at": ("", completed),
        "description": ("", "x" * 1000),
        "labels": ('["garden"]', '["a", "b"]'),
        "status": ("todo", "done"),
    }
    created = changes(first)
    assert created["title"] == ("", "Rake") and created["assigned_to"] == ("", str(bob.pk))
    assert {"id", "version", "created_at", "updated_at", "description", "due_date"}.isdisjoint(created)
    assert answer.names == {str(ann.pk): "Ann Other", str(bob.pk): "Bob Builder"}
    assert second.occurred_at.ToDatetime() >= first.occurred_at.ToDatetime()


def test_pages(api: Transport, ann: User, bob: User) -> None:
    task = TaskFactory(created_by=ann, assigned_to=bob)
    for number in range(4):
        Task.objects.filter(pk=task.pk).update(title=f"Title {number}")
    found, token = [], ""
    while True:
        answer = api(HISTORY, of("tasks", task.pk, page_size=2, page_token=token), actor=ann)
        found += [entry.version for entry in answer.entries]
        if not (token := answer.next_page_token):
            break
        last_token = token
    assert found == [5, 4, 3, 2, 1]
    # A token belongs to its caller and its subject.
    other = TaskFactory(created_by=ann)
    for request, actor in ((of("tasks", other.pk, page_token=last_token), ann),
                           (of("tasks", task.pk, page_token=last_token), bob),
                           (of("tasks", task.pk, page_token="x"), ann)):  # fmt: skip
        failed = api.failure(HISTORY, request, actor=actor)
        assert failed.messages == {"page_token": "Invalid page token"}
    assert api.failure(HISTORY, of("tasks", task.pk, page_size=-1), actor=ann).fields == {"page_size": "range"}


def test_others_do_not_learn_that_it_exists(api: Transport, ann: User, bob: User) -> None:
    task = TaskFactory(created_by=ann, assigned_to=ann)
    failed = api.failure(HISTORY, of("tasks", task.pk), actor=bob)
    assert (failed.reason, failed.message) == ("NOT_FOUND", f"Task with ID '{task.pk}' not found")
    for collection in ("users", "nonsense", "meetings"):
        assert api.failure(HISTORY, of(collection, task.pk), actor=ann).reason == "NOT_FOUND"
    assert api.failure(HISTORY, of("tasks", "none"), actor=ann).reason == "NOT_FOUND"
    for scopes, reason in ((["changes:read"], "FORBIDDEN"), (["tasks:read"], "FORBIDDEN")):
        key = ApiKeyFactory(user=ann, scopes=scopes)
        assert api.failure(HISTORY, of("tasks", task.pk), authorization=bearer_of(key)).reason == reason
    key = ApiKeyFactory(user=ann, scopes=["changes:read", "tasks:read"])
    assert len(api(HISTORY, of("tasks", task.pk), authorization=bearer_of(key)).entries) == 1


def test_values_of_before_the_caller_would_have_seen_it_are_hidden(api: Transport, ann: User, bob: User) -> None:
    project = ProjectFactory(created_by=ann)
    ProjectMemberFactory(project=project, user=bob, role=Role.VIEWER)
    with acting(ann, "private reason"):
        task = TaskFactory(created_by=ann, assigned_to=ann, title="Secret", description="Of ann alone")
        Task.objects.filter(pk=task.pk).update(title="Still secret")
    Task.objects.filter(pk=task.pk).update(project=project, title="For all")
    Task.objects.filter(pk=task.pk).update(title="For all of us")

    seen = api(HISTORY, of("tasks", task.pk), actor=bob).entries
    assert changes(seen[0]) == {"title": ("For all", "For all of us")}
    assert changes(seen[1]) == {"project_id": ("", str(project.pk)), "title": ("", "For all")}
    assert [(field.before_hidden, field.after_hidden) for field in seen[1].fields] == [(True, False)] * 2
    assert changes(seen[2]) == {"title": ("", "")}
    assert [(field.before_hidden, field.after_hidden) for field in seen[2].fields] == [(True, True)]
    assert not seen[3].fields and seen[3].kind == CREATED
    assert "ecret" not in str(seen) and "private" not in str(seen)

    whole = api(HISTORY, of("tasks", task.pk), actor=ann).entries
    assert changes(whole[2]) == {"title": ("Secret", "Still secret")}
    assert whole[2].reason == "private reason"


def test_reason_of_a_change_that_hid_it_stays_hidden(api: Transport, ann: User, bob: User) -> None:
    project = ProjectFactory(created_by=ann)
    ProjectMemberFactory(project=project, user=bob, role=Role.VIEWER)
    task = TaskFactory(created_by=ann, assigned_to=ann, project=project)
    for reason, home in (("bob must not see it", None), ("all may see it", project)):
        with acting(ann, reason):
            Task.objects.filter(pk=task.pk).update(project=home)
    assert [entry.reason for entry in api(HISTORY, of("tasks", task.pk), actor=bob).entries] == [
        "all may see it",
        "",
        "",
    ]


def test_history_ends_before_a_former_row_with_the_same_id(api: Transport, ann: User) -> None:
    former = TaskFactory(created_by=ann, title="Former")
    Task.objects.filter(pk=former.pk).update(title="Formerly")
    Task.objects.filter(pk=former.pk).update(title="At last")
    token = api(HISTORY, of("tasks", former.pk, page_size=1), actor=ann).next_page_token
    Task.objects.filter(pk=former.pk).delete()
    TaskFactory(id=former.pk, created_by=ann, title="New")
    (created,) = api(HISTORY, of("tasks", former.pk), actor=ann).entries
    assert changes(created)["title"] == ("", "New")
    assert not api(HISTORY, of("tasks", former.pk, page_token=token), actor=ann).entries


def test_meetings_documents_and_projects_have_one_without_ticks_of_progress(
    api: Transport, ann: User, bob: User
) -> None:
    meeting = MeetingFactory(owner=ann)
    rows = Meeting.objects.filter(pk=meeting.pk)
    rows.update(participants=[bob.pk])
    rows.update(status=MeetingStatus.PROCESSING, progress=1)
    for progress in range(2, 9):
        rows.update(progress=progress)
    rows.update(status=MeetingStatus.COMPLETED, progress=100)
    answer = api(HISTORY, of("meetings", meeting.pk), actor=bob)
    assert [entry.version for entry in answer.entries] == [11, 3, 2, 1]
    assert changes(answer.entries[0])["status"] == ("processing", "completed")
    assert json.loads(changes(answer.entries[2])["participants"][1]) == [str(bob.pk)]
    assert answer.names[str(bob.pk)] == "Bob Builder"

    project = ProjectFactory(created_by=ann, name="Hall")
    ProjectMemberFactory(project=project, user=ann, role=Role.MANAGER)
    Project.objects.filter(pk=project.pk).update(name="Hall 4")
    (renamed, _) = api(HISTORY, of("projects", project.pk), actor=ann).entries
    assert changes(renamed) == {"name": ("Hall", "Hall 4")}

    document = DocumentFactory(project=project)
    (created,) = api(HISTORY, of("documents", document.pk), actor=ann).entries
    assert created.kind == CREATED
    assert api.failure(HISTORY, of("documents", document.pk), actor=bob).reason == "NOT_FOUND"

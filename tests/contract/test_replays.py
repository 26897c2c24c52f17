"""A kept answer is given only to callers who may see it now: every operation that keeps one, on both transports."""

from typing import Any

import pytest
from django.contrib.auth.hashers import make_password

from core.models import IdempotencyRecord
from drawings.models import Document
from projects.models import Project
from projects.models import Status as ProjectStatus
from tandem.drawing.v1 import drawing_pb2
from tandem.meeting.v1 import meeting_pb2
from tandem.project.v1 import project_pb2
from tandem.task.v1 import task_pb2
from tandem.user.v1 import user_pb2
from tasks.models import Task
from tests.contract.test_access import PASSWORD, TABLE, TOLD_TO_STRANGERS
from tests.support.credentials import forget_credentials
from tests.support.factories import AdministratorFactory, MeetingFactory, TaskFactory, UserFactory
from tests.support.transports import OPERATIONS, Failed, Transport
from users.models import Role, User

#: What an administrator who has lost that role is given for what they did to another's: a part of the user, or nothing.
PART, NONE, OWN, UNCHANGED = "PART", "NOT_FOUND", "OWN", "UNCHANGED"
AFTER_ROLE_LOSS = {
    "UserService/CreateUser": PART,
    "UserService/UpdateUser": PART,
    "UserService/UpdateUserProfile": PART,
    "UserService/DeactivateUser": NONE,
    "UserService/ReactivateUser": PART,
    "UserService/VerifyEmail": "FORBIDDEN",
    "UserService/AddUserAddress": NONE,
    "UserService/UpdateUserAddress": NONE,
    "UserService/SetDefaultAddress": NONE,
    "UserService/UpdateUserPreferences": NONE,
    "ExampleService/CreateUser": PART,
    "TaskService/UpdateTask": NONE,
    "MeetingService/UpdateMeeting": NONE,
    "MeetingService/Retranscribe": NONE,
    "MeetingService/Summarize": NONE,
    "MeetingService/CancelProcessing": NONE,
    "MeetingService/EditSegment": NONE,
    "MeetingService/NameSpeaker": NONE,
    "MeetingService/EnrollSpeaker": NONE,
    "MeetingService/AcceptActionItem": NONE,
    "MeetingService/RejectActionItem": NONE,
    "ProjectService/UpdateProject": NONE,
    "ProjectService/ArchiveProject": NONE,
    "ProjectService/UnarchiveProject": NONE,
    "ProjectService/AddMember": NONE,
    "ProjectService/UpdateMember": NONE,
    "DrawingService/UpdateDocument": NONE,
    "DrawingService/Reprocess": NONE,
    "DrawingService/CancelProcessing": NONE,
    "DrawingService/CreateComponent": NONE,
    "DrawingService/UpdateComponent": NONE,
    "DrawingService/DecideComponents": NONE,
    "DrawingService/CreateSymbol": NONE,
    "DrawingService/CreateSymbolsOfLegend": NONE,
    "DrawingService/CountSymbol": NONE,
    "DrawingService/CancelCount": NONE,
    "DrawingService/RecognizeComponents": NONE,
    # Their creator may still see these.
    "ProjectService/CreateProject": OWN,
    "TaskService/CreateTask": OWN,
    "MeetingService/CreateMeeting": OWN,
    # These show nothing of the account but its id, to the holder of a mailed token, or nothing at all.
    "UserService/ConfirmEmailVerification": UNCHANGED,
    "UserService/RequestPasswordReset": UNCHANGED,
}


@pytest.fixture
def bob(db: None) -> User:
    return UserFactory(
        email="bob@example.com",
        display_name="Bob",
        password=make_password(PASSWORD),
        phone="+14155551234",
        company="ACME",
    )


def demote(user: User) -> None:
    User.objects.filter(pk=user.pk).update(roles=[Role.CUSTOMER])
    forget_credentials()


def request_of(operation: str, bob: User) -> Any:
    return TABLE[operation][0](bob)


def test_the_table_is_complete() -> None:
    assert set(AFTER_ROLE_LOSS) == {name for name, operation in OPERATIONS.items() if operation.keeps_answers}
    assert all(OPERATIONS[name].replay for name in AFTER_ROLE_LOSS)


@pytest.mark.parametrize("operation", AFTER_ROLE_LOSS)
def test_caller_with_the_right_gets_the_first_answer(
    api: Transport, bob: User, administrator: User, operation: str
) -> None:
    request = request_of(operation, bob)
    first = api.answer(operation, request, actor=administrator, idempotency_key="k")
    again = api.answer(operation, request, actor=administrator, idempotency_key="k")
    assert (first.replayed, again.replayed, again.message) == (False, True, first.message)


@pytest.mark.parametrize("operation", AFTER_ROLE_LOSS)
def test_after_the_loss_of_a_role(api: Transport, bob: User, operation: str) -> None:
    AdministratorFactory()
    former = AdministratorFactory()
    request = request_of(operation, bob)
    first = api.answer(operation, request, actor=former, idempotency_key="k").message
    demote(former)
    expected = AFTER_ROLE_LOSS[operation]
    if expected in (NONE, "FORBIDDEN"):
        with pytest.raises(Failed) as failed:
            api(operation, request, actor=former, idempotency_key="k")
        assert failed.value.reason == expected
        return
    again = api.answer(operation, request, actor=former, idempotency_key="k")
    assert again.replayed
    if expected == PART:
        private = again.message.user.ListFields()
        assert {field.name for field, _ in private} <= TOLD_TO_STRANGERS | {"name"}
        assert again.message.user.id == first.user.id
    else:
        assert again.message == first


DELETED = [name for name, outcome in AFTER_ROLE_LOSS.items() if outcome in (PART, NONE, "FORBIDDEN")]
OF_USERS = [name for name in DELETED if name.startswith(("UserService/", "ExampleService/"))]
OF_MEETINGS = [name for name in AFTER_ROLE_LOSS if name.startswith("MeetingService/")]
OF_PROJECTS = [name for name in AFTER_ROLE_LOSS if name.startswith("ProjectService/")]
OF_DOCUMENTS = [name for name in AFTER_ROLE_LOSS if name.startswith("DrawingService/")]


@pytest.mark.parametrize("operation", OF_USERS)
def test_answers_about_a_deleted_user_are_not_kept(
    api: Transport, bob: User, administrator: User, operation: str
) -> None:
    request = request_of(operation, bob)
    answer = api.answer(operation, request, actor=administrator, idempotency_key="k").message
    record = IdempotencyRecord.objects.get()
    api("UserService/DeleteUser", user_pb2.DeleteUserRequest(user_id=str(record.subject)), actor=administrator)
    record.refresh_from_db()
    assert record.answer is None, answer
    with pytest.raises(Failed) as failed:
        api(operation, request, actor=administrator, idempotency_key="k")
    assert failed.value.reason == "NOT_FOUND"
    # The key stays used: what was deleted does not come back.
    assert not User.objects.filter(email="new@example.com").exists()


@pytest.mark.parametrize("operation", OF_MEETINGS)
def test_answers_about_a_deleted_meeting_are_not_kept(
    api: Transport, bob: User, administrator: User, operation: str
) -> None:
    request = request_of(operation, bob)
    api(operation, request, actor=administrator, idempotency_key="k")
    record = IdempotencyRecord.objects.get()
    meeting = meeting_pb2.DeleteMeetingRequest(meeting_id=str(record.subject))
    api("MeetingService/DeleteMeeting", meeting, actor=administrator)
    record.refresh_from_db()
    assert record.answer is None
    with pytest.raises(Failed) as failed:
        api(operation, request, actor=administrator, idempotency_key="k")
    assert failed.value.reason == "NOT_FOUND"


@pytest.mark.parametrize("operation", OF_PROJECTS)
def test_answers_about_a_deleted_project_are_not_kept(
    api: Transport, bob: User, administrator: User, operation: str
) -> None:
    request = request_of(operation, bob)
    api(operation, request, actor=administrator, idempotency_key="k")
    record = IdempotencyRecord.objects.get()
    Project.objects.update(status=ProjectStatus.ACTIVE)
    delete = project_pb2.DeleteProjectRequest(project_id=str(record.subject))
    api("ProjectService/DeleteProject", delete, actor=administrator)
    record.refresh_from_db()
    assert record.answer is None
    with pytest.raises(Failed, match="NOT_FOUND"):
        api(operation, request, actor=administrator, idempotency_key="k")


@pytest.mark.parametrize("operation", OF_DOCUMENTS)
def test_answers_about_a_deleted_document_are_not_given(
    api: Transport, bob: User, administrator: User, operation: str
) -> None:
    request = request_of(operation, bob)
    api(operation, request, actor=administrator, idempotency_key="k")
    document = Document.objects.get()
    delete = drawing_pb2.DeleteDocumentRequest(document_id=str(document.pk))
    api("DrawingService/DeleteDocument", delete, actor=administrator)
    record = IdempotencyRecord.objects.get()
    if record.subject == document.project_id:
        again = api.answer(operation, request, actor=administrator, idempotency_key="k")
        assert (again.replayed, again.message.ListFields()) == (True, [])
        return
    assert record.answer is None
    with pytest.raises(Failed, match="NOT_FOUND"):
        api(operation, request, actor=administrator, idempotency_key="k")


def test_a_symbol_that_was_deleted(api: Transport, bob: User) -> None:
    legend = request_of("DrawingService/CreateSymbolsOfLegend", bob)
    (symbol,) = api("DrawingService/CreateSymbolsOfLegend", legend, actor=bob, idempotency_key="k").symbols
    count = drawing_pb2.CountSymbolRequest(symbol_id=symbol.id)
    api("DrawingService/CountSymbol", count, actor=bob, idempotency_key="l")
    api("DrawingService/DeleteSymbol", drawing_pb2.DeleteSymbolRequest(symbol_id=symbol.id), actor=bob)
    assert IdempotencyRecord.objects.get(subject=symbol.id).answer is None
    with pytest.raises(Failed, match="NOT_FOUND"):
        api("DrawingService/CountSymbol", count, actor=bob, idempotency_key="l")
    again = api.answer("DrawingService/CreateSymbolsOfLegend", legend, actor=bob, idempotency_key="k")
    assert (again.replayed, list(again.message.symbols)) == (True, [])


def test_answers_to_a_deleted_user_are_deleted(api: Transport, bob: User, ann: User) -> None:
    task = TaskFactory(created_by=ann, assigned_to=bob)
    api("TaskService/UpdateTask", task_pb2.UpdateTaskRequest(id=str(task.pk), title="New"), actor=bob,
        idempotency_key="k")  # fmt: skip
    api("UserService/DeleteUser", user_pb2.DeleteUserRequest(user_id="me"), actor=bob, idempotency_key="k")
    assert not IdempotencyRecord.objects.exists()


def test_former_assignee_gets_no_replay(api: Transport, ann: User, bob: User) -> None:
    task = TaskFactory(created_by=ann, assigned_to=bob)
    request = task_pb2.UpdateTaskRequest(id=str(task.pk), description="Private.")
    api("TaskService/UpdateTask", request, actor=bob, idempotency_key="k")
    api("TaskService/UpdateTask", task_pb2.UpdateTaskRequest(id=str(task.pk), assigned_to="me"), actor=ann)
    with pytest.raises(Failed) as failed:
        api("TaskService/UpdateTask", request, actor=bob, idempotency_key="k")
    assert (failed.value.reason, failed.value.message) == ("NOT_FOUND", f"Task with ID '{task.pk}' not found")


def test_a_former_owner_of_a_meeting(api: Transport, ann: User, bob: User) -> None:
    meeting = MeetingFactory(owner=ann)
    request = meeting_pb2.UpdateMeetingRequest(meeting_id=str(meeting.pk), meeting={"title": "Private"})
    api("MeetingService/UpdateMeeting", request, actor=ann, idempotency_key="k")
    handed = meeting_pb2.UpdateMeetingRequest(meeting_id=str(meeting.pk), meeting={"owner": str(bob.pk)})
    api("MeetingService/UpdateMeeting", handed, actor=ann)
    with pytest.raises(Failed, match="NOT_FOUND"):
        api("MeetingService/UpdateMeeting", request, actor=ann, idempotency_key="k")


def test_a_task_that_was_deleted(api: Transport, ann: User) -> None:
    request = task_pb2.CreateTaskRequest(title="New", request_id="k")
    made = api("TaskService/CreateTask", request, actor=ann)
    api("TaskService/DeleteTask", task_pb2.DeleteTaskRequest(id=made.id), actor=ann)
    with pytest.raises(Failed, match="NOT_FOUND"):
        api("TaskService/CreateTask", request, actor=ann)


def test_an_item_of_a_bulk(api: Transport, ann: User, administrator: User) -> None:
    items = [task_pb2.CreateTaskRequest(title=f"Private {number}", request_id=f"k-{number}") for number in range(3)]
    first = api("TaskService/BulkCreateTasks", items, actor=ann)
    task_id = first.tasks[1].id
    Task.objects.filter(pk=task_id).update(created_by=administrator, assigned_to=administrator)
    again = api("TaskService/BulkCreateTasks", items, actor=ann)
    assert [task.title for task in again.tasks] == ["Private 0", "Private 2"]
    assert (again.success_count, again.committed_through) == (2, 3)
    assert [(error.index, error.error_message) for error in again.errors] == [
        (1, f"Task with ID '{task_id}' not found")
    ]


def test_a_command_of_a_stream(api: Transport, ann: User, administrator: User) -> None:
    task = TaskFactory(created_by=administrator, assigned_to=ann)
    update = task_pb2.UpdateTaskRequest(id=str(task.pk), description="Private.", request_id="k")
    commands = [task_pb2.TaskCommand(update=update)]
    (first,) = api("TaskService/ProcessTaskStream", commands, actor=ann)
    assert first.task.description == "Private."
    handed = task_pb2.UpdateTaskRequest(id=str(task.pk), assigned_to="me")
    api("TaskService/UpdateTask", handed, actor=administrator)
    (again,) = api("TaskService/ProcessTaskStream", commands, actor=ann)
    assert (again.success, again.task.id, again.error_message) == (False, "", f"Task with ID '{task.pk}' not found")


def test_a_sign_up_that_is_sent_again(api: Transport) -> None:
    request = user_pb2.CreateUserRequest(email="new@example.com", password=PASSWORD)
    first, again = (api.answer("UserService/CreateUser", request, idempotency_key="k") for _ in range(2))
    assert (again.message, again.replayed) == (first.message, True)
    assert again.message.user.email == "new@example.com"

"""`If-Match` and `If-None-Match` of every write, over both transports."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from google.protobuf.field_mask_pb2 import FieldMask

from changes.models import Change
from core.auth import Credential
from core.execution import execute, open_stream
from core.observability import call_log
from core.operations import Call, Operation
from core.preconditions import ANY_VERSION, ExpectedVersion, entity_tags, exactly, expected_version
from meetings.models import Status as MeetingStatus
from tandem.auth.v1 import auth_pb2
from tandem.meeting.v1 import meeting_pb2
from tandem.task.v1 import task_pb2
from tandem.user.v1 import user_pb2
from tests.support.conditional_writes import DOCUMENT_WRITES, PROJECT_WRITES, Write
from tests.support.databases import undone
from tests.support.factories import (
    ActionItemFactory,
    MeetingFactory,
    SegmentFactory,
    SpeakerFactory,
    TaskFactory,
    TranscribedMeetingFactory,
    UserAddressFactory,
)
from tests.support.transports import OPERATIONS, Failed, Transport
from users.models import User

PASSWORD = "correct horse battery"


def _meeting(ann: User) -> Any:
    return TranscribedMeetingFactory(owner=ann)


def _user_request(request: Any) -> Callable[[User], Write]:
    return lambda ann: Write(request, ann)


def _of_address(make: Callable[[Any], Any]) -> Callable[[User], Write]:
    def write(ann: User) -> Write:
        address = UserAddressFactory(user=ann)
        return Write(make(address), address)

    return write


def _of_task(make: Callable[[Any], Any]) -> Callable[[User], Write]:
    def write(ann: User) -> Write:
        task = TaskFactory(created_by=ann)
        return Write(make(task), task)

    return write


def _of_meeting(make: Callable[[Any], Any], **fields: Any) -> Callable[[User], Write]:
    def write(ann: User) -> Write:
        meeting = TranscribedMeetingFactory(owner=ann, **fields)
        return Write(make(meeting), meeting)

    return write


def _of_part(factory: Any, make: Callable[[str, str], Any]) -> Callable[[User], Write]:
    def write(ann: User) -> Write:
        part = factory(meeting=_meeting(ann))
        return Write(make(str(part.meeting_id), str(part.pk)), part)

    return write


def _transcribed(ann: User) -> Write:
    meeting = TranscribedMeetingFactory(owner=ann)
    SegmentFactory(meeting=meeting)
    return Write(meeting_pb2.SummarizeRequest(meeting_id=str(meeting.pk)), meeting)


def _enrolled(ann: User) -> Write:
    speaker = SpeakerFactory(meeting=_meeting(ann), user=ann, speech_ms=9_000)
    request = meeting_pb2.EnrollSpeakerRequest(
        meeting_id=str(speaker.meeting_id), speaker_id=str(speaker.pk), consent=True
    )
    return Write(request, speaker)


WRITES: dict[str, Callable[[User], Write]] = {
    **PROJECT_WRITES,
    "UserService/UpdateUser": _user_request(
        user_pb2.UpdateUserRequest(
            user_id="me", user=user_pb2.User(first_name="New"), update_mask=FieldMask(paths=["first_name"])
        )
    ),
    "UserService/UpdateUserProfile": _user_request(
        user_pb2.UpdateUserProfileRequest(
            user_id="me", profile=user_pb2.UserProfile(bio="New"), update_mask=FieldMask(paths=["bio"])
        )
    ),
    "UserService/UpdateUserPreferences": _user_request(
        user_pb2.UpdateUserPreferencesRequest(
            user_id="me",
            preferences=user_pb2.UserPreferences(email=user_pb2.EmailPreferences(newsletter=True)),
            update_mask=FieldMask(paths=["email.newsletter"]),
        )
    ),
    "UserService/DeactivateUser": _user_request(user_pb2.DeactivateUserRequest(user_id="me")),
    "UserService/DeleteUser": _user_request(user_pb2.DeleteUserRequest(user_id="me")),
    "UserService/ChangePassword": _user_request(
        user_pb2.ChangePasswordRequest(user_id="me", current_password=PASSWORD, new_password="staple battery horse")
    ),
    "UserService/UpdateUserAddress": _of_address(
        lambda address: user_pb2.UpdateUserAddressRequest(
            user_id="me",
            address_id=str(address.pk),
            address=user_pb2.UserAddress(label="New"),
            update_mask=FieldMask(paths=["label"]),
        )
    ),
    "UserService/SetDefaultAddress": _of_address(
        lambda address: user_pb2.SetDefaultAddressRequest(
            user_id="me", address_id=str(address.pk), type=user_pb2.ADDRESS_TYPE_BOTH
        )
    ),
    "UserService/DeleteUserAddress": _of_address(
        lambda address: user_pb2.DeleteUserAddressRequest(user_id="me", address_id=str(address.pk))
    ),
    "TaskService/UpdateTask": _of_task(
        lambda task: task_pb2.UpdateTaskRequest(id=str(task.pk), title="New", update_mask=FieldMask(paths=["title"]))
    ),
    "TaskService/DeleteTask": _of_task(lambda task: task_pb2.DeleteTaskRequest(id=str(task.pk))),
    **DOCUMENT_WRITES,
    "MeetingService/UpdateMeeting": _of_meeting(
        lambda meeting: meeting_pb2.UpdateMeetingRequest(
            meeting_id=str(meeting.pk),
            meeting=meeting_pb2.Meeting(title="New"),
            update_mask=FieldMask(paths=["title"]),
        )
    ),
    "MeetingService/DeleteMeeting": _of_meeting(
        lambda meeting: meeting_pb2.DeleteMeetingRequest(meeting_id=str(meeting.pk)), recording=""
    ),
    "MeetingService/Retranscribe": _of_meeting(
        lambda meeting: meeting_pb2.RetranscribeRequest(meeting_id=str(meeting.pk))
    ),
    "MeetingService/Summarize": _transcribed,
    "MeetingService/CancelProcessing": _of_meeting(
        lambda meeting: meeting_pb2.CancelProcessingRequest(meeting_id=str(meeting.pk)), status=MeetingStatus.QUEUED
    ),
    "MeetingService/EditSegment": _of_part(
        SegmentFactory,
        lambda meeting_id, pk: meeting_pb2.EditSegmentRequest(
            meeting_id=meeting_id,
            segment_id=pk,
            segment=meeting_pb2.Segment(text="New"),
            update_mask=FieldMask(paths=["text"]),
        ),
    ),
    "MeetingService/NameSpeaker": _of_part(
        SpeakerFactory,
        lambda meeting_id, pk: meeting_pb2.NameSpeakerRequest(meeting_id=meeting_id, speaker_id=pk, name="New"),
    ),
    "MeetingService/EnrollSpeaker": _enrolled,
    "MeetingService/AcceptActionItem": _of_part(
        ActionItemFactory,
        lambda meeting_id, pk: meeting_pb2.AcceptActionItemRequest(meeting_id=meeting_id, item_id=pk),
    ),
    "MeetingService/RejectActionItem": _of_part(
        ActionItemFactory,
        lambda meeting_id, pk: meeting_pb2.RejectActionItemRequest(meeting_id=meeting_id, item_id=pk),
    ),
}  # fmt: skip

#: Writes of administrators to another's row.
BY_ADMINISTRATORS = {"UserService/ReactivateUser"}
#: Writes to what is there but has no version of its own.
WITHOUT_VERSION = {
    "AuthService/RevokeSession": auth_pb2.RevokeSessionRequest(session_id="-"),
    "AuthService/RevokeApiKey": auth_pb2.RevokeApiKeyRequest(id="0198a3c0-0000-7000-8000-000000000000"),
}  # fmt: skip


@pytest.fixture
def owner(ann: User) -> User:
    ann.set_password(PASSWORD)
    ann.save()
    return ann


def _prepared(name: str, owner: User) -> tuple[Any, str]:
    write = WRITES[name](owner)
    write.row.refresh_from_db()
    return write, str(write.row.version)


def _logged() -> int:
    return Change.objects.count()


def _checks_version(operation: Operation) -> bool:
    return operation.checks_version


def test_every_write_to_a_versioned_row_is_covered() -> None:
    checking = {name for name, operation in OPERATIONS.items() if _checks_version(operation)}
    assert checking == WRITES.keys() | BY_ADMINISTRATORS


@pytest.mark.parametrize("name", WRITES)
def test_matching_version_lets_the_write_through(api: Transport, owner: User, name: str) -> None:
    write, version = _prepared(name, owner)
    before = _logged()
    api.bearer(owner)
    for form in ('"{}"', 'W/"{}"', '"999", "{}"', 'W/"x,y" , , W/"{}",', "{}", "*"):
        with undone():
            api(name, write.request, actor=owner, if_match=form.format(version))
            assert _logged() > before, form


@pytest.mark.parametrize("name", WRITES)
def test_mismatching_version_is_stale_and_changes_nothing(api: Transport, owner: User, name: str) -> None:
    write, version = _prepared(name, owner)
    before = _logged()
    for if_match in ('"999"', 'W/"999"', '"998", "999"', '"abc"', '""', '"1-gzip"', '"9" , "b,c"'):
        failed = api.failure(name, write.request, actor=owner, if_match=if_match)
        assert (failed.reason, failed.metadata) == ("STALE", {"current_version": version}), if_match
    assert _logged() == before


@pytest.mark.parametrize("name", WRITES)
def test_if_none_match_rejects_a_write_to_an_existing_row(api: Transport, owner: User, name: str) -> None:
    write, version = _prepared(name, owner)
    before = _logged()
    for if_none_match in ("*", f'"{version}"', f'"999", W/"{version}"'):
        with pytest.raises(Failed) as failed:
            api(name, write.request, actor=owner, if_none_match=if_none_match)
        assert (failed.value.reason, failed.value.metadata) == ("STALE", {"current_version": version})
        assert failed.value.message == f"If-None-Match excludes it: it exists, at version {version}."
    assert _logged() == before
    api(name, write.request, actor=owner, if_none_match='"999", "abc"')


@pytest.mark.parametrize("name", [name for name in WRITES if OPERATIONS[name].preconditions_in_body])
def test_preconditions_are_read_from_a_message_and_stay_in_it(owner: User, name: str) -> None:
    write, version = _prepared(name, owner)
    fields = {"version": int(version), "request_id": "a-key"}
    operation = OPERATIONS[name]
    request: Any = operation.request_class.FromString(write.request.SerializeToString())
    for field in operation.preconditions_in_body:
        setattr(request, field, fields[field])
    sent = request.SerializeToString(deterministic=True)
    call = Call(operation, credential=Credential(owner))
    execute(call, request)
    assert request.SerializeToString(deterministic=True) == sent
    if "version" in operation.preconditions_in_body:
        assert call.expected_version == exactly(int(version))
    if "request_id" in operation.preconditions_in_body:
        assert call.idempotency_key == "a-key"


def test_preconditions_stay_in_the_commands_of_a_stream(owner: User) -> None:
    commands = [
        task_pb2.TaskCommand(create=task_pb2.CreateTaskRequest(title="New", request_id="a-key")),
        task_pb2.TaskCommand(update=task_pb2.UpdateTaskRequest(id=str(TaskFactory(created_by=owner).pk), version=1)),
    ]
    sent = [command.SerializeToString() for command in commands]
    call = Call(OPERATIONS["TaskService/ProcessTaskStream"], credential=Credential(owner))
    assert [result.success for result in open_stream(call, iter(commands))] == [True, True]
    assert [command.SerializeToString() for command in commands] == sent


def test_the_log_shows_the_request_with_its_preconditions(
    api: Transport, owner: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, call_log.logger.name)
    api("TaskService/CreateTask", task_pb2.CreateTaskRequest(title="New", request_id="a-key"), actor=owner)
    (call,) = [record.call for record in caplog.records if hasattr(record, "call")]
    # Over HTTP the key is a header, and the message never had it.
    in_message = {"request_id": "a-key"} if api.name != "rest" else {}
    assert call["request"] == {"title": "New", **in_message}


@pytest.mark.parametrize("name", WITHOUT_VERSION)
def test_rows_without_version_match_no_version(api: Transport, owner: User, name: str) -> None:
    for headers in ({"if_match": '"1"'}, {"if_none_match": "*"}):
        with pytest.raises(Failed) as failed:
            api(name, WITHOUT_VERSION[name], actor=owner, **headers)
        assert (failed.value.reason, failed.value.metadata) == ("STALE", {})


def test_new_row_has_no_version_to_match(api: Transport, owner: User) -> None:
    assert api("TaskService/CreateTask", task_pb2.CreateTaskRequest(title="A"), actor=owner, if_none_match="*").id
    assert api("TaskService/CreateTask", task_pb2.CreateTaskRequest(title="A"), actor=owner, if_match="*").id
    before = _logged()
    with pytest.raises(Failed) as failed:
        api("TaskService/CreateTask", task_pb2.CreateTaskRequest(title="A"), actor=owner, if_match='"1"')
    assert failed.value.reason == "STALE"
    assert _logged() == before


def test_missing_row_is_not_found_with_any_precondition(api: Transport, owner: User) -> None:
    missing = task_pb2.UpdateTaskRequest(id="0198a3c0-0000-7000-8000-000000000000", title="New")
    for headers in ({"if_match": "*"}, {"if_match": '"1"'}, {"if_none_match": "*"}):
        with pytest.raises(Failed) as failed:
            api("TaskService/UpdateTask", missing, actor=owner, **headers)
        assert failed.value.reason == "NOT_FOUND"


def test_forbidden_caller_learns_no_version(api: Transport, owner: User, bob: User) -> None:
    meeting = MeetingFactory(owner=owner, participants=[bob.pk])
    request = meeting_pb2.DeleteMeetingRequest(meeting_id=str(meeting.pk))
    with pytest.raises(Failed) as failed:
        api("MeetingService/DeleteMeeting", request, actor=bob, if_match='"999"')
    assert failed.value.reason == "FORBIDDEN"


def test_both_conditions_must_hold(api: Transport, owner: User) -> None:
    task = TaskFactory(created_by=owner)
    request = task_pb2.UpdateTaskRequest(id=str(task.pk), title="New", update_mask=FieldMask(paths=["title"]))
    with pytest.raises(Failed):
        api("TaskService/UpdateTask", request, actor=owner, if_match='"1"', if_none_match='"1"')
    api("TaskService/UpdateTask", request, actor=owner, if_match='"1"', if_none_match='"2"')


@pytest.mark.parametrize("sent", ["", "nonsense", '"1', "1, 2", '*, "1"'])
def test_malformed_entity_tags_are_rejected(api: Transport, owner: User, sent: str) -> None:
    task = TaskFactory(created_by=owner)
    request = task_pb2.DeleteTaskRequest(id=str(task.pk))
    for name in ("if_match", "if_none_match"):
        with pytest.raises(Failed) as failed:
            api("TaskService/DeleteTask", request, actor=owner, **{name: sent})
        assert failed.value.fields == {name: "invalid"}
    task.refresh_from_db()


def test_a_request_under_one_key_is_another_with_another_condition(api: Transport, owner: User) -> None:
    task = TaskFactory(created_by=owner)
    reject = ActionItemFactory(meeting=_meeting(owner))
    request = meeting_pb2.RejectActionItemRequest(meeting_id=str(reject.meeting_id), item_id=str(reject.pk))
    name = "MeetingService/RejectActionItem"
    first = api.answer(name, request, actor=owner, idempotency_key="k", if_match='"2", "1"')
    again = api.answer(name, request, actor=owner, idempotency_key="k", if_match='"1",W/"2"')
    assert (first.replayed, again.replayed) == (False, True)
    assert again.message == first.message
    for headers in ({"if_match": '"1"'}, {}, {"if_match": '"1", "2"', "if_none_match": "*"}):
        with pytest.raises(Failed) as failed:
            api(name, request, actor=owner, idempotency_key="k", **headers)
        assert failed.value.reason == "IDEMPOTENCY_KEY_REUSED"
    task.refresh_from_db()


@pytest.mark.parametrize(("if_match", "written"), [('"1", "9"', 1), ('W/"2", "1"', 2), ("*", 12), ('"9", "abc"', 0)])
def test_only_as_many_concurrent_writers_succeed_as_versions_are_listed(
    committing_api: Transport, owner: User, if_match: str, written: int
) -> None:
    made = TaskFactory(created_by=owner)

    def edit(number: int) -> bool:
        request = task_pb2.UpdateTaskRequest(id=str(made.pk), title=f"T {number}")
        try:
            committing_api("TaskService/UpdateTask", request, actor=owner, if_match=if_match)
            return True
        except Failed as failed:
            assert failed.reason == "STALE"
            return False
        finally:
            connection.close()

    committing_api.bearer(owner)
    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(edit, range(12))) == written
    made.refresh_from_db()
    assert made.version == 1 + written


def test_a_list_is_read_tag_by_tag() -> None:
    assert entity_tags('"a,b" ,W/"c"') == ["a,b", "c"]
    assert entity_tags('""') == [""]
    assert entity_tags('"a"b"') is entity_tags('"a"  "b"') is entity_tags('"a b"') is entity_tags(", ,") is None
    assert expected_version(None) is ANY_VERSION
    assert expected_version('"03", "0", "99999999999999999999"') == ExpectedVersion(frozenset())
    assert expected_version("*", "*") == ExpectedVersion(None, None)

"""Callers and the operations that they may call: one table, complete in both directions, run over both transports."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.hashers import make_password
from google.protobuf.empty_pb2 import Empty
from google.protobuf.field_mask_pb2 import FieldMask

from access.models import Session
from access.services import issue_refresh_token
from access.tokens import new_secret
from changes.feed import live, numbering
from changes.feed.log import read_head
from core.db.ids import uuid7
from meetings.models import Status
from tandem.auth.v1 import auth_pb2
from tandem.change.v1 import change_pb2
from tandem.example.v1 import example_pb2
from tandem.meeting.v1 import meeting_pb2
from tandem.task.v1 import task_pb2
from tandem.user.v1 import user_pb2
from tests.support.access import (
    ADMINISTRATORS,
    ANYONE,
    CALLERS,
    CLOSING,
    MAKING_KEYS,
    NO,
    OK,
    OWN_KEY,
    OWN_MEETING,
    OWN_SESSION,
    OWN_TASK,
    PASSWORD_OF,
    PRIVATE,
    READ_PRIVATE,
    SELF_AND_ADMINISTRATORS,
    SIGNED_IN,
    WHO,
    WITH_A_SESSION,
    Row,
    cases,
    outcome,
)
from tests.support.access_to_components import COMPONENTS
from tests.support.access_to_drawings import DRAWINGS
from tests.support.access_to_projects import PROJECTS
from tests.support.databases import undone
from tests.support.factories import (
    ActionItemFactory,
    AdministratorFactory,
    ApiKeyFactory,
    EnrolledVoiceFactory,
    MeetingFactory,
    SegmentFactory,
    ServiceFactory,
    SpeakerFactory,
    SummaryFactory,
    SupportFactory,
    TaskFactory,
    TranscribedMeetingFactory,
    UserAddressFactory,
    UserFactory,
    bearer_of,
)
from tests.support.live_audio import audio, config, end
from tests.support.recordings import a_recorded_meeting, an_upload
from tests.support.transports import OPERATIONS, Transport
from users.models import TokenPurpose, User
from users.policies import CREDENTIALS
from users.services import mailed_tokens

AN_ADDRESS = user_pb2.UserAddress(
    label="Home", full_name="Bob", address={"line1": "Main Street 1", "city": "Berlin", "country_code": "DE"}
)

PASSWORD = "correct horse battery"
NAME = FieldMask(paths=["first_name"])


def own_meeting(request: Any, **fields: Any) -> Row:
    """Return the row of a request for a meeting, with these fields, that the caller of column `self` owns."""
    return lambda user: request(meeting_id=a_meeting(user, **fields)), OWN_MEETING


TABLE: dict[str, Row] = {
    **PROJECTS,
    **DRAWINGS,
    **COMPONENTS,
    "UserService/CreateUser": (lambda user: user_pb2.CreateUserRequest(email="new@example.com"), ANYONE),
    "UserService/GetUser": (lambda user: user_pb2.GetUserRequest(user_id=str(user.pk)), SIGNED_IN),
    "UserService/GetUserByEmail": (lambda user: user_pb2.GetUserByEmailRequest(email=user.email), READ_PRIVATE),
    "UserService/UpdateUser": (
        lambda user: user_pb2.UpdateUserRequest(
            user_id=str(user.pk), user=user_pb2.User(first_name="New"), update_mask=NAME
        ),
        SELF_AND_ADMINISTRATORS,
    ),
    "UserService/UpdateUserProfile": (
        lambda user: user_pb2.UpdateUserProfileRequest(
            user_id=str(user.pk), profile=user_pb2.UserProfile(bio="New"), update_mask=FieldMask(paths=["bio"])
        ),
        SELF_AND_ADMINISTRATORS,
    ),
    "UserService/DeleteUser": (lambda user: user_pb2.DeleteUserRequest(user_id=str(user.pk)), CLOSING),
    "UserService/DeactivateUser": (lambda user: user_pb2.DeactivateUserRequest(user_id=str(user.pk)), CLOSING),
    "UserService/ReactivateUser": (lambda user: user_pb2.ReactivateUserRequest(user_id=str(user.pk)), ADMINISTRATORS),
    "UserService/ChangePassword": (
        lambda user: user_pb2.ChangePasswordRequest(
            user_id=str(user.pk), current_password=PASSWORD, new_password="another horse battery"
        ),
        PASSWORD_OF,
    ),
    "UserService/VerifyEmail": (
        lambda user: user_pb2.VerifyEmailRequest(user_id=str(user.pk)),
        (WHO, NO, OK, OK, OK, OK, NO, OK),
    ),
    "UserService/ConfirmEmailVerification": (
        lambda user: user_pb2.ConfirmEmailVerificationRequest(token=mailed(user, TokenPurpose.VERIFY_EMAIL)),
        ANYONE,
    ),
    "UserService/RequestPasswordReset": (
        lambda user: user_pb2.RequestPasswordResetRequest(email=user.email),
        ANYONE,
    ),
    "UserService/ResetPassword": (
        lambda user: user_pb2.ResetPasswordRequest(
            token=mailed(user, TokenPurpose.RESET_PASSWORD), new_password="another horse battery"
        ),
        ANYONE,
    ),
    "UserService/AddUserAddress": (
        lambda user: user_pb2.AddUserAddressRequest(user_id=str(user.pk), address=AN_ADDRESS),
        PRIVATE,
    ),
    "UserService/UpdateUserAddress": (
        lambda user: user_pb2.UpdateUserAddressRequest(
            user_id=str(user.pk), address_id=an_address(user), address=user_pb2.UserAddress(label="Work")
        ),
        PRIVATE,
    ),
    "UserService/DeleteUserAddress": (
        lambda user: user_pb2.DeleteUserAddressRequest(user_id=str(user.pk), address_id=an_address(user)),
        PRIVATE,
    ),
    "UserService/ListUserAddresses": (
        lambda user: user_pb2.ListUserAddressesRequest(user_id=str(user.pk)),
        READ_PRIVATE,
    ),
    "UserService/SetDefaultAddress": (
        lambda user: user_pb2.SetDefaultAddressRequest(
            user_id=str(user.pk), address_id=an_address(user), type=user_pb2.ADDRESS_TYPE_BOTH
        ),
        PRIVATE,
    ),
    "UserService/GetUserPreferences": (
        lambda user: user_pb2.GetUserPreferencesRequest(user_id=str(user.pk)),
        READ_PRIVATE,
    ),
    "UserService/UpdateUserPreferences": (
        lambda user: user_pb2.UpdateUserPreferencesRequest(
            user_id=str(user.pk), preferences=user_pb2.UserPreferences(push={"enabled": True})
        ),
        PRIVATE,
    ),
    "UserService/BatchGetUsers": (lambda user: user_pb2.BatchGetUsersRequest(user_ids=[str(user.pk)]), SIGNED_IN),
    "UserService/BulkImportUsers": (
        lambda user: [user_pb2.BulkImportUsersRequest(user=user_pb2.User(email="new@example.com"))],
        ADMINISTRATORS,
    ),
    "UserService/ListUsers": (lambda user: user_pb2.ListUsersRequest(), SIGNED_IN),
    "UserService/SearchUsers": (lambda user: user_pb2.SearchUsersRequest(query="b"), SIGNED_IN),
    "UserService/HealthCheck": (lambda user: Empty(), ANYONE),
    "ExampleService/GetUser": (lambda user: example_pb2.GetUserRequest(user_id=user.number), SIGNED_IN),
    "ExampleService/CreateUser": (
        lambda user: example_pb2.CreateUserRequest(name="New", email="new@example.com"),
        ANYONE,
    ),
    "ExampleService/ListUsers": (lambda user: example_pb2.ListUsersRequest(), SIGNED_IN),
    "AuthService/Login": (lambda user: auth_pb2.LoginRequest(email=user.email, password=PASSWORD), ANYONE),
    "AuthService/RefreshToken": (lambda user: auth_pb2.RefreshTokenRequest(refresh_token=a_token(user)), ANYONE),
    "AuthService/Logout": (lambda user: auth_pb2.LogoutRequest(refresh_token=a_token(user)), ANYONE),
    "AuthService/ListSessions": (lambda user: auth_pb2.ListSessionsRequest(), WITH_A_SESSION),
    "AuthService/RevokeSession": (lambda user: auth_pb2.RevokeSessionRequest(session_id=a_session(user)), OWN_SESSION),
    "AuthService/CreateApiKey": (
        lambda user: auth_pb2.CreateApiKeyRequest(name="Mine", scopes=["users:read"]),
        MAKING_KEYS,
    ),
    "AuthService/ListApiKeys": (lambda user: auth_pb2.ListApiKeysRequest(), WITH_A_SESSION),
    "AuthService/RevokeApiKey": (lambda user: auth_pb2.RevokeApiKeyRequest(id=a_key(user)), OWN_KEY),
    "AuthService/CreateStreamTicket": (
        lambda user: auth_pb2.CreateStreamTicketRequest(path="/api/v1/tasks/stream"),
        WITH_A_SESSION,
    ),
    "TaskService/CreateTask": (lambda user: task_pb2.CreateTaskRequest(title="New"), SIGNED_IN),
    "TaskService/GetTask": (lambda user: task_pb2.GetTaskRequest(id=a_task(user)), OWN_TASK),
    "TaskService/UpdateTask": (lambda user: task_pb2.UpdateTaskRequest(id=a_task(user), title="New"), OWN_TASK),
    "TaskService/DeleteTask": (lambda user: task_pb2.DeleteTaskRequest(id=a_task(user)), OWN_TASK),
    "TaskService/ListTasks": (lambda user: task_pb2.ListTasksRequest(), SIGNED_IN),
    "TaskService/GetTaskStats": (lambda user: task_pb2.GetTaskStatsRequest(), SIGNED_IN),
    "TaskService/WatchTasks": (lambda user: a_request_to_watch(task_pb2.WatchTasksRequest()), SIGNED_IN),
    "TaskService/BulkCreateTasks": (lambda user: [task_pb2.CreateTaskRequest(title="New")], SIGNED_IN),
    "TaskService/BulkUpdateTasks": (lambda user: [task_pb2.UpdateTaskRequest(id=a_task(user), title="N")], SIGNED_IN),
    "TaskService/ProcessTaskStream": (lambda user: [task_pb2.TaskCommand()], SIGNED_IN),
    "MeetingService/CreateMeeting": (lambda user: meeting_pb2.CreateMeetingRequest(title="New"), SIGNED_IN),
    "MeetingService/GetMeeting": own_meeting(meeting_pb2.GetMeetingRequest),
    "MeetingService/UpdateMeeting": (
        lambda user: meeting_pb2.UpdateMeetingRequest(meeting_id=a_meeting(user), meeting={"title": "New"}),
        OWN_MEETING,
    ),
    "MeetingService/DeleteMeeting": own_meeting(meeting_pb2.DeleteMeetingRequest),
    "MeetingService/UploadRecording": (lambda user: an_upload(a_meeting(user)), OWN_MEETING),
    "MeetingService/StreamAudio": (
        lambda user: a_request_to_watch([config(a_meeting(user)), audio(1), end()]),
        OWN_MEETING,
    ),
    "MeetingService/DownloadRecording": (
        lambda user: meeting_pb2.DownloadRecordingRequest(meeting_id=str(a_recorded_meeting(user).pk)),
        OWN_MEETING,
    ),
    "MeetingService/GetWaveform": own_meeting(meeting_pb2.GetWaveformRequest, recording="a-file"),
    "MeetingService/Retranscribe": own_meeting(
        meeting_pb2.RetranscribeRequest, status=Status.FAILED, recording="a-file"
    ),
    "MeetingService/Summarize": (
        lambda user: meeting_pb2.SummarizeRequest(meeting_id=a_part(user, "id", SegmentFactory)["meeting_id"]),
        OWN_MEETING,
    ),
    "MeetingService/CancelProcessing": own_meeting(meeting_pb2.CancelProcessingRequest, status=Status.PROCESSING),
    "MeetingService/ListMeetings": (lambda user: meeting_pb2.ListMeetingsRequest(), SIGNED_IN),
    "MeetingService/WatchMeeting": (
        lambda user: a_request_to_watch(meeting_pb2.WatchMeetingRequest(meeting_id=a_meeting(user))),
        OWN_MEETING,
    ),
    "MeetingService/GetTranscript": own_meeting(meeting_pb2.GetTranscriptRequest),
    "MeetingService/EditSegment": (
        lambda user: meeting_pb2.EditSegmentRequest(
            **a_part(user, "segment_id", SegmentFactory), segment={"text": "New"}
        ),
        OWN_MEETING,
    ),
    "MeetingService/ListSpeakers": own_meeting(meeting_pb2.ListSpeakersRequest),
    "MeetingService/NameSpeaker": (
        lambda user: meeting_pb2.NameSpeakerRequest(**a_part(user, "speaker_id", SpeakerFactory), name="New"),
        OWN_MEETING,
    ),
    "MeetingService/EnrollSpeaker": (lambda user: meeting_pb2.EnrollSpeakerRequest(**a_voice(user)), OWN_MEETING),
    "MeetingService/ForgetSpeaker": (
        lambda user: meeting_pb2.ForgetSpeakerRequest(user_id=str(EnrolledVoiceFactory(user=user).user_id)),
        SELF_AND_ADMINISTRATORS,
    ),
    "MeetingService/GetSummary": (
        lambda user: meeting_pb2.GetSummaryRequest(
            meeting_id=str(SummaryFactory(meeting=TranscribedMeetingFactory(owner=user)).meeting_id)
        ),
        OWN_MEETING,
    ),
    "MeetingService/ListActionItems": own_meeting(meeting_pb2.ListActionItemsRequest),
    "MeetingService/AcceptActionItem": (
        lambda user: meeting_pb2.AcceptActionItemRequest(**a_part(user, "item_id", ActionItemFactory)),
        OWN_MEETING,
    ),
    "MeetingService/RejectActionItem": (
        lambda user: meeting_pb2.RejectActionItemRequest(**a_part(user, "item_id", ActionItemFactory)),
        OWN_MEETING,
    ),
    "MeetingService/SearchTranscripts": (lambda user: meeting_pb2.SearchTranscriptsRequest(query="new"), SIGNED_IN),
    "MeetingService/GetMeetingStats": (lambda user: meeting_pb2.GetMeetingStatsRequest(), SIGNED_IN),
    "ChangeService/ListChanges": (lambda user: a_request_for_changes(), SIGNED_IN),
    "ChangeService/ListHistory": (
        lambda user: change_pb2.ListHistoryRequest(collection="tasks", subject_id=a_task(user)),
        OWN_TASK,
    ),
    "ChangeService/WatchChanges": (lambda user: a_request_to_watch(change_pb2.WatchChangesRequest()), SIGNED_IN),
}

#: What a stranger may know of a user (user.v1), and of one in ExampleService.
TOLD_TO_STRANGERS = {"id", "display_name", "first_name", "last_name", "avatar_url", "status"}
TOLD_TO_STRANGERS_BY_EXAMPLE = {"id", "name"}


def an_address(user: User) -> str:
    return str(UserAddressFactory(user=user).pk)


def mailed(user: User, purpose: TokenPurpose) -> str:
    token = mailed_tokens.issue(user, purpose, uuid7())
    assert token
    return token


def a_request_for_changes() -> change_pb2.ListChangesRequest:
    numbering.begin()
    return change_pb2.ListChangesRequest()


def a_request_to_watch(request: Any) -> Any:
    numbering.begin()
    live.begin(read_head())
    return request


def a_session(user: User) -> str:
    return str(Session.objects.create(user=user).pk)


def a_key(user: User) -> str:
    return str(ApiKeyFactory(user=user).pk)


def a_task(user: User) -> str:
    return str(TaskFactory(created_by=user).pk)


def a_meeting(user: User, **fields: Any) -> str:
    return str(MeetingFactory(owner=user, **fields).pk)


def a_part(user: User, name: str, factory: Callable[..., Any]) -> dict[str, str]:
    """Return the ids of a meeting and of its parts, by their names in the request."""
    part = factory(meeting=TranscribedMeetingFactory(owner=user))
    return {"meeting_id": str(part.meeting_id), name: str(part.pk)}


def a_voice(user: User) -> dict[str, str]:
    """Return the ids of a meeting and a speaker, assigned to the user, who has consented."""
    EnrolledVoiceFactory(user=user)
    speaker = SpeakerFactory(meeting=TranscribedMeetingFactory(owner=user), user=user, speech_ms=9_000)
    return {"meeting_id": str(speaker.meeting_id), "speaker_id": str(speaker.pk)}


def a_token(user: User) -> str:
    return issue_refresh_token(Session.objects.create(user=user), new_secret())


@pytest.fixture
def callers(db: None) -> dict[str, Any]:
    return {
        "anonymous": None,
        "stranger": UserFactory(display_name="A stranger"),
        "self": UserFactory(
            email="bob@example.com", display_name="Bob", password=make_password(PASSWORD), phone="+14155551234",
            company="ACME", email_verified=True,
        ),
        "support": SupportFactory(),
        "administrator": AdministratorFactory(),
        "service with scope": bearer_of(ApiKeyFactory(user=ServiceFactory(), scopes=settings.API_KEY_SCOPES)),
        "service without scope": bearer_of(ApiKeyFactory(user=ServiceFactory(), scopes=["moons:read", "moons:write"])),
        "service without credentials": bearer_of(
            ApiKeyFactory(user=ServiceFactory(), scopes=sorted(set(settings.API_KEY_SCOPES) - {CREDENTIALS}))
        ),
    }  # fmt: skip


@pytest.mark.parametrize(("operation", "made_by"), cases(TABLE))
def test_callers_may_make_the_calls_of_the_table(
    api: Transport, callers: dict[str, Any], operation: str, made_by: Iterable[str]
) -> None:
    request, expected = TABLE[operation]
    outcomes = {}
    for caller in made_by:
        authorization = api.bearer(who) if isinstance(who := callers[caller], User) else who
        with undone():
            outcomes[caller] = outcome(api, operation, request(callers["self"]), authorization)
    assert outcomes == {caller: expected[CALLERS.index(caller)] for caller in made_by}, operation


def test_a_stranger_learns_nothing_more(api: Transport, callers: dict[str, Any]) -> None:
    bob, stranger = callers["self"], callers["stranger"]
    one = api("UserService/GetUser", user_pb2.GetUserRequest(user_id=str(bob.pk)), actor=stranger).user
    many = api("UserService/ListUsers", user_pb2.ListUsersRequest(), actor=stranger).users
    found = api("UserService/SearchUsers", user_pb2.SearchUsersRequest(query="bob"), actor=stranger).users
    others = [user for user in (one, *many, *found) if user.id != str(stranger.pk)]
    assert len(others) >= 3
    for user in others:
        assert {field.name for field, _ in user.ListFields()} <= TOLD_TO_STRANGERS
    example = api("ExampleService/GetUser", example_pb2.GetUserRequest(user_id=bob.number), actor=stranger).user
    assert {field.name for field, _ in example.ListFields()} <= TOLD_TO_STRANGERS_BY_EXAMPLE


def gaps(table: Iterable[str], operations: Iterable[str]) -> set[str]:
    """Return the names that are in one set and not in the other."""
    return set(table) ^ set(operations)


def test_grantable_scopes_are_those_of_operations() -> None:
    assert {operation.scope for operation in OPERATIONS.values()} - {""} == set(settings.API_KEY_SCOPES)


def test_the_table_is_complete() -> None:
    assert gaps(TABLE, OPERATIONS) == set()
    assert all(len(expected) == len(CALLERS) for _, expected in TABLE.values())


def test_gap_in_the_table_is_found() -> None:
    assert gaps(list(TABLE)[1:], OPERATIONS) != set()
    assert gaps([*TABLE, "UserService/FlyToTheMoon"], OPERATIONS) != set()

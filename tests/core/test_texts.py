"""In every text, equivalent characters are equal, invisible ones count as nothing, and a line has no breaks."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from core.mail_addresses import canonical_or_as_sent
from core.protojson import in_one_line, message_bytes
from core.texts import (
    one_line,
    one_name,
    trimmed,
    validate_no_control_characters,
    validate_no_control_characters_but_breaks,
)
from tandem.auth.v1.auth_pb2 import CreateApiKeyRequest, LoginRequest
from tandem.meeting.v1.meeting_pb2 import CreateMeetingRequest
from tandem.task.v1.task_pb2 import CreateTaskRequest, ListTasksRequest
from tandem.task.v1.task_pb2 import Task as TaskMessage
from tandem.user.v1.user_pb2 import CreateUserRequest, UpdateUserRequest
from tandem.user.v1.user_pb2 import User as UserMessage
from tasks.models import Task
from tests.support.factories import TaskFactory
from tests.support.transports import Failed, Transport
from users.models import User
from users.passwords import hashers

INVISIBLE = [
    "\u200b", "\u2060", "\ufeff", "\u00ad", "\u2800", "\u3164", "\u115f\u1160", "\uffa0", "\u200e\u200f", "\u200d",
    "\u061c", "\ufe0f", "\u034f", "\u180e", "\u17b4", "\U000e0041", "\u2062", "\u00a0\u3000", "\u2028", "\u2800 \u200b",
    "\u2066\u2069", "\u202a\u202c", "\U0001d173", "\ufff9\ufffb", "\u206a",
]  # fmt: skip


@pytest.mark.parametrize("blank", INVISIBLE)
def test_invisible_text_counts_as_empty(api: Transport, ann: User, blank: str) -> None:
    calls: list[tuple[str, Any, str]] = [
        ("TaskService/CreateTask", CreateTaskRequest(title=blank), "title"),
        ("MeetingService/CreateMeeting", CreateMeetingRequest(title=blank), "title"),
        ("AuthService/CreateApiKey", CreateApiKeyRequest(name=blank, scopes=["tasks:read"]), "name"),
        ("TaskService/CreateTask", CreateTaskRequest(title="x", metadata={blank: "y"}), "metadata"),
    ]
    for rpc, request, field in calls:
        with pytest.raises(Failed) as failed:
            api(rpc, request, actor=ann)
        assert failed.value.fields == {field: "required"}
    task = api("TaskService/CreateTask", CreateTaskRequest(title="x", description=blank), actor=ann)
    assert task.description == ""
    with pytest.raises(Failed) as failed:
        api("TaskService/CreateTask", CreateTaskRequest(title="x", labels=[blank]), actor=ann)
    assert failed.value.fields == {"labels": "max_length"}
    assert Task.objects.count() == 1
    user = UserMessage(first_name=blank, profile={"company": blank})
    user = api("UserService/UpdateUser", UpdateUserRequest(user_id="me", user=user), actor=ann).user
    assert (user.first_name, user.profile.company) == ("", "")


@pytest.mark.parametrize(
    "text", ["a\u2028b", "a\u2029b", "a\u0085b", "a\nb", "a\x1eb", "a\ufffeb", "a\U0001ffffb", "a\ufdd0b"]
)
def test_a_line_has_no_breaks(api: Transport, ann: User, text: str) -> None:
    for request, field in (
        (CreateTaskRequest(title=text), "title"),
        (CreateTaskRequest(title="x", labels=[text]), "labels"),
        (CreateTaskRequest(title="x", metadata={text: "y"}), "metadata"),
    ):
        with pytest.raises(Failed) as failed:
            api("TaskService/CreateTask", request, actor=ann)
        assert failed.value.fields == {field: "control_characters"}


@pytest.mark.parametrize("mark", ["\u202e", "\u202d", "\u202a", "\u2067", "\u202c", "\u2066a\u202c"])
def test_bidirectional_overrides_are_rejected(api: Transport, ann: User, mark: str) -> None:
    with pytest.raises(Failed) as failed:
        api("TaskService/CreateTask", CreateTaskRequest(title=f"invoice{mark}fdp.exe"), actor=ann)
    assert failed.value.fields == {"title": "control_characters"}


@pytest.mark.parametrize(
    "title", ["C++\u200f", "\u2068Ann\u2069 invites", "\u202bשלום\u202c", "می\u200cخواهم", "❤️", "👩\u200d💻"]
)
def test_marks_that_scripts_need_are_kept(api: Transport, ann: User, title: str) -> None:
    assert api("TaskService/CreateTask", CreateTaskRequest(title=title), actor=ann).title == title


def test_a_line_is_trimmed_and_composed(api: Transport, ann: User) -> None:
    title = "\ufeff\u200b Cafe\u0301\u00a0\u200b\u2800"
    assert api("TaskService/CreateTask", CreateTaskRequest(title=title), actor=ann).title == "Caf\u00e9"
    assert api("TaskService/CreateTask", CreateTaskRequest(title="e\u0301" * 200), actor=ann).title == "\u00e9" * 200


@pytest.mark.parametrize(
    ("label", "same"),
    [("x", "x\u200b"), ("x", "\ufeffx"), ("x", "x\u200d"), ("x", "x\u200e"), ("x", "x\ufe0f"), ("xy", "x\u200by"),
     ("xy", "x\u2060y"), ("xy", "x\u00ady"), ("caf\u00e9", "cafe\u0301"), ("x", " x\u00a0"), ("x", "x\U000e0041"),
     ("한", "\u1112\u1161\u11ab"), ("x", "x\u2800"), ("x", "\u2800x"), ("x", "x\ufff9"), ("xy", "x\ufffay"),
     ("x y", "x\u00a0y"), ("x y", "x\u3000y"), ("x y", "x\u202fy")],
)  # fmt: skip
def test_labels_that_look_the_same_are_one(api: Transport, ann: User, label: str, same: str) -> None:
    with pytest.raises(Failed) as failed:
        api("TaskService/CreateTask", CreateTaskRequest(title="x", labels=[label, same]), actor=ann)
    assert failed.value.fields == {"labels": "duplicate"}
    task = api("TaskService/CreateTask", CreateTaskRequest(title="x", labels=[same]), actor=ann)
    assert list(task.labels) == [label]
    for asked in (label, same, f" {same} "):
        found = api("TaskService/ListTasks", ListTasksRequest(labels=[asked]), actor=ann).tasks
        assert [one.id for one in found] == [task.id]


def test_joined_emoji_and_words_keep_their_labels_apart() -> None:
    for label in ("👩\u200d💻", "❤️", "1\ufe0f\u20e3", "🏴\U000e0067\U000e0062\U000e007f", "می\u200cخواهم", "क्\u200dष"):
        assert one_name(label) == label


def test_labels_from_before_are_found_as_they_were_typed(api: Transport, ann: User) -> None:
    task = TaskFactory(created_by=ann, title="old")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tasks_task SET labels = %s WHERE id = %s", [["x\u200b"], task.pk])
    found = api("TaskService/ListTasks", ListTasksRequest(labels=["x\u200b"]), actor=ann).tasks
    assert [one.title for one in found] == ["old"]


def test_prose_keeps_its_breaks(api: Transport, ann: User) -> None:
    description = "one\u2028two\u2029three\nfour"
    task = api("TaskService/CreateTask", CreateTaskRequest(title="x", description=description), actor=ann)
    assert task.description == description


def test_json_of_one_line_is_one_piece() -> None:
    text = "a\u2028b\u2029c\u0085d é"
    sent = message_bytes(TaskMessage(title=text)).decode()
    assert len(sent.splitlines()) == 1
    assert json.loads(sent)["title"] == text
    assert json.loads(in_one_line(json.dumps({"é": text}, ensure_ascii=False))) == {"é": text}


@pytest.mark.parametrize("value", ["\ud800", "a\udfff"])
def test_lone_surrogates_are_refused(value: str) -> None:
    for rule in (validate_no_control_characters, validate_no_control_characters_but_breaks):
        with pytest.raises(ValidationError):
            rule(value)


def test_invisible_characters_at_the_ends_are_trimmed() -> None:
    assert trimmed("\u200b\n a\u200d \u2060") == "a\u200d"
    assert one_line("e\u0301\ufeff") == "\u00e9"


MARKS = "e" + "\u0301\u0316" * 40_000
SPACED = "\u00e9" + " " * 80_000 + "\u00e9"


@pytest.mark.parametrize("text", [MARKS, SPACED, "\u00e9" + "\u200b" * 80_000 + "\u00e9"])
@pytest.mark.parametrize("form", [one_line, one_name, canonical_or_as_sent, hashers.normalize_password])
def test_the_form_of_a_long_text_costs_little(form: Callable[[str], str], text: str) -> None:
    began = time.thread_time()
    form(text)
    assert time.thread_time() - began < 2


@pytest.mark.django_db
def test_long_runs_of_marks_are_refused_for_their_length(api: Transport, ann: User) -> None:
    began = time.process_time()
    task = api.failure("TaskService/CreateTask", CreateTaskRequest(title=MARKS), actor=ann)
    assert task.fields == {"title": "max_length"}
    sign_up = {"email": "zoe@example.com", "last_name": MARKS, "password": "x" + MARKS}
    account = api.failure("UserService/CreateUser", CreateUserRequest(**sign_up), actor=None)
    assert ("password", "password_too_long") in [violation[:2] for violation in account.violations]
    login = api.failure("AuthService/Login", LoginRequest(email=MARKS + "@example.com", password=MARKS), actor=None)
    assert login.reason == "UNAUTHENTICATED"
    assert time.process_time() - began < 5

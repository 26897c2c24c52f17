"""Texts that no client should send are the caller's mistake, or find nothing: in every field of every operation."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from core.errors import INTERNAL
from core.protojson.forms import is_map
from tandem.task.v1.task_pb2 import ListTasksRequest, WatchTasksRequest
from tests.support.factories import DocumentFactory, TaskFactory, TranscribedMeetingFactory
from tests.support.transports import OPERATIONS, Failed, Transport
from users.models import User

STRANGE = [
    "\0",
    "a\0b",
    "\ufffe",
    "\u2028",
    "\u202e",
    "e\u0301\u200b",
    "'\\\"&|!:*()<->",
    "%00%ff",
    "x" * 5_000,
    "😀" * 300,
]


def string_fields(message_type: Descriptor, depth: int = 2) -> Iterator[tuple[FieldDescriptor, ...]]:
    """Return the path to each field that holds texts."""
    for field in message_type.fields:
        if field.type == FieldDescriptor.TYPE_STRING or is_map(field):
            yield (field,)
        elif field.message_type and depth and not field.is_repeated:
            yield from ((field, *rest) for rest in string_fields(field.message_type, depth - 1))


def put(message: Any, way: tuple[FieldDescriptor, ...], text: str) -> None:
    *parents, field = way
    for parent in parents:
        message = getattr(message, parent.name)
    if is_map(field):
        if field.message_type.fields_by_name["value"].type == FieldDescriptor.TYPE_STRING:
            getattr(message, field.name)[text] = text
    elif field.is_repeated:
        getattr(message, field.name).append(text)
    else:
        setattr(message, field.name, text)


@pytest.fixture
def ids(administrator: User) -> dict[str, str]:
    """Ids of rows that exist, by the names of the fields in paths: what is missing is found before texts are used."""
    document, task = DocumentFactory(), TaskFactory()
    meeting = TranscribedMeetingFactory(owner=administrator)
    return {
        "project_id": str(document.project_id), "document_id": str(document.pk), "meeting_id": str(meeting.pk),
        "id": str(task.pk), "user_id": "me",
    }  # fmt: skip


def requests(operation: Any, ids: dict[str, str]) -> Iterator[tuple[str, Message]]:
    request_type = operation.request_class
    for way in string_fields(request_type.DESCRIPTOR):
        for text in STRANGE:
            request = request_type()
            for name in operation.http.path_fields:
                field = request_type.DESCRIPTOR.fields_by_name[name]
                setattr(request, name, ids.get(name, "x") if field.type == FieldDescriptor.TYPE_STRING else 1)
            put(request, way, text)
            yield ".".join(field.name for field in way) + f"={text[:10]!r}", request


@pytest.mark.parametrize("name", [name for name, one in OPERATIONS.items() if not one.takes_file])
def test_no_text_causes_an_internal_error(
    api: Transport, administrator: User, ids: dict[str, str], name: str, settings: Any
) -> None:
    for limit in ("LOGINS_PER_ADDRESS", "LOGINS_PER_ACCOUNT", "RESETS_PER_ADDRESS", "MAILS_PER_ACCOUNT"):
        setattr(settings, limit, 100_000)
    operation, failures = OPERATIONS[name], []
    for what, request in requests(operation, ids):
        try:
            with transaction.atomic():
                api(name, [request] if operation.takes_stream else request, actor=administrator)
        except Failed as failed:
            if failed.reason == INTERNAL:
                failures.append(what)
    assert failures == []


@pytest.mark.parametrize("label", ["\0", "a\nb", "\u2028", "\u202e", "\ufffe"])
def test_invalid_label_is_rejected_by_lists_and_streams(api: Transport, ann: User, label: str) -> None:
    for rpc, request in (
        ("ListTasks", ListTasksRequest(labels=[label])),
        ("WatchTasks", WatchTasksRequest(labels=[label])),
    ):
        with pytest.raises(Failed) as failed:
            api(f"TaskService/{rpc}", request, actor=ann)
        assert (failed.value.reason, failed.value.fields) == ("INVALID", {"labels": "control_characters"})


def test_too_many_labels_are_rejected_by_streams_too(api: Transport, ann: User) -> None:
    with pytest.raises(Failed) as failed:
        api("TaskService/WatchTasks", WatchTasksRequest(labels=[str(n) for n in range(51)]), actor=ann)
    assert failed.value.fields == {"labels": "max_items"}

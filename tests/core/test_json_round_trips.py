"""Messages that are written as JSON or as an HTTP call are read back unchanged."""

import json
import random
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

from core import protojson
from core.operations import Operation
from core.protojson.requests import plan
from core.protojson.responses import page_field
from tandem.auth.v1 import auth_pb2
from tandem.common.v1 import common_pb2
from tandem.example.v1 import example_pb2
from tandem.user.v1 import user_pb2
from tests.support import shapes
from tests.support.codec import BY_NAME, SERVED, UPDATE_USER
from tests.support.random_messages import random_message
from tests.support.shapes import Unsayable

ROUNDS = 40

MESSAGES = [
    message_type
    for file in (common_pb2.DESCRIPTOR, user_pb2.DESCRIPTOR, example_pb2.DESCRIPTOR, auth_pb2.DESCRIPTOR, shapes.FILE)
    for message_type in file.message_types_by_name.values()
    if message_type is not Unsayable.DESCRIPTOR
]

each_message = pytest.mark.parametrize("message_type", MESSAGES, ids=lambda message_type: message_type.full_name)
each_operation = pytest.mark.parametrize(
    "operation", [*SERVED, *shapes.OPERATIONS.values()], ids=lambda operation: operation.name
)


def test_timestamps_have_the_text_of_the_library() -> None:
    rng = random.Random(1)
    for nanos in (0, 1, 1_000, 1_000_000, 999_999_999, 500_000_000):
        for seconds in (-62_135_596_800, -1, 0, 253_402_300_799, *(rng.randrange(2**32) for _ in range(100))):
            moment = Timestamp(seconds=seconds, nanos=nanos)
            assert protojson.to_json(moment) == moment.ToJsonString()


@each_message
def test_a_message_survives_json(message_type: Descriptor) -> None:
    rng = random.Random(message_type.full_name)
    message_class = GetMessageClass(message_type)
    for round_ in range(ROUNDS):
        message = random_message(message_type, rng, fill=round_ / ROUNDS)
        text = json.dumps(protojson.to_json(message), allow_nan=False)
        assert protojson.from_json(message_class, json.loads(text)) == message


@each_message
def test_an_answer_has_every_key(message_type: Descriptor) -> None:
    values = protojson.to_json(GetMessageClass(message_type)())
    if message_type is common_pb2.Date.DESCRIPTOR:
        assert values == "0000-00-00"
        return
    assert list(values) == [field.name for field in message_type.fields]
    for field in message_type.fields:
        if field.is_repeated:
            assert values[field.name] in ([], {})
        else:
            assert (values[field.name] is None) == (field.has_presence or field.enum_type is not None)


@each_operation
def test_a_request_survives_http(operation: Operation) -> None:
    rng = random.Random(operation.name)
    for round_ in range(ROUNDS):
        request = random_message(operation.method.input_type, rng, fill=round_ / ROUNDS)
        for name in operation.http.path_fields:
            if not getattr(request, name):
                setattr(request, name, type(getattr(request, name))(7))
        has_mask = "update_mask" in operation.method.input_type.fields_by_name
        if has_mask:
            request.ClearField("update_mask")
        received = carried(operation, request)
        if has_mask:
            assert received.HasField("update_mask")
            received.ClearField("update_mask")
        assert received == said_over_http(operation, request)


def carried(operation: Operation, request: Message) -> Any:
    """Return the request that a server reads from its HTTP call."""
    call = protojson.write_request(operation, request)
    body = b"" if call.body is None else json.dumps(call.body).encode()
    template = operation.http.path.split("/")
    parts = [urllib.parse.unquote(part) for part in call.path.split("/")]
    assert len(template) == len(parts)
    values = {name[1:-1]: part for name, part in zip(template, parts, strict=True) if name.startswith("{")}
    return protojson.read_request(operation, values, urllib.parse.urlencode(call.query), body)


def said_over_http(operation: Operation, request: Any) -> Any:
    """Return the request without the parts that HTTP sends in headers or cannot distinguish from unset."""
    request = type(request).FromString(request.SerializeToString())
    if operation.writes:
        for name in ("version", "request_id"):
            if name in request.DESCRIPTOR.fields_by_name:
                request.ClearField(name)
    for query_name in plan(operation).query.values():
        if query_name.parent and not getattr(request, query_name.parent).ListFields():
            request.ClearField(query_name.parent)
    if plan(operation).masked:
        body_field = plan(operation).body_field
        if body_field and not request.HasField(body_field):
            getattr(request, body_field).SetInParent()
        drop_empty(getattr(request, body_field) if body_field else request)
    return request


def drop_empty(message: Any) -> None:
    for field, value in message.ListFields():
        is_value = field.message_type and field.message_type.file.package in ("common.v1", "google.protobuf")
        if field.message_type and not field.is_repeated and not is_value:
            drop_empty(value)
            if not value.ListFields():
                message.ClearField(field.name)


@pytest.mark.parametrize(
    ("operation", "resource"),
    [
        (UPDATE_USER, "user"),
        (BY_NAME["user.v1.UserService/UpdateUserProfile"], "profile"),
        (shapes.OPERATIONS["UpdateShape"], ""),
    ],
    ids=["body is a field", "body is a nested field", "body is the request"],
)
def test_a_mask_survives_http(operation: Operation, resource: str) -> None:
    rng = random.Random(operation.name)
    for _ in range(ROUNDS * 5):
        request = random_message(operation.method.input_type, rng)
        setattr(request, operation.http.path_fields[0], "some id")
        what = getattr(request, resource) if resource else request
        paths = [path for path in paths_of(what.DESCRIPTOR) if path not in plan(operation).no_keys]
        request.update_mask.paths[:] = rng.sample(paths, rng.randint(0, min(4, len(paths))))
        received = carried(operation, request)
        before = random_message(what.DESCRIPTOR, rng)
        received_what = getattr(received, resource) if resource else received
        assert applied(received.update_mask, received_what, before) == applied(request.update_mask, what, before)


def paths_of(message_type: Descriptor, prefix: str = "") -> Iterator[str]:
    for field in message_type.fields:
        yield prefix + field.name
        is_value = field.message_type and field.message_type.file.package in ("common.v1", "google.protobuf")
        if field.message_type and not field.is_repeated and not is_value:
            yield from paths_of(field.message_type, f"{prefix}{field.name}.")


def applied(mask: FieldMask, source: Any, before: Any) -> Any:
    """Apply a mask to a resource by protobuf's own rules."""
    after = type(before).FromString(before.SerializeToString())
    for path in mask.paths:
        *parents, name = path.split(".")
        target, held = after, source
        for parent in parents:
            target, held = getattr(target, parent), getattr(held, parent)
        target.ClearField(name)
        one = type(held)()
        for field, value in held.ListFields():
            if field.name == name:
                part = getattr(one, name)
                if field.is_repeated or field.message_type:
                    part.MergeFrom(value)
                else:
                    setattr(one, name, value)
        target.MergeFrom(one)
    drop_empty(after)
    return after


@each_operation
def test_an_answer_survives_http(operation: Operation) -> None:
    rng = random.Random(operation.name)
    page = page_field(operation.method.output_type)
    for round_ in range(ROUNDS):
        response = random_message(operation.method.output_type, rng, fill=round_ / ROUNDS)
        if page:
            pagination = getattr(response, page)
            pagination.SetInParent()
            pagination.has_more = bool(pagination.next_page_token)
        body = json.loads(protojson.answer_bytes(operation, response) or "null")
        assert protojson.read_answer(operation, body) == response

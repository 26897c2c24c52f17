"""The rules that turn messages into JSON and back, by themselves: without a door and without a database."""

import json as stdlib_json
import random
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from google.protobuf.descriptor import Descriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import BytesValue, DoubleValue, FloatValue, Int64Value, UInt64Value

from access import calls as access_calls
from core import enums
from core.errors import problem_of
from core.operations import Operation, operations
from core.rest import json
from core.rest.json.calls import page_field, plan
from core.rest.json.decoding import field_reader
from core.rest.json.encoding import field_encoder
from core.rest.json.query import query_names
from tandem.auth.v1 import auth_pb2
from tandem.common.v1 import common_pb2
from tandem.example.v1 import example_pb2
from tandem.user.v1 import user_pb2
from tests.core import shapes
from tests.core.random_messages import random_message, random_text
from tests.core.shapes import Measure, Part, Shape, Unsayable, UpdateShapeRequest
from users.calls import example as example_calls
from users.calls import user as user_calls

ROUNDS = 40
SERVED = [
    *operations(user_pb2.DESCRIPTOR.services_by_name["UserService"], user_calls),
    *operations(example_pb2.DESCRIPTOR.services_by_name["ExampleService"], example_calls),
    *operations(auth_pb2.DESCRIPTOR.services_by_name["AuthService"], access_calls),
]
BY_NAME = {operation.name: operation for operation in SERVED}
UPDATE_USER = BY_NAME["user.v1.UserService/UpdateUser"]
LIST_USERS = BY_NAME["user.v1.UserService/ListUsers"]
SEARCH_USERS = BY_NAME["user.v1.UserService/SearchUsers"]
GET_USER = BY_NAME["user.v1.UserService/GetUser"]
GET_USER_BY_NUMBER = BY_NAME["example.ExampleService/GetUser"]

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


def codes(call: Callable[..., Any], *arguments: Any) -> dict[str, str]:
    """What is refused: field → code of the broken rule. Every sentence ends as one."""
    with pytest.raises(ValidationError) as failed:
        call(*arguments)
    problem = problem_of(failed.value)
    assert all(violation.message.endswith(".") for violation in problem.violations)
    return {violation.field: violation.code for violation in problem.violations}


def read(operation: Operation, body: Any = b"", query: str = "", **path_values: str) -> Any:
    sent = body if isinstance(body, bytes) else stdlib_json.dumps(body).encode()
    return json.read_request(operation, path_values, query, sent)


def update(body: Any) -> user_pb2.UpdateUserRequest:
    return read(UPDATE_USER, body, user_id="me")


# Round trips


@each_message
def test_a_message_survives_json(message_type: Descriptor) -> None:
    rng = random.Random(message_type.full_name)
    message_class = GetMessageClass(message_type)
    for round_ in range(ROUNDS):
        message = random_message(message_type, rng, fill=round_ / ROUNDS)
        text = stdlib_json.dumps(json.to_json(message), allow_nan=False)
        assert json.from_json(message_class, stdlib_json.loads(text)) == message


@each_message
def test_an_answer_has_every_key(message_type: Descriptor) -> None:
    values = json.to_json(GetMessageClass(message_type)())
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
    """What a server reads of the HTTP call that means this request."""
    call = json.write_request(operation, request)
    body = b"" if call.body is None else stdlib_json.dumps(call.body).encode()
    template = operation.http.path.split("/")
    parts = [urllib.parse.unquote(part) for part in call.path.split("/")]
    assert len(template) == len(parts)
    values = {name[1:-1]: part for name, part in zip(template, parts, strict=True) if name.startswith("{")}
    return json.read_request(operation, values, urllib.parse.urlencode(call.query), body)


def said_over_http(operation: Operation, request: Any) -> Any:
    """The request without what HTTP says in headers or cannot tell from unset."""
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
    """What becomes of a resource by protobuf's own rules for masks."""
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
        body = stdlib_json.loads(json.answer_bytes(operation, response) or "null")
        assert json.read_answer(operation, body) == response


# What an answer looks like


def test_an_answer_looks_as_the_contract_says() -> None:
    user = user_pb2.User(
        id="u1",
        status=user_pb2.USER_STATUS_PENDING_VERIFICATION,
        roles=[user_pb2.USER_ROLE_ADMIN, user_pb2.USER_ROLE_CUSTOMER],
        profile=user_pb2.UserProfile(
            date_of_birth=common_pb2.Date(year=987, month=2, day=1), social_links={"b": "2", "a": "1"}
        ),
        audit=common_pb2.AuditInfo(version=2**62, created_at=Timestamp(seconds=1_767_225_600, nanos=120_000_000)),
    )
    response = user_pb2.GetUserResponse(user=user)
    assert stdlib_json.loads(json.answer_bytes(GET_USER, response)) == {
        "id": "u1",
        "email": "",
        "display_name": "",
        "first_name": "",
        "last_name": "",
        "phone": None,
        "avatar_url": "",
        "status": "pending_verification",
        "roles": ["admin", "customer"],
        "email_verified": False,
        "phone_verified": False,
        "profile": {
            "bio": "",
            "date_of_birth": "0987-02-01",
            "gender": "",
            "language": "",
            "currency": "",
            "timezone": "",
            "company": "",
            "website": "",
            "social_links": {"a": "1", "b": "2"},
        },
        "audit": {
            "created_at": "2026-01-01T00:00:00.120Z",
            "updated_at": None,
            "created_by": "",
            "updated_by": "",
            "version": 4611686018427387904,
        },
        "last_login_at": None,
    }


def test_a_list_answers_its_rows_and_where_the_page_stands() -> None:
    page = common_pb2.PaginationResponse(next_page_token="t", total_count=-1, has_more=True)
    response = user_pb2.ListUsersResponse(users=[user_pb2.User(id="a")], pagination=page)
    answer = json.answer(LIST_USERS, response)
    assert list(answer) == ["users", "next_page_token", "total_count"]
    assert (answer["users"][0]["id"], answer["next_page_token"], answer["total_count"]) == ("a", "t", -1)
    assert json.answer(LIST_USERS, user_pb2.ListUsersResponse()) == {
        "users": [],
        "next_page_token": "",
        "total_count": 0,
    }


def test_a_bare_resource_that_is_unset_is_null() -> None:
    assert json.answer(GET_USER, user_pb2.GetUserResponse()) is None
    assert json.read_answer(GET_USER, None) == user_pb2.GetUserResponse()


def test_the_same_message_gives_the_same_bytes() -> None:
    links = {str(number): "" for number in range(50)}
    user = user_pb2.User(profile=user_pb2.UserProfile(social_links=links))
    response = user_pb2.GetUserResponse(user=user)
    again = user_pb2.GetUserResponse.FromString(response.SerializeToString())
    assert json.answer_bytes(GET_USER, again) == json.answer_bytes(GET_USER, response)


def test_numbers_that_json_does_not_have_are_null() -> None:
    assert json.to_json(DoubleValue(value=float("nan"))) == {"value": None}
    assert json.to_json(FloatValue(value=float("inf"))) == {"value": None}
    assert json.to_json(FloatValue(value=0.1)) == {"value": 0.1}


def test_an_enum_number_that_is_not_known_is_shown_so_that_it_is_refused() -> None:
    request = UPDATE_USER.request_class(user_id="me", user={"status": 99, "roles": [0, 3, 98]})
    call = json.write_request(UPDATE_USER, request)
    assert call.body == {"status": "99", "roles": ["unspecified", "admin", "98"]}
    assert codes(update, call.body) == {"status": "choice", "roles.0": "choice", "roles.2": "choice"}


@pytest.mark.parametrize(
    ("seconds", "nanos", "text"),
    [
        (0, 0, "1970-01-01T00:00:00Z"),
        (-1, 999_999_999, "1969-12-31T23:59:59.999999999Z"),
        (951_827_696, 1_000, "2000-02-29T12:34:56.000001Z"),
        (-62_135_596_800, 0, "0001-01-01T00:00:00Z"),
        (253_402_300_799, 500_000_000, "9999-12-31T23:59:59.500Z"),
    ],
)
def test_a_time_is_told_in_utc(seconds: int, nanos: int, text: str) -> None:
    assert json.to_json(Timestamp(seconds=seconds, nanos=nanos)) == text
    assert json.from_json(Timestamp, text) == Timestamp(seconds=seconds, nanos=nanos)


# What is taken, and what is refused


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-01T01:00:00+01:00", 1_767_225_600),
        ("2025-12-31T18:30:00-05:30", 1_767_225_600),
        ("2026-01-01T00:00:00-00:00", 1_767_225_600),
        ("2026-01-01T00:00:00.000000000Z", 1_767_225_600),
    ],
)
def test_a_time_may_have_any_offset(text: str, seconds: int) -> None:
    assert json.from_json(Timestamp, text).seconds == seconds


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00Z", "2026-01-01 00:00:00Z", "2026-01-01t00:00:00z",
        "2026-02-30T00:00:00Z", "2026-01-01T25:00:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.0000000001Z", "2026-W01-1T00:00:00Z", "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", " 2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z\n",
        "\u0662026-01-01T00:00:00Z",
    ],
)  # fmt: skip
def test_a_text_that_is_no_time_with_an_offset_is_refused(text: str) -> None:
    assert codes(json.from_json, Timestamp, text) == {"": "format"}


@pytest.mark.parametrize("text", ["", "1990-1-1", "19900101", "1990-01-01T00:00:00Z", "-990-01-01", "1990-01-01\n"])
def test_a_text_that_is_no_date_is_refused(text: str) -> None:
    assert codes(update, {"profile": {"date_of_birth": text}}) == {"profile.date_of_birth": "format"}


OTHERS = [None, True, 0, 5, 5.0, 1e3, "x", "5", "true", [], ["x"], {}, {"x": 1}]
FITTING: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: type(value) is str,
    "whole number": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, float),
    "truth": lambda value: type(value) is bool,
    "list": lambda value: value in ([], ["x"]),
    "map": lambda value: value in ({}, {"x": 1}),
    "object": lambda value: value == {},
}


@pytest.mark.parametrize("value", OTHERS, ids=repr)
@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("circle", "text"),
        ("rank", "whole number"),
        ("weight", "whole number"),
        ("offset", "whole number"),
        ("width", "number"),
        ("height", "number"),
        ("solid", "truth"),
        ("tags", "list"),
        ("counts", "map"),
        ("square", "object"),
    ],
)
def test_nothing_is_converted(key: str, kind: str, value: Any) -> None:
    if value is None:
        assert json.from_json(Shape, {key: value}) == Shape()
    elif FITTING[kind](value):
        assert json.to_json(json.from_json(Shape, {key: value}))[key] in (value, {"name": "", "measure": None})
    else:
        wrong = {"square.x": "unknown"} if (key, value) == ("square", {"x": 1}) else {key: "type"}
        assert codes(json.from_json, Shape, {key: value}) == wrong


def test_a_map_takes_its_values_by_their_type() -> None:
    assert json.from_json(Shape, {"counts": {"a": 1, "": -1}}) == Shape(counts={"a": 1, "": -1})
    assert codes(json.from_json, Shape, {"counts": {"a": "1", "b": None}, "parts_by_name": {"p": {"n": 1}}}) == {
        "counts.a": "type",
        "counts.b": "type",
        "parts_by_name.p.n": "unknown",
    }


def test_null_is_no_item() -> None:
    assert codes(update, {"roles": ["admin", None]}) == {"roles.1": "type"}


@pytest.mark.parametrize(
    ("message_class", "value"),
    [
        (Measure, 2**31),
        (Measure, -(2**31) - 1),
        (Int64Value, 2**63),
        (UInt64Value, 2**64),
        (UInt64Value, -1),
        (DoubleValue, 10**309),
        (FloatValue, 3.5e38),
    ],
)
def test_a_number_that_does_not_fit_is_refused(message_class: type[Message], value: Any) -> None:
    key = message_class.DESCRIPTOR.fields[0].name
    assert codes(json.from_json, message_class, {key: value}) == {key: "range"}


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("1" + "0" * 100_000, "range"),
        ("-1" + "0" * 100_000, "range"),
        ("1e999", "type"),
        ("NaN", "type"),
        ("Infinity", "type"),
        ("-Infinity", "type"),
        ("1.0", "type"),
        ("1e0", "type"),
    ],
)
def test_a_number_as_nobody_writes_it_is_refused(number: str, code: str) -> None:
    body = f'{{"audit": {{"version": {number}}}}}'.encode()
    assert codes(update, body) == {"audit.version": code}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 1000])
def test_a_number_without_an_end_is_no_number(number: str) -> None:
    body = f'{{"shape": {{"width": {number}, "height": {number}}}}}'.encode()
    wrong = codes(read, shapes.OPERATIONS["CreateShape"], body)
    assert set(wrong) == {"shape.width", "shape.height"}
    assert set(wrong.values()) == ({"type"} if number == "NaN" else {"range"})


def test_a_key_that_is_not_known_is_named_as_a_mask_would_name_it() -> None:
    with pytest.raises(ValidationError) as failed:
        update({"nickname": None, "profile": {"shoe_size": 1}, "Email": "x"})
    assert {v.field: (v.code, v.message) for v in problem_of(failed.value).violations} == {
        "nickname": ("unknown", "There is no field nickname."),
        "profile.shoe_size": ("unknown", "There is no field profile.shoe_size."),
        "Email": ("unknown", "There is no field Email."),
    }


def test_a_choice_that_is_not_known_is_refused_with_the_choices_there_are() -> None:
    with pytest.raises(ValidationError) as failed:
        update({"status": "ACTIVE", "roles": ["user_role_admin"]})
    assert {v.field: (v.code, v.message) for v in problem_of(failed.value).violations} == {
        "status": ("choice", enums.unknown_choice(user_pb2.UserStatus.DESCRIPTOR)),
        "roles.0": ("choice", "Choose one of: customer, seller, admin, support."),
    }


def test_everything_that_is_wrong_is_told_at_once() -> None:
    body = {"email": 1, "profile": {"bio": [], "x": 1}, "roles": ["boss"], "audit": "no", "last_login_at": "today"}
    assert codes(read, UPDATE_USER, body, "verbose=1") == {
        "verbose": "unknown",
        "email": "type",
        "profile.bio": "type",
        "profile.x": "unknown",
        "roles.0": "choice",
        "audit": "type",
        "last_login_at": "format",
    }


def test_of_very_many_errors_the_first_are_told_and_shortly() -> None:
    wrong = codes(update, {str(number) + "x" * 1_000_000: 1 for number in range(60)})
    assert len(wrong) == 50
    assert max(map(len, wrong)) == 100


def test_a_key_that_stands_twice_is_refused_where_it_stands() -> None:
    body = b'{"email": "a", "email": "b", "profile": {"social_links": {"x": "1", "x": "1"}}}'
    assert codes(update, body) == {"email": "duplicate", "profile.social_links.x": "duplicate"}


def test_half_a_character_is_refused_where_it_stands() -> None:
    body = rb'{"first_name": "\ud800", "last_name": "\ud83d\ude00", "profile": {"social_links": {"\udc00": "x"}}}'
    assert codes(update, body) == {"first_name": "format", "profile.social_links.?": "format"}
    assert codes(update, rb'{"\ud800": 1}') == {"?": "unknown"}


def test_nul_is_for_the_model_to_refuse() -> None:
    assert update({"first_name": "a\0b"}).user.first_name == "a\0b"


def test_of_alternatives_one_may_be_given() -> None:
    assert json.from_json(Shape, {"circle": None, "square": {}}).HasField("square")
    assert codes(json.from_json, Shape, {"circle": "", "square": {}}) == {"square": "one_of"}


@pytest.mark.parametrize(
    "body",
    [
        b"null", b"[]", b'"x"', b"1", b"{", b"{}{}", b"{'a': 1}", b'{"email": "\xff"}', b"\xef\xbb\xbf{}", b" ",
        b"[" * 1_000_000, b'{"profile":' * 100_000, "{}".encode("utf-16"), b'{"email": "a\nb"}', b'{"email": 01}',
    ],
    ids=lambda body: repr(body[:20]),
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    assert codes(update, body) == {"": "json"}


def test_what_has_no_json_form_fails_when_it_is_first_met() -> None:
    with pytest.raises(TypeError, match="bytes"):
        json.to_json(BytesValue())
    with pytest.raises(TypeError, match="bytes"):
        json.from_json(BytesValue, {})
    by_number = Unsayable.DESCRIPTOR.fields_by_name["by_number"]
    for compiled in (field_encoder, field_reader):
        with pytest.raises(TypeError, match="keys of a map must be texts"):
            compiled(by_number)


@pytest.mark.parametrize("names", [["part"], ["spans"], ["by_number"], ["pagination", "page_size"]])
def test_what_no_query_can_say_fails_when_it_is_first_met(names: list[str]) -> None:
    fields = Unsayable.DESCRIPTOR.fields_by_name
    with pytest.raises(TypeError, match=r"shapes\.Unsayable"):
        query_names(fields[name] for name in names)


def test_rubbish_is_refused_and_nothing_else_happens() -> None:
    rng = random.Random("rubbish")
    keys = [field.name for field in Shape.DESCRIPTOR.fields] + ["x", ""]
    for _ in range(2_000):
        value = {rng.choice(keys): rubbish(rng, 3) for _ in range(4)}
        try:
            message = json.from_json(Shape, value)
        except ValidationError:
            continue
        assert json.from_json(Shape, json.to_json(message)) == message


def rubbish(rng: random.Random, depth: int) -> Any:
    if depth and rng.random() < 0.4:
        if rng.random() < 0.5:
            return [rubbish(rng, depth - 1) for _ in range(rng.randint(0, 2))]
        names = ("name", "measure", "size", "a")
        return {rng.choice(names): rubbish(rng, depth - 1) for _ in range(rng.randint(0, 2))}
    return rng.choice([*OTHERS[:9], -1, 2**40, "red", "dark_blue", "2026-01-01", random_text(rng), float("inf")])


# Masks


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({}, []),
        ({"profile": {}}, []),
        ({"profile": None}, ["profile"]),
        ({"profile": {"bio": "x"}}, ["profile.bio"]),
        ({"profile": {"bio": None}, "email": "a"}, ["profile.bio", "email"]),
        ({"phone": {"e164": "+1"}}, ["phone"]),
        ({"phone": {}}, ["phone"]),
        ({"phone": None}, ["phone"]),
        ({"roles": []}, ["roles"]),
        ({"profile": {"social_links": {"a": "b"}, "date_of_birth": "1990-01-01"}},
         ["profile.social_links", "profile.date_of_birth"]),
        ({"audit": {"version": 1}, "last_login_at": None}, ["audit", "last_login_at"]),
    ],
)  # fmt: skip
def test_the_keys_of_a_patch_are_its_mask(body: dict[str, Any], paths: list[str]) -> None:
    request = update(body)
    assert request.HasField("update_mask")
    assert list(request.update_mask.paths) == paths


def test_a_nested_message_in_which_nothing_is_said_is_unset() -> None:
    assert not update({"profile": {"bio": None}}).user.HasField("profile")
    assert update({"phone": {}}).user.HasField("phone")
    assert read(shapes.OPERATIONS["CreateShape"], {"shape": {}}).HasField("shape")


def test_a_path_whose_field_is_unset_is_sent_as_null() -> None:
    request = user_pb2.UpdateUserRequest(
        user_id="me",
        user=user_pb2.User(first_name="Ann", email="not named"),
        update_mask=FieldMask(paths=["profile.bio", "first_name", "phone", "nonsense", "profile.nonsense", "roles"]),
    )
    assert json.write_request(UPDATE_USER, request).body == {
        "profile": {"bio": None, "nonsense": None},
        "first_name": "Ann",
        "phone": None,
        "nonsense": None,
        "roles": None,
    }


def test_a_whole_nested_message_is_sent_with_every_key() -> None:
    user = user_pb2.User(profile=user_pb2.UserProfile(bio="x"))
    request = user_pb2.UpdateUserRequest(user_id="me", user=user, update_mask=FieldMask(paths=["profile"]))
    body = json.write_request(UPDATE_USER, request).body
    assert body == {"profile": json.to_json(user.profile)}


def test_a_mask_of_everything_names_each_path_it_stands_for() -> None:
    request = user_pb2.UpdateUserRequest(user_id="me", user={"email": "a"}, update_mask=FieldMask(paths=["*"]))
    everything = ["email", "profile.bio", "profile.gender"]
    body = json.write_request(UPDATE_USER, request, everything=everything).body
    assert body == {"email": "a", "profile": {"bio": None, "gender": None}}
    body = json.write_request(UPDATE_USER, request).body
    assert body is not None
    assert list(body) == [field.name for field in user_pb2.User.DESCRIPTOR.fields]


def test_the_mask_of_a_body_that_is_the_request_names_its_keys() -> None:
    request = read(shapes.OPERATIONS["UpdateShape"], {"label": None, "part": {"measure": {"size": 1}}}, id="s")
    assert list(request.update_mask.paths) == ["label", "part.measure.size"]
    assert request.part == Part(measure=Measure(size=1))
    assert request.id == "s"


# Where HTTP says what


def test_mask_version_key_and_path_are_no_keys_of_a_body() -> None:
    body = {"id": "x", "update_mask": {}, "version": 1, "request_id": "k", "label": "l"}
    wrong = codes(read, shapes.OPERATIONS["UpdateShape"], body)
    assert wrong == dict.fromkeys(["id", "update_mask", "version", "request_id"], "unknown")


def test_version_and_key_are_headers() -> None:
    request = UpdateShapeRequest(id="a/b c", version=3, request_id="k", label="")
    assert json.write_request(shapes.OPERATIONS["UpdateShape"], request) == json.HttpCall(
        "/shapes/a%2Fb%20c", [], {"label": ""}, {"If-Match": '"3"', "Idempotency-Key": "k"}
    )


def test_of_a_write_the_version_is_no_query_name_but_of_a_read_it_is() -> None:
    assert codes(read, shapes.OPERATIONS["DeleteShape"], b"", "version=1") == {"version": "unknown"}
    assert read(shapes.OPERATIONS["DeleteShape"], b"", "reason=r").reason == "r"
    assert read(shapes.OPERATIONS["ListShapes"], b"", "version=1").version == 1


def test_a_body_may_be_one_field_and_the_others_stand_in_the_query() -> None:
    request = read(shapes.OPERATIONS["AddPart"], {"name": "p"}, "last=true", shape_id="-7")
    assert (request.shape_id, request.part.name, request.last) == (-7, "p", True)
    assert not read(shapes.OPERATIONS["AddPart"], shape_id="7").HasField("part")
    assert read(shapes.OPERATIONS["AddPart"], {}, shape_id="7").HasField("part")


def test_a_body_that_says_nothing_may_be_left_out() -> None:
    deactivate = BY_NAME["user.v1.UserService/DeactivateUser"]
    assert read(deactivate, user_id="u") == user_pb2.DeactivateUserRequest(user_id="u")
    assert read(deactivate, {"reason": "r"}, user_id="u").reason == "r"


@pytest.mark.parametrize("name", ["GetUser", "DeleteUser", "ListUsers"])
def test_where_no_body_belongs_none_is_taken(name: str) -> None:
    assert codes(read, BY_NAME[f"user.v1.UserService/{name}"], b"{}") == {"": "body"}


def test_a_query_says_pages_orders_and_spans_by_short_names() -> None:
    query = (
        "query=a%20b+c&page_size=5&page_token=t&statuses=active&statuses=banned"
        "&created_at_from=2026-01-01T00:00:00%2B01:00&created_at_to=2026-01-01T00:00:00Z"
    )
    request = read(SEARCH_USERS, b"", query)
    assert request.query == "a b c"
    assert request.pagination == common_pb2.PaginationRequest(page_size=5, page_token="t")
    assert list(request.statuses) == [user_pb2.USER_STATUS_ACTIVE, user_pb2.USER_STATUS_BANNED]
    assert request.created_at.end_time.seconds - request.created_at.start_time.seconds == 3600
    for direction, order in (("true", common_pb2.SORT_ORDER_DESC), ("false", common_pb2.SORT_ORDER_ASC)):
        sort = read(LIST_USERS, b"", f"order_by=email&descending={direction}").sort
        assert sort == common_pb2.SortSpec(field="email", order=order)


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("page_size=", {"page_size": "type"}),
        ("page_size=5.0", {"page_size": "type"}),
        ("page_size=%2B5", {"page_size": "type"}),
        ("page_size=05", {"page_size": "type"}),
        ("page_size=1_0", {"page_size": "type"}),
        ("page_size=%D9%A5", {"page_size": "type"}),
        ("page_size=99999999999", {"page_size": "range"}),
        ("page_size=-" + "9" * 5000, {"page_size": "range"}),
        ("page_size=1&page_size=1", {"page_size": "duplicate"}),
        ("descending=yes", {"descending": "type"}),
        ("descending=True", {"descending": "type"}),
        ("descending=true&descending=true", {"descending": "duplicate"}),
        ("statuses=", {"statuses.0": "choice"}),
        ("statuses=active&statuses=1", {"statuses.1": "choice"}),
        ("statuses=active,banned", {"statuses.0": "choice"}),
        ("pagination.page_size=5", {"pagination.page_size": "unknown"}),
        ("sort=email", {"sort": "unknown"}),
        ("count=exact", {"count": "unknown"}),
        ("x=1&y=2", {"x": "unknown", "y": "unknown"}),
        ("page_token=%FF", {"": "query"}),
        ("page_token=\xff", {"": "query"}),
        ("&".join(["statuses=active"] * 1001), {"": "query"}),
    ],
)
def test_a_query_is_taken_strictly(query: str, wrong: dict[str, str]) -> None:
    assert codes(read, LIST_USERS, b"", query) == wrong


def test_a_query_may_hold_every_kind_of_text() -> None:
    query = (
        "colours=red&solid=false&wider_than=-1.5e3&numbers=0&numbers=-9223372036854775808&since=2026-01-01T00:00:00Z"
    )
    request = read(shapes.OPERATIONS["ListShapes"], b"", query + "&on_day=2026-01-31")
    assert (request.solid, request.HasField("solid"), request.wider_than) == (False, True, -1500.0)
    assert list(request.numbers) == [0, -(2**63)]
    assert request.on_day.day == 31
    wrong = codes(read, shapes.OPERATIONS["ListShapes"], b"", "wider_than=inf&solid=1&since=now&on_day=today")
    assert wrong == {"wider_than": "type", "solid": "type", "since": "format", "on_day": "format"}


def test_a_query_in_plain_utf8_is_understood() -> None:
    # A shell sends it so; WSGI hands the bytes over as Latin-1.
    assert read(SEARCH_USERS, b"", "query=J\xc3\xb6rg&page_size=1").query == "Jörg"


def test_query_names_that_the_caller_takes_care_of_are_passed_over() -> None:
    request = json.read_request(LIST_USERS, {}, "count=exact&page_size=1", b"", ignore={"count"})
    assert request == user_pb2.ListUsersRequest(pagination={"page_size": 1})


@pytest.mark.parametrize("text", ["x", "1.0", "+1", "01", "-0", "", " 1", "1e1", "2147483648", "\u0661", "\ud800"])
def test_a_number_in_the_path_that_is_none_is_not_found(text: str) -> None:
    with pytest.raises(ObjectDoesNotExist) as missing:
        read(GET_USER_BY_NUMBER, user_id=text)
    assert str(missing.value) == f"User with ID {text} not found"
    assert problem_of(missing.value).reason == "NOT_FOUND"


def test_numbers_and_texts_in_the_path_are_taken_as_they_are() -> None:
    assert read(GET_USER_BY_NUMBER, user_id="-2147483648").user_id == -(2**31)
    assert read(GET_USER, user_id=" a/b%20").user_id == " a/b%20"


def test_a_path_needs_its_fields() -> None:
    with pytest.raises(ValueError, match="user_id"):
        json.write_request(GET_USER, user_pb2.GetUserRequest())


@pytest.mark.parametrize(
    ("name", "status"),
    [("CreateUser", 201), ("DeleteUser", 204), ("DeactivateUser", 200), ("GetUser", 200), ("UpdateUser", 200)],
)
def test_the_status_says_what_was_done(name: str, status: int) -> None:
    assert json.success_status(BY_NAME[f"user.v1.UserService/{name}"]) == status


def test_versions_are_found_where_resources_keep_them() -> None:
    assert json.version_path(user_pb2.User.DESCRIPTOR) == "audit.version"
    assert json.version_path(Shape.DESCRIPTOR) == "version"
    assert json.version_path(example_pb2.User.DESCRIPTOR) == ""
    # A text that is called version is none.
    assert json.version_path(common_pb2.HealthCheckResponse.DESCRIPTOR) == ""


# Answers, read by a client


@pytest.mark.parametrize(
    ("operation", "body", "wrong"),
    [
        (GET_USER, {"id": 5}, {"id": "type"}),
        (GET_USER, [], {"": "type"}),
        (LIST_USERS, [], {"": "type"}),
        (LIST_USERS, {"users": [{"status": "x"}]}, {"users.0.status": "choice"}),
        (LIST_USERS, {"users": [1], "total_count": "1"}, {"users.0": "type", "total_count": "type"}),
        (LIST_USERS, {"users": [], "has_more": True}, {"has_more": "unknown"}),
    ],
)  # fmt: skip
def test_what_is_no_answer_of_the_operation_is_refused(operation: Operation, body: Any, wrong: dict[str, str]) -> None:
    assert codes(json.read_answer, operation, body) == wrong


def test_whether_there_is_more_is_read_off_the_token() -> None:
    for token in ("", "t"):
        answer = json.read_answer(LIST_USERS, {"users": [], "next_page_token": token, "total_count": 1})
        assert answer.pagination.has_more == bool(token)


# Enums


def test_enum_values_are_texts_without_their_prefix() -> None:
    status = user_pb2.UserStatus.DESCRIPTOR
    assert enums.names(status) == {
        1: "active",
        2: "pending_verification",
        3: "deactivated",
        4: "suspended",
        5: "banned",
    }
    assert enums.numbers(status)["pending_verification"] == user_pb2.USER_STATUS_PENDING_VERIFICATION
    assert enums.unknown_choice(user_pb2.UserRole.DESCRIPTOR) == "Choose one of: customer, seller, admin, support."

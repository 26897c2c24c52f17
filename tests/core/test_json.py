"""The JSON of messages, and the JSON that is accepted for a message."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import DoubleValue, FloatValue, Int64Value, UInt64Value

from core import protojson
from core.errors import problem_of
from core.protojson import enums
from core.protojson.decoding import field_reader
from core.protojson.encoding import field_encoder
from core.protojson.query import query_names
from tandem.common.v1 import common_pb2
from tandem.meeting.v1 import meeting_pb2
from tandem.user.v1 import user_pb2
from tests.support import shapes
from tests.support.codec import GET_USER, LIST_USERS, UPDATE_USER, codes, read, update
from tests.support.random_messages import random_text
from tests.support.shapes import Measure, Shape, Unsayable

# What an answer looks like


def test_answer_has_the_documented_form() -> None:
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
    assert json.loads(protojson.answer_bytes(GET_USER, response)) == {
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


def test_list_returns_its_rows_and_pagination() -> None:
    page = common_pb2.PaginationResponse(next_page_token="t", total_count=-1, has_more=True)
    response = user_pb2.ListUsersResponse(users=[user_pb2.User(id="a")], pagination=page)
    answer = protojson.answer(LIST_USERS, response)
    assert list(answer) == ["users", "next_page_token", "total_count"]
    assert (answer["users"][0]["id"], answer["next_page_token"], answer["total_count"]) == ("a", "t", -1)
    assert protojson.answer(LIST_USERS, user_pb2.ListUsersResponse()) == {
        "users": [],
        "next_page_token": "",
        "total_count": 0,
    }


def test_a_bare_resource_that_is_unset_is_null() -> None:
    assert protojson.answer(GET_USER, user_pb2.GetUserResponse()) is None
    assert protojson.read_answer(GET_USER, None) == user_pb2.GetUserResponse()


def test_the_same_message_gives_the_same_bytes() -> None:
    links = {str(number): "" for number in range(50)}
    user = user_pb2.User(profile=user_pb2.UserProfile(social_links=links))
    response = user_pb2.GetUserResponse(user=user)
    again = user_pb2.GetUserResponse.FromString(response.SerializeToString())
    assert protojson.answer_bytes(GET_USER, again) == protojson.answer_bytes(GET_USER, response)


def test_numbers_that_json_does_not_have_are_null() -> None:
    assert protojson.to_json(DoubleValue(value=float("nan"))) == {"value": None}
    assert protojson.to_json(FloatValue(value=float("inf"))) == {"value": None}
    assert protojson.to_json(FloatValue(value=0.1)) == {"value": 0.1}


def test_an_enum_number_that_is_not_known_is_shown_so_that_it_is_refused() -> None:
    request = UPDATE_USER.request_class(user_id="me", user={"status": 99, "roles": [0, 3, 98]})
    call = protojson.write_request(UPDATE_USER, request)
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
def test_times_are_in_utc(seconds: int, nanos: int, text: str) -> None:
    assert protojson.to_json(Timestamp(seconds=seconds, nanos=nanos)) == text
    assert protojson.from_json(Timestamp, text) == Timestamp(seconds=seconds, nanos=nanos)


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
    assert protojson.from_json(Timestamp, text).seconds == seconds


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
    assert codes(protojson.from_json, Timestamp, text) == {"": "format"}


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
def test_types_are_not_converted(key: str, kind: str, value: Any) -> None:
    if value is None:
        assert protojson.from_json(Shape, {key: value}) == Shape()
    elif FITTING[kind](value):
        assert protojson.to_json(protojson.from_json(Shape, {key: value}))[key] in (
            value,
            {"name": "", "measure": None},
        )
    else:
        wrong = {"square.x": "unknown"} if (key, value) == ("square", {"x": 1}) else {key: "type"}
        assert codes(protojson.from_json, Shape, {key: value}) == wrong


def test_a_map_takes_its_values_by_their_type() -> None:
    assert protojson.from_json(Shape, {"counts": {"a": 1, "": -1}}) == Shape(counts={"a": 1, "": -1})
    assert codes(protojson.from_json, Shape, {"counts": {"a": "1", "b": None}, "parts_by_name": {"p": {"n": 1}}}) == {
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
    assert codes(protojson.from_json, message_class, {key: value}) == {key: "range"}


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
def test_unusual_spellings_of_numbers_are_rejected(number: str, code: str) -> None:
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
        "Email": ("unknown", "There is no field Email. The most similar one is email."),
    }


def test_unknown_enum_value_is_rejected_with_the_known_ones() -> None:
    with pytest.raises(ValidationError) as failed:
        update({"status": "ACTIVE", "roles": ["user_role_admin"]})
    assert {v.field: (v.code, v.message) for v in problem_of(failed.value).violations} == {
        "status": ("choice", enums.unknown_choice(user_pb2.UserStatus.DESCRIPTOR)),
        "roles.0": ("choice", "Choose one of: customer, seller, admin, support."),
    }


def test_all_errors_are_reported_at_once() -> None:
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


def test_only_the_first_of_many_errors_are_reported() -> None:
    wrong = codes(update, {str(number) + "x" * 1_000_000: 1 for number in range(60)})
    assert len(wrong) == 50
    assert max(map(len, wrong)) == 100


def test_duplicate_key_is_rejected_with_its_pointer() -> None:
    body = b'{"email": "a", "email": "b", "profile": {"social_links": {"x": "1", "x": "1"}}}'
    assert codes(update, body) == {"email": "duplicate", "profile.social_links.x": "duplicate"}


def test_lone_surrogate_is_rejected_with_its_pointer() -> None:
    body = rb'{"first_name": "\ud800", "last_name": "\ud83d\ude00", "profile": {"social_links": {"\udc00": "x"}}}'
    assert codes(update, body) == {"first_name": "format", "profile.social_links.?": "format"}
    assert codes(update, rb'{"\ud800": 1}') == {"?": "unknown"}


def test_nul_is_for_the_model_to_refuse() -> None:
    assert update({"first_name": "a\0b"}).user.first_name == "a\0b"


def test_only_one_field_of_a_oneof_is_accepted() -> None:
    assert protojson.from_json(Shape, {"circle": None, "square": {}}).HasField("square")
    assert codes(protojson.from_json, Shape, {"circle": "", "square": {}}) == {"square": "one_of"}


@pytest.mark.parametrize(
    "body",
    [
        b"null", b"[]", b'"x"', b"1", b"{", b"{}{}", b"{'a': 1}", b'{"email": "\xff"}', b"\xef\xbb\xbf", b" ",
        b"[" * 1_000_000, b'{"profile":' * 100_000, "{}".encode("utf-16"), b'{"email": "a\nb"}', b'{"email": 01}',
    ],
    ids=lambda body: repr(body[:20]),
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    assert codes(update, body) == {"": "json"}


def test_bytes_are_base64() -> None:
    message = meeting_pb2.AudioPart(seq=1, data=b"\0\xff~")
    assert protojson.to_json(message)["data"] == "AP9+"
    assert protojson.from_json(meeting_pb2.AudioPart, {"seq": 1, "data": "AP9+"}) == message
    for value in (1, "AP9", "ü", "A P9+"):
        with pytest.raises(ValidationError) as raised:
            protojson.from_json(meeting_pb2.AudioPart, {"data": value})
        assert [error.code for error in raised.value.error_dict[("data",)]] in (["format"], ["type"])


def test_type_without_json_form_fails_at_its_first_use() -> None:
    by_number = Unsayable.DESCRIPTOR.fields_by_name["by_number"]
    for compiled in (field_encoder, field_reader):
        with pytest.raises(TypeError, match="keys of a map must be texts"):
            compiled(by_number)


@pytest.mark.parametrize("names", [["part"], ["spans"], ["by_number"], ["pagination", "page_size"]])
def test_type_without_query_form_fails_at_its_first_use(names: list[str]) -> None:
    fields = Unsayable.DESCRIPTOR.fields_by_name
    with pytest.raises(TypeError, match=r"shapes\.Unsayable"):
        query_names(fields[name] for name in names)


def test_random_values_are_rejected_or_read_back_unchanged() -> None:
    rng = random.Random("rubbish")
    keys = [field.name for field in Shape.DESCRIPTOR.fields] + ["x", ""]
    for _ in range(2_000):
        value = {rng.choice(keys): rubbish(rng, 3) for _ in range(4)}
        try:
            message = protojson.from_json(Shape, value)
        except ValidationError:
            continue
        assert protojson.from_json(Shape, protojson.to_json(message)) == message


def rubbish(rng: random.Random, depth: int) -> Any:
    if depth and rng.random() < 0.4:
        if rng.random() < 0.5:
            return [rubbish(rng, depth - 1) for _ in range(rng.randint(0, 2))]
        names = ("name", "measure", "size", "a")
        return {rng.choice(names): rubbish(rng, depth - 1) for _ in range(rng.randint(0, 2))}
    return rng.choice([*OTHERS[:9], -1, 2**40, "red", "dark_blue", "2026-01-01", random_text(rng), float("inf")])


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

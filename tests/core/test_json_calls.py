"""Parts of a request in HTTP: masks, bodies, queries, paths, answers."""

from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist
from google.protobuf.field_mask_pb2 import FieldMask

from core import protojson
from core.errors import problem_of
from core.operations import Operation
from tandem.common.v1 import common_pb2
from tandem.example.v1 import example_pb2
from tandem.user.v1 import user_pb2
from tests.support import shapes
from tests.support.codec import (
    BY_NAME,
    GET_USER,
    GET_USER_BY_NUMBER,
    LIST_USERS,
    SEARCH_USERS,
    UPDATE_USER,
    codes,
    read,
    update,
)
from tests.support.shapes import Measure, Part, Shape, UpdateShapeRequest

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


def test_empty_nested_message_is_unset() -> None:
    assert not update({"profile": {"bio": None}}).user.HasField("profile")
    assert update({"phone": {}}).user.HasField("phone")
    assert read(shapes.OPERATIONS["CreateShape"], {"shape": {}}).HasField("shape")


def test_unset_field_of_a_mask_is_sent_as_null() -> None:
    request = user_pb2.UpdateUserRequest(
        user_id="me",
        user=user_pb2.User(first_name="Ann", email="not named"),
        update_mask=FieldMask(paths=["profile.bio", "first_name", "phone", "nonsense", "profile.nonsense", "roles"]),
    )
    assert protojson.write_request(UPDATE_USER, request).body == {
        "profile": {"bio": None, "nonsense": None},
        "first_name": "Ann",
        "phone": None,
        "nonsense": None,
        "roles": None,
    }


def test_a_whole_nested_message_is_sent_with_every_key() -> None:
    user = user_pb2.User(profile=user_pb2.UserProfile(bio="x"))
    request = user_pb2.UpdateUserRequest(user_id="me", user=user, update_mask=FieldMask(paths=["profile"]))
    body = protojson.write_request(UPDATE_USER, request).body
    assert body == {"profile": protojson.to_json(user.profile)}


def test_mask_of_everything_lists_each_path() -> None:
    request = user_pb2.UpdateUserRequest(user_id="me", user={"email": "a"}, update_mask=FieldMask(paths=["*"]))
    everything = ["email", "profile.bio", "profile.gender"]
    body = protojson.write_request(UPDATE_USER, request, everything=everything).body
    assert body == {"email": "a", "profile": {"bio": None, "gender": None}}
    body = protojson.write_request(UPDATE_USER, request).body
    assert body is not None
    assert list(body) == [field.name for field in user_pb2.User.DESCRIPTOR.fields]


def test_the_mask_of_a_body_that_is_the_request_names_its_keys() -> None:
    request = read(shapes.OPERATIONS["UpdateShape"], {"label": None, "part": {"measure": {"size": 1}}}, id="s")
    assert list(request.update_mask.paths) == ["label", "part.measure.size"]
    assert request.part == Part(measure=Measure(size=1))
    assert request.id == "s"


# Parts of a request in HTTP


def test_mask_version_key_and_path_are_no_keys_of_a_body() -> None:
    body = {"id": "x", "update_mask": {}, "version": 1, "request_id": "k", "label": "l"}
    wrong = codes(read, shapes.OPERATIONS["UpdateShape"], body)
    assert wrong == dict.fromkeys(["id", "update_mask", "version", "request_id"], "unknown")


def test_version_and_key_are_headers() -> None:
    request = UpdateShapeRequest(id="a/b c", version=3, request_id="k", label="")
    assert protojson.write_request(shapes.OPERATIONS["UpdateShape"], request) == protojson.HttpCall(
        "/shapes/a%2Fb%20c", [], {"label": ""}, {"If-Match": '"3"', "Idempotency-Key": "k"}
    )


def test_version_is_a_query_parameter_of_reads_only() -> None:
    assert codes(read, shapes.OPERATIONS["DeleteShape"], b"", "version=1") == {"version": "unknown"}
    assert read(shapes.OPERATIONS["DeleteShape"], b"", "reason=r").reason == "r"
    assert read(shapes.OPERATIONS["ListShapes"], b"", "version=1").version == 1


def test_a_body_may_be_one_field_and_the_others_stand_in_the_query() -> None:
    request = read(shapes.OPERATIONS["AddPart"], {"name": "p"}, "last=true", shape_id="-7")
    assert (request.shape_id, request.part.name, request.last) == (-7, "p", True)
    assert not read(shapes.OPERATIONS["AddPart"], shape_id="7").HasField("part")
    assert read(shapes.OPERATIONS["AddPart"], {}, shape_id="7").HasField("part")


def test_empty_body_may_be_omitted() -> None:
    deactivate = BY_NAME["user.v1.UserService/DeactivateUser"]
    assert read(deactivate, user_id="u") == user_pb2.DeactivateUserRequest(user_id="u")
    assert read(deactivate, {"reason": "r"}, user_id="u").reason == "r"


@pytest.mark.parametrize("name", ["GetUser", "DeleteUser", "ListUsers"])
def test_unexpected_body_is_rejected(name: str) -> None:
    assert codes(read, BY_NAME[f"user.v1.UserService/{name}"], b"{}") == {"": "body"}


def test_query_has_short_names_for_pages_orders_and_ranges() -> None:
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
def test_query_is_parsed_strictly(query: str, wrong: dict[str, str]) -> None:
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
    request = protojson.read_request(LIST_USERS, {}, "count=exact&page_size=1", b"", ignore={"count"})
    assert request == user_pb2.ListUsersRequest(pagination={"page_size": 1})


@pytest.mark.parametrize("text", ["x", "1.0", "+1", "01", "-0", "", " 1", "1e1", "2147483648", "\u0661", "\ud800"])
def test_invalid_number_in_the_path_is_not_found(text: str) -> None:
    with pytest.raises(ObjectDoesNotExist) as missing:
        read(GET_USER_BY_NUMBER, user_id=text)
    assert str(missing.value) == f"User with ID {text} not found"
    assert problem_of(missing.value).reason == "NOT_FOUND"


def test_path_values_are_not_normalized() -> None:
    assert read(GET_USER_BY_NUMBER, user_id="-2147483648").user_id == -(2**31)
    assert read(GET_USER, user_id=" a/b%20").user_id == " a/b%20"


def test_a_path_needs_its_fields() -> None:
    with pytest.raises(ValueError, match="user_id"):
        protojson.write_request(GET_USER, user_pb2.GetUserRequest())


@pytest.mark.parametrize(
    ("name", "status"),
    [("CreateUser", 201), ("DeleteUser", 204), ("DeactivateUser", 200), ("GetUser", 200), ("UpdateUser", 200)],
)
def test_status_reflects_the_operation(name: str, status: int) -> None:
    assert protojson.success_status(BY_NAME[f"user.v1.UserService/{name}"]) == status


def test_versions_are_found_where_resources_keep_them() -> None:
    assert protojson.version_path(user_pb2.User.DESCRIPTOR) == "audit.version"
    assert protojson.version_path(Shape.DESCRIPTOR) == "version"
    assert protojson.version_path(example_pb2.User.DESCRIPTOR) == ""
    # A text that is called version is none.
    assert protojson.version_path(common_pb2.HealthCheckResponse.DESCRIPTOR) == ""


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
def test_invalid_answer_is_rejected(operation: Operation, body: Any, wrong: dict[str, str]) -> None:
    assert codes(protojson.read_answer, operation, body) == wrong


def test_next_page_is_derived_from_the_token() -> None:
    for token in ("", "t"):
        answer = protojson.read_answer(LIST_USERS, {"users": [], "next_page_token": token, "total_count": 1})
        assert answer.pagination.has_more == bool(token)

"""A field that does not exist is refused with the name of the most similar one, wherever it is named."""

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from google.protobuf.field_mask_pb2 import FieldMask

from core.errors import problem_of
from core.protojson.decoding import Errors, from_json
from core.protojson.field_masks import written_paths
from core.protojson.query import query_names, read_query
from core.web_rpc.codecs import JSON
from tandem.task.v1.task_pb2 import CreateTaskRequest, ListTasksRequest, TaskEvent
from tandem.user.v1.user_pb2 import UpdateUserRequest, User


def of_body() -> None:
    from_json(TaskEvent, {"task": {"Titel": "A", "duedate": 1, "colour": 2, "a.b": 3}})


def of_query() -> None:
    errors = Errors()
    read_query(query_names(ListTasksRequest.DESCRIPTOR.fields), [("pagesize", "5"), ("colour", "red")], errors)
    errors.raise_any()


def of_mask() -> None:
    mask = FieldMask(paths=["first_nam", "profile.biography", "profil.bio", "colour"])
    written_paths(User(), mask, ["first_name", "profile.bio"])


def of_web_rpc() -> None:
    JSON.decode(CreateTaskRequest, json.dumps({"duedate": "2030-01-31T09:30:00Z"}).encode())


def of_nested_web_rpc() -> None:
    JSON.decode(UpdateUserRequest, json.dumps({"user": {"frstName": "Ada"}}).encode())


@pytest.mark.parametrize(
    ("name_fields", "expected"),
    [
        (of_body, {"task.Titel": "title", "task.duedate": "due_date", "task.colour": "", "task.a.b": ""}),
        (of_query, {"pagesize": "page_size", "colour": ""}),
        (of_mask, {"first_nam": "first_name", "profile.biography": "", "profil.bio": "", "colour": ""}),
        (of_web_rpc, {"duedate": "dueDate"}),
        (of_nested_web_rpc, {"frstName": "firstName"}),
    ],
)
def test_unknown_field_is_refused_with_the_most_similar_name(name_fields: Any, expected: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as failed:
        name_fields()
    found = {violation.message for violation in problem_of(failed.value).violations}
    assert found == {
        f"There is no field {name}." + (f" The most similar one is {_nearest(name, near)}." if near else "")
        for name, near in expected.items()
    }


def _nearest(name: str, near: str) -> str:
    parent, dot, _ = name.rpartition(".")
    return f"{parent}{dot}{near}"

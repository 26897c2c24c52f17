"""Pointers to invalid fields (RFC 6901), and lists in queries."""

import json
from typing import Any
from urllib.parse import unquote

import pytest
from django.test import Client

from tests.support.factories import TaskFactory
from tests.support.http_clients import JSON
from users.models import User

# Pointers (RFC 6901)


@pytest.mark.parametrize(
    ("key", "pointer"),
    [
        ("a/b", "#/a~1b"), ("a~b", "#/a~0b"), ("~1", "#/~01"), ("a.b", "#/a.b"), ("", "#/"), ("é x", "#/%C3%A9%20x"),
        ("c%d", "#/c%25d"), ("e^f", "#/e%5Ef"), ("g|h", "#/g%7Ch"), (r"i\j", "#/i%5Cj"), ('k"l', "#/k%22l"),
        (" ", "#/%20"), ("__all__", "#/__all__"), (".", "#/."), ("a#b?c", "#/a%23b?c"), ("🙂", "#/%F0%9F%99%82"),
    ],
)  # fmt: skip
def test_pointer_resolves_to_the_key(http: Client, key: str, pointer: str) -> None:
    answer = http.post("/api/v1/tasks", json.dumps({"title": "A", key: 1}), content_type=JSON)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"], error["detail"]) == (pointer, "unknown", f"There is no field {key}.")
    parts = [part.replace("~1", "/").replace("~0", "~") for part in unquote(pointer[1:]).split("/")[1:]]
    assert parts == [key]


def test_pointers_into_maps_lists_and_queries(http: Client, task: Any) -> None:
    body = {"title": 5, "metadata": {"http://x.y/z": 1, "": 2}, "labels": ["x", 7]}
    answer = http.post("/api/v1/tasks", json.dumps(body), content_type=JSON)
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "#/title", "#/metadata/http:~1~1x.y~1z", "#/metadata/", "#/labels/1",
    }  # fmt: skip
    answer = http.patch("/api/v1/users/me", json.dumps({"profile": {"a.b/c": 1}}), content_type=JSON)
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/profile/a.b~1c"]
    answer = http.get("/api/v1/tasks", {"a.b/c": "1", "pagination.page_size": "2"})
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/a.b~1c", "#/pagination.page_size"]
    answer = http.post("/api/v1/tasks", json.dumps([]), content_type=JSON)
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#"]


# Lists in queries


@pytest.mark.parametrize(
    "query", ["labels[]=x", "labels%5B%5D=x", "labels[0]=x", "labels=x&labels[]=y", "labels[]=x&labels[]=y"]
)
def test_list_parameters_in_brackets_are_accepted(http: Client, administrator: User, task: Any, query: str) -> None:
    TaskFactory(created_by=administrator, labels=["z"])
    task.labels = ["x", "y"]
    task.save()
    answer = http.get(f"/api/v1/tasks?{query}")
    assert [found["id"] for found in answer.json()["tasks"]] == [str(task.pk)]


@pytest.mark.parametrize("query", ["page_size[]=5", "labels[x]=a", "labels[][]=a", "nothing[]=a", "[]=a"])
def test_other_parameters_in_brackets_are_unknown(http: Client, query: str) -> None:
    answer = http.get(f"/api/v1/tasks?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown")

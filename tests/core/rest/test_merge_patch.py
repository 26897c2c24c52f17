"""Bodies of PATCH: JSON and merge patches (RFC 7396)."""

import json
from typing import Any

import pytest
from django.test import Client

from core.protojson.forms import is_map, is_nested
from core.protojson.requests import plan
from core.rest.viewsets import served_operations
from tests.support.factories import DocumentFactory
from tests.support.http_clients import JSON, path_of


def test_accepted_patch_formats_are_announced(http: Client, task: Any) -> None:
    expected = "application/json, application/merge-patch+json"
    assert http.options(path_of(task)).headers["Accept-Patch"] == expected
    assert "Accept-Patch" not in http.options("/api/v1/tasks").headers
    refused = http.patch(path_of(task), "title=B", content_type="text/plain")
    assert (refused.status_code, refused.headers["Accept-Patch"]) == (415, expected)
    refused = http.post("/api/v1/tasks", "{}", content_type="application/merge-patch+json")
    assert (refused.status_code, refused.headers["Accept"]) == (415, JSON)
    assert "Accept-Patch" not in refused.headers


def test_merge_patch_is_accepted(http: Client, task: Any) -> None:
    patch = json.dumps({"title": "B", "description": None})
    answer = http.patch(path_of(task), patch, content_type="application/merge-patch+json; charset=utf-8")
    assert (answer.status_code, answer.json()["title"]) == (200, "B")
    answer = http.patch(path_of(task), '{"metadata": null}', content_type="application/merge-patch+json")
    assert (answer.status_code, answer.json()["metadata"]) == (200, {})


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        ({"a": "1"}, {"b": "2"}, {"a": "1", "b": "2"}),
        ({"a": "1", "b": "2"}, {"a": None}, {"b": "2"}),
        ({"a": "1"}, {"a": "3", "b": None}, {"a": "3"}),
        ({"a": "1"}, {"a": None}, {}),
        ({"a": "1"}, {}, {"a": "1"}),
        ({}, {"x.y/z": "1"}, {"x.y/z": "1"}),
    ],
)
def test_merge_patch_of_a_map_changes_only_named_keys(
    http: Client, task: Any, before: dict[str, str], patch: dict[str, Any], after: dict[str, str]
) -> None:
    type(task).objects.filter(pk=task.pk).update(metadata=before)
    merge = "application/merge-patch+json"
    answer = http.patch(path_of(task), json.dumps({"title": "B", "metadata": patch}), content_type=merge)
    assert (answer.status_code, answer.json()["metadata"], answer.json()["title"]) == (200, after, "B")
    assert http.get(path_of(task)).json()["metadata"] == after


def test_merge_patch_of_links_changes_only_named_links(http: Client) -> None:
    merge = "application/merge-patch+json"
    links = {"a": "https://a.example", "b": "https://b.example"}
    http.patch("/api/v1/users/me", json.dumps({"profile": {"social_links": links}}), content_type=JSON)
    patch = {"social_links": {"a": None, "c": "https://c.example"}}
    answer = http.patch("/api/v1/users/me/profile", json.dumps(patch), content_type=merge)
    expected = {"b": "https://b.example", "c": "https://c.example"}
    assert answer.json()["profile"]["social_links"] == expected
    answer = http.patch("/api/v1/users/me", json.dumps({"profile": patch}), content_type=merge)
    assert answer.json()["profile"]["social_links"] == expected
    # In a body of JSON a map is the whole of it.
    answer = http.patch("/api/v1/users/me", json.dumps({"profile": {"social_links": links}}), content_type=JSON)
    assert answer.json()["profile"]["social_links"] == links


def test_invalid_merge_patch_changes_nothing(http: Client, task: Any) -> None:
    merge = "application/merge-patch+json"
    for patch, pointer in (
        ('{"metadata": {"b": 2}}', "#/metadata/b"),
        ('{"metadata": {"b": "1", "b": null}}', "#/metadata/b"),
        ('{"metadata": 5}', "#/metadata"),
        ('{"metadata": {" ": "1"}}', "#/metadata"),
        ('{"title": "B", "title": "C"}', "#/title"),
    ):
        answer = http.patch(path_of(task), patch, content_type=merge)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer), patch
    assert http.get(path_of(task)).json()["metadata"] == {"a": "1"}


@pytest.mark.parametrize("patch", [{"Title": "B"}, {"Title": None}, None])
def test_a_map_that_is_only_read_is_not_patched(http: Client, patch: Any) -> None:
    document = DocumentFactory(title="A", metadata={"Title": "A"})
    path = f"/api/v1/documents/{document.pk}"
    body = json.dumps({"title": "B", "metadata": patch})
    answer = http.patch(path, body, content_type="application/merge-patch+json")
    errors = [(error["pointer"], error["code"]) for error in answer.json()["errors"]]
    assert (answer.status_code, errors) == (400, [("#/metadata", "read_only")])
    found = http.get(path).json()
    assert (found["title"], found["metadata"]) == ("A", {"Title": "A"})


def test_idempotency_key_distinguishes_merge_patches_that_remove_different_keys(http: Client, task: Any) -> None:
    sent = {"Idempotency-Key": "k"}
    merge = "application/merge-patch+json"
    first = http.patch(path_of(task), '{"metadata": {"a": null}}', content_type=merge, headers=sent)
    again = http.patch(path_of(task), '{"metadata": {"a": null}}', content_type=merge, headers=sent)
    other = http.patch(path_of(task), '{"metadata": {"b": null}}', content_type=merge, headers=sent)
    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 422)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_every_map_that_can_be_patched_is_covered() -> None:
    found = set()
    for operation in served_operations():
        pending = [field for field in plan(operation).keys if operation.http.verb == "PATCH"]
        while pending:
            field = pending.pop()
            if is_map(field):
                found.add((operation.rpc, field.name))
            elif is_nested(field):
                pending += field.message_type.fields
    patched = {("UpdateTask", "metadata"), ("UpdateUser", "social_links"), ("UpdateUserProfile", "social_links")}
    only_read = {("UpdateDocument", "metadata")}
    assert found == patched | only_read

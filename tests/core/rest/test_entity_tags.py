"""Entity tags and conditional requests."""

from typing import Any

import pytest
from django.test import Client

from tests.support.factories import TranscribedMeetingFactory
from tests.support.http_clients import JSON, client_of, path_of
from users.models import User

# Tags


@pytest.mark.parametrize("sent", ['"1"', 'W/"1"', '"7", W/"1"', "*", ' "1" , '])
def test_unchanged_resource_is_not_modified(http: Client, task: Any, sent: str) -> None:
    for method in (http.get, http.head):
        answer = method(path_of(task), headers={"If-None-Match": sent})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["ETag"] == '"1"'
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert set(answer.headers["Vary"].split(", ")) >= {"Authorization", "Accept-Encoding"}
        assert not answer.headers.keys() & {"Content-Type", "Content-Length"}


@pytest.mark.parametrize("sent", ['"2"', "1", '""', '"abc"', "nonsense", ""])
def test_other_tags_get_the_resource(http: Client, task: Any, sent: str) -> None:
    answer = http.get(path_of(task), headers={"If-None-Match": sent})
    assert (answer.status_code, answer.json()["title"]) == (200, "A")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in answer.headers["Vary"]


def test_changed_resource_is_sent(http: Client, task: Any) -> None:
    patch = http.patch(path_of(task), {"title": "B"}, content_type=JSON, headers={"If-Match": 'W/"1"'})
    assert (patch.status_code, patch.headers["ETag"]) == (200, '"2"')
    assert http.get(path_of(task), headers={"If-None-Match": '"1"'}).json()["title"] == "B"
    assert http.get(path_of(task), headers={"If-None-Match": '"2"'}).status_code == 304


def test_matching_tag_reveals_nothing_to_others(task: Any, ann: User) -> None:
    answer = client_of(ann).get(path_of(task), headers={"If-None-Match": "*"})
    assert answer.status_code == 404


def test_resource_not_named_by_its_id_has_no_tag(http: Client, ann: User) -> None:
    """Another user may have that address by then, at the same version."""
    answer = http.get("/api/v1/users/by-email?email=ann@example.com", headers={"If-None-Match": '"1"'})
    assert (answer.status_code, answer.json()["id"]) == (200, str(ann.pk))
    version = http.get("/api/v1/users/me").headers["ETag"]
    assert http.get("/api/v1/users/me", headers={"If-None-Match": version}).status_code == 304


@pytest.mark.parametrize("path", ["/api/v1/openapi.json", "/.well-known/jwks.json"])
def test_public_documents_have_a_tag(public: Client, path: str) -> None:
    answer = public.get(path)
    assert answer.headers["Cache-Control"].startswith("public, ")
    etag = answer.headers["ETag"]
    for sent in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        known = public.get(path, headers={"If-None-Match": sent})
        assert (known.status_code, known.content, known.headers["ETag"]) == (304, b"", etag)
    assert public.get(path, headers={"If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize("form", ["json", "srt", "vtt", "md"])
def test_transcript_tags_are_compared_weakly(http: Client, administrator: User, form: str) -> None:
    path = f"/api/v1/meetings/{TranscribedMeetingFactory(owner=administrator).pk}/transcript.{form}"
    etag = http.get(path).headers["ETag"]
    for sent in (etag, f"W/{etag}", "*"):
        assert http.get(path, headers={"If-None-Match": sent}).status_code == 304
    assert http.get(path, headers={"If-None-Match": '"x"'}).status_code == 200


def test_failures_are_never_not_modified(http: Client) -> None:
    """Caches may keep a 404 or 405 without a directive."""
    for answer in (http.get("/api/v1/nothing"), http.put("/api/v1/users"), http.get("/nothing")):
        assert answer.headers["Cache-Control"] == "no-cache"

"""What answers over HTTP say beside their content: challenges, methods, pointers, tags, codings."""

import gzip
import json
from typing import Any
from urllib.parse import unquote

import pytest
from django.test import Client

from access.models import Session
from access.tokens import access_token
from core.protojson.calls import plan
from core.protojson.forms import is_map, is_nested
from core.rest.compression import accepted
from core.rest.openapi.current import served_operations
from tests.support.factories import ApiKeyFactory, TaskFactory, TranscribedMeetingFactory, UserFactory, bearer_of
from users.models import User

JSON = "application/json"


@pytest.fixture
def http(administrator: User) -> Client:
    return client_of(administrator)


def client_of(user: User) -> Client:
    bearer = f"Bearer {access_token(Session.objects.create(user=user))}"
    return Client(raise_request_exception=False, HTTP_HOST="localhost", headers={"Authorization": bearer})


@pytest.fixture
def public(db: None) -> Client:
    return Client(raise_request_exception=False, HTTP_HOST="localhost")


@pytest.fixture
def task(administrator: User) -> Any:
    return TaskFactory(created_by=administrator, title="A", labels=["x"], metadata={"a": "1"})


def path_of(task: Any) -> str:
    return f"/api/v1/tasks/{task.pk}"


# Challenges (RFC 6750, 3)


def test_without_a_credential_the_challenge_has_no_error(public: Client) -> None:
    for path in ("/api/v1/users/me", "/api/v1/meetings/x/transcript.json"):
        answer = public.get(path)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="tandem"')


@pytest.mark.parametrize("sent", ["Bearer x", "bearer x.y.z", "Bearer tdm_1_2", "Bearer", "Bearer ", "Bearer a b"])
def test_a_token_that_is_not_good_is_named_as_the_error(public: Client, sent: str) -> None:
    for path in ("/api/v1/users/me", "/api/v1/meetings/x/transcript.json", "/api/v1/health"):
        answer = public.get(path, headers={"Authorization": sent})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="tandem", error="invalid_token"'


def test_a_ticket_that_is_not_good_is_named_as_the_error(public: Client) -> None:
    answer = public.get("/api/v1/tasks/stream?ticket=x")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (
        401,
        'Bearer realm="tandem", error="invalid_token"',
    )


def test_a_credential_of_another_scheme_is_answered_as_none(public: Client) -> None:
    answer = public.get("/api/v1/users/me", headers={"Authorization": "Basic YTpi"})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="tandem"')


def test_a_wrong_password_is_no_refused_token(public: Client) -> None:
    login = {"email": "nobody@example.com", "password": "wrong password"}
    answer = public.post("/api/v1/auth/login", login, content_type=JSON)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="tandem"')


def test_a_key_without_the_scope_is_told_which(public: Client, ann: User) -> None:
    bearer = bearer_of(ApiKeyFactory(user=ann, scopes=["users:read"]))
    refused = public.get("/api/v1/tasks", headers={"Authorization": bearer})
    assert refused.status_code == 403
    expected = 'Bearer realm="tandem", error="insufficient_scope", scope="tasks:read"'
    assert refused.headers["WWW-Authenticate"] == expected
    refused = public.get("/api/v1/auth/sessions", headers={"Authorization": bearer})
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="tandem", error="insufficient_scope"'


def test_a_user_without_the_right_gets_no_challenge(ann: User, administrator: User) -> None:
    answer = client_of(ann).delete(f"/api/v1/users/{administrator.pk}")
    assert answer.status_code in (403, 404)
    assert "WWW-Authenticate" not in answer.headers


# Methods


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/v1/users", "GET, POST, HEAD, OPTIONS"),
        ("/api/v1/users/me", "GET, PATCH, DELETE, HEAD, OPTIONS"),
        ("/api/v1/users/", "GET, POST, HEAD, OPTIONS"),
        ("/api/v1/auth/login", "POST, OPTIONS"),
        ("/api/v1/tasks/stream", "GET, HEAD, OPTIONS"),
        ("/api/v1/tasks/bulk", "POST, OPTIONS"),
        ("/api/v1/uploads", "POST, OPTIONS"),
        ("/api/v1/uploads/x", "HEAD, PATCH, DELETE, OPTIONS"),
        ("/api/v1/meetings/x/transcript.json", "GET, HEAD, OPTIONS"),
        ("/api/v1/openapi.json", "GET, HEAD, OPTIONS"),
        ("/api/v1/docs", "GET, HEAD, OPTIONS"),
        ("/.well-known/jwks.json", "GET, HEAD, OPTIONS"),
        ("/health", "GET, HEAD, OPTIONS"),
        ("/health/live", "GET, HEAD, OPTIONS"),
        ("/health/ready", "GET, HEAD, OPTIONS"),
        ("/metrics", "GET, HEAD, OPTIONS"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "TRACE", "PROPFIND"])
def test_a_method_that_is_not_there_is_told_which_are(http: Client, path: str, allowed: str, method: str) -> None:
    refused = http.generic(method, path)
    assert (refused.status_code, refused.json()["reason"]) == (405, "METHOD_NOT_ALLOWED")
    assert set(refused.headers["Allow"].split(", ")) == set(allowed.split(", "))
    options = http.options(path)
    assert options.status_code == 204
    assert set(options.headers["Allow"].split(", ")) == set(allowed.split(", "))
    assert not options.headers.keys() & {"Content-Type", "Content-Length"}


def test_what_patches_are_taken_is_told(http: Client, task: Any) -> None:
    expected = "application/json, application/merge-patch+json"
    assert http.options(path_of(task)).headers["Accept-Patch"] == expected
    assert "Accept-Patch" not in http.options("/api/v1/tasks").headers
    refused = http.patch(path_of(task), "title=B", content_type="text/plain")
    assert (refused.status_code, refused.headers["Accept-Patch"]) == (415, expected)
    refused = http.post("/api/v1/tasks", "{}", content_type="application/merge-patch+json")
    assert (refused.status_code, refused.headers["Accept"]) == (415, JSON)
    assert "Accept-Patch" not in refused.headers


def test_a_merge_patch_is_taken(http: Client, task: Any) -> None:
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
def test_a_merge_patch_of_a_map_changes_the_keys_that_it_names(
    http: Client, task: Any, before: dict[str, str], patch: dict[str, Any], after: dict[str, str]
) -> None:
    type(task).objects.filter(pk=task.pk).update(metadata=before)
    merge = "application/merge-patch+json"
    answer = http.patch(path_of(task), json.dumps({"title": "B", "metadata": patch}), content_type=merge)
    assert (answer.status_code, answer.json()["metadata"], answer.json()["title"]) == (200, after, "B")
    assert http.get(path_of(task)).json()["metadata"] == after


def test_a_merge_patch_of_links_changes_those_that_it_names(http: Client) -> None:
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


def test_a_bad_merge_patch_changes_nothing(http: Client, task: Any) -> None:
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


def test_a_merge_patch_under_a_key_is_another_when_it_removes_another_key(http: Client, task: Any) -> None:
    sent = {"Idempotency-Key": "k"}
    merge = "application/merge-patch+json"
    first = http.patch(path_of(task), '{"metadata": {"a": null}}', content_type=merge, headers=sent)
    again = http.patch(path_of(task), '{"metadata": {"a": null}}', content_type=merge, headers=sent)
    other = http.patch(path_of(task), '{"metadata": {"b": null}}', content_type=merge, headers=sent)
    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 422)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_every_map_that_can_be_patched_is_tried_here() -> None:
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
    assert found == patched


def test_nothing_is_said_of_the_content_that_there_is_none_of(http: Client, task: Any) -> None:
    answer = http.delete(path_of(task))
    assert answer.status_code == 204
    assert not answer.headers.keys() & {"Content-Type", "Content-Length"}


# Paths


@pytest.mark.parametrize("path", ["/auth/login", "/users", "/nothing", "/healthy", "/static/none.js", "/.well-known/x"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("accept", [None, "*/*", JSON, "application/*;q=0.5, text/html;q=0.4", "image/png,*/*;q=0.8"])
def test_programs_get_a_problem_where_nothing_is(public: Client, path: str, method: str, accept: str | None) -> None:
    client = Client(raise_request_exception=False, HTTP_HOST="localhost", enforce_csrf_checks=True)
    answer = client.generic(method, path, b"{}", content_type=JSON, headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["reason"] == "NOT_FOUND"
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_browsers_get_a_page_where_nothing_is(public: Client) -> None:
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
    answer = public.get("/nothing", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


# Pointers (RFC 6901)


@pytest.mark.parametrize(
    ("key", "pointer"),
    [
        ("a/b", "#/a~1b"), ("a~b", "#/a~0b"), ("~1", "#/~01"), ("a.b", "#/a.b"), ("", "#/"), ("é x", "#/%C3%A9%20x"),
        ("c%d", "#/c%25d"), ("e^f", "#/e%5Ef"), ("g|h", "#/g%7Ch"), (r"i\j", "#/i%5Cj"), ('k"l', "#/k%22l"),
        (" ", "#/%20"), ("__all__", "#/__all__"), (".", "#/."), ("a#b?c", "#/a%23b?c"), ("🙂", "#/%F0%9F%99%82"),
    ],
)  # fmt: skip
def test_a_pointer_leads_to_the_key(http: Client, key: str, pointer: str) -> None:
    answer = http.post("/api/v1/tasks", json.dumps({"title": "A", key: 1}), content_type=JSON)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"], error["detail"]) == (pointer, "unknown", f"There is no field {key}.")
    parts = [part.replace("~1", "/").replace("~0", "~") for part in unquote(pointer[1:]).split("/")[1:]]
    assert parts == [key]


def test_a_pointer_leads_into_maps_lists_and_queries(http: Client, task: Any) -> None:
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
def test_lists_in_brackets_are_taken(http: Client, administrator: User, task: Any, query: str) -> None:
    TaskFactory(created_by=administrator, labels=["z"])
    task.labels = ["x", "y"]
    task.save()
    answer = http.get(f"/api/v1/tasks?{query}")
    assert [found["id"] for found in answer.json()["tasks"]] == [str(task.pk)]


@pytest.mark.parametrize("query", ["page_size[]=5", "labels[x]=a", "labels[][]=a", "nothing[]=a", "[]=a"])
def test_other_names_in_brackets_are_unknown(http: Client, query: str) -> None:
    answer = http.get(f"/api/v1/tasks?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown")


# Tags


@pytest.mark.parametrize("sent", ['"1"', 'W/"1"', '"7", W/"1"', "*", ' "1" , '])
def test_what_the_client_has_is_not_sent_again(http: Client, task: Any, sent: str) -> None:
    for method in (http.get, http.head):
        answer = method(path_of(task), headers={"If-None-Match": sent})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["ETag"] == '"1"'
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert set(answer.headers["Vary"].split(", ")) >= {"Authorization", "Accept-Encoding"}
        assert not answer.headers.keys() & {"Content-Type", "Content-Length"}


@pytest.mark.parametrize("sent", ['"2"', "1", '""', '"abc"', "nonsense", ""])
def test_anything_else_is_sent_again(http: Client, task: Any, sent: str) -> None:
    answer = http.get(path_of(task), headers={"If-None-Match": sent})
    assert (answer.status_code, answer.json()["title"]) == (200, "A")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in answer.headers["Vary"]


def test_a_change_is_sent_again(http: Client, task: Any) -> None:
    patch = http.patch(path_of(task), {"title": "B"}, content_type=JSON, headers={"If-Match": 'W/"1"'})
    assert (patch.status_code, patch.headers["ETag"]) == (200, '"2"')
    assert http.get(path_of(task), headers={"If-None-Match": '"1"'}).json()["title"] == "B"
    assert http.get(path_of(task), headers={"If-None-Match": '"2"'}).status_code == 304


def test_who_may_not_see_it_learns_nothing_by_a_tag(task: Any, ann: User) -> None:
    answer = client_of(ann).get(path_of(task), headers={"If-None-Match": "*"})
    assert answer.status_code == 404


def test_a_version_of_what_is_not_named_by_its_id_is_no_tag(http: Client, ann: User) -> None:
    """Another user may have that address by then, at the same version."""
    answer = http.get("/api/v1/users/by-email?email=ann@example.com", headers={"If-None-Match": '"1"'})
    assert (answer.status_code, answer.json()["id"]) == (200, str(ann.pk))
    version = http.get("/api/v1/users/me").headers["ETag"]
    assert http.get("/api/v1/users/me", headers={"If-None-Match": version}).status_code == 304


@pytest.mark.parametrize("path", ["/api/v1/openapi.json", "/.well-known/jwks.json"])
def test_what_is_public_has_a_tag(public: Client, path: str) -> None:
    answer = public.get(path)
    assert answer.headers["Cache-Control"].startswith("public, ")
    etag = answer.headers["ETag"]
    for sent in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        known = public.get(path, headers={"If-None-Match": sent})
        assert (known.status_code, known.content, known.headers["ETag"]) == (304, b"", etag)
    assert public.get(path, headers={"If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize("form", ["json", "srt", "vtt", "md"])
def test_a_transcript_is_compared_weakly(http: Client, administrator: User, form: str) -> None:
    path = f"/api/v1/meetings/{TranscribedMeetingFactory(owner=administrator).pk}/transcript.{form}"
    etag = http.get(path).headers["ETag"]
    for sent in (etag, f"W/{etag}", "*"):
        assert http.get(path, headers={"If-None-Match": sent}).status_code == 304
    assert http.get(path, headers={"If-None-Match": '"x"'}).status_code == 200


def test_failures_are_asked_for_again(http: Client) -> None:
    """Caches may keep a 404 or 405 that says nothing."""
    for answer in (http.get("/api/v1/nothing"), http.put("/api/v1/users"), http.get("/nothing")):
        assert answer.headers["Cache-Control"] == "no-cache"


# Codings


@pytest.fixture
def many(administrator: User) -> None:
    TaskFactory.create_batch(20, created_by=administrator)


@pytest.mark.parametrize(
    ("sent", "gzipped"),
    [
        ("gzip", True), ("gzip, deflate, br", True), ("GZip;Q=0.5", True), ("*", True), ("x-gzip", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True), ("identity;q=0, gzip", True), ("gzip;q=1, identity;q=0.5", True),
        ("", False), ("br", False), ("identity", False), ("gzip;q=0", False), ("*;q=0", False),
        ("gzip;q=0.0, *", False),
        ("identity, gzip;q=0.2", False), ("gzip;q=nonsense", False), ("notgzip", False),
    ],
)  # fmt: skip
def test_long_answers_are_compressed_for_who_takes_it(http: Client, many: None, sent: str, gzipped: bool) -> None:
    plain = http.get("/api/v1/tasks")
    assert "Content-Encoding" not in plain.headers
    answer = http.get("/api/v1/tasks", headers={"Accept-Encoding": sent})
    assert (answer.headers.get("Content-Encoding") == "gzip") is gzipped
    content = gzip.decompress(answer.content) if gzipped else answer.content
    assert json.loads(content)["tasks"] == plain.json()["tasks"]  # Page tokens bear the second of their signing.
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    if gzipped:
        assert len(answer.content) < len(plain.content) / 3
    for one in (plain, answer):
        assert {"Accept-Encoding", "Authorization"} <= set(one.headers["Vary"].split(", "))


def test_the_tag_of_a_compressed_answer_is_weak_and_serves_for_a_write(http: Client, administrator: User) -> None:
    task = TaskFactory(created_by=administrator, description="x" * 2000)
    answer = http.get(path_of(task), headers={"Accept-Encoding": "gzip"})
    assert (answer.headers["Content-Encoding"], answer.headers["ETag"]) == ("gzip", 'W/"1"')
    known = http.get(path_of(task), headers={"Accept-Encoding": "gzip", "If-None-Match": answer.headers["ETag"]})
    assert known.status_code == 304
    patch = http.patch(
        path_of(task), {"title": "B"}, content_type=JSON, headers={"If-Match": 'W/"1"', "Accept-Encoding": "gzip"}
    )
    assert (patch.status_code, patch.headers["ETag"]) == (200, 'W/"2"')


def test_short_answers_are_not_compressed_unless_nothing_else_is_taken(http: Client, task: Any) -> None:
    assert "Content-Encoding" not in http.get(path_of(task), headers={"Accept-Encoding": "gzip"}).headers
    for sent in ("gzip, identity;q=0", "gzip, *;q=0"):
        answer = http.get(path_of(task), headers={"Accept-Encoding": sent})
        assert json.loads(gzip.decompress(answer.content))["title"] == "A"


def test_secrets_are_not_compressed(public: Client, ann: User) -> None:
    ann.set_password("correct horse battery")
    ann.save()
    login = {"email": "ann@example.com", "password": "correct horse battery"}
    sent = {"Accept-Encoding": "gzip, identity;q=0"}
    answer = public.post("/api/v1/auth/login", login, content_type=JSON, headers=sent)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert "Content-Encoding" not in answer.headers


def test_streams_are_not_compressed(http: Client) -> None:
    lines = http.post(
        "/api/v1/tasks/commands",
        b'{"command_id": "1", "get": {"id": "x"}}\n' * 40,
        content_type="application/x-ndjson",
        headers={"Accept-Encoding": "gzip"},
    )
    assert lines.status_code == 200
    assert "Content-Encoding" not in lines.headers
    assert len(b"".join(lines.streaming_content).splitlines()) == 40


def test_every_long_text_but_the_admin_site_is_compressed(site: Client, administrator: User) -> None:
    """`site` is signed in at the admin site."""
    bearer = f"Bearer {access_token(Session.objects.create(user=administrator))}"
    meeting = TranscribedMeetingFactory(owner=administrator)
    UserFactory.create_batch(3)
    for path in (
        "/api/v1/openapi.json",
        "/metrics",
        f"/api/v1/meetings/{meeting.pk}/transcript.json",
        "/api/v1/users",
    ):
        answer: Any = site.get(path, headers={"Accept-Encoding": "gzip", "Authorization": bearer})
        assert (answer.status_code, answer.headers.get("Content-Encoding")) == (200, "gzip"), path
        assert "Accept-Encoding" in answer.headers["Vary"]
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        plain: Any = site.get(path, headers={"Authorization": bearer})
        expected = b"".join(plain.streaming_content) if plain.streaming else plain.content
        if path != "/metrics":  # It counts these calls, too.
            assert gzip.decompress(content) == expected
        assert len(gzip.decompress(content)) > len(content)
    # Its pages hold what others may not learn, beside what a link may have put there (BREACH).
    page = site.get("/admin/users/user/?q=Ann", headers={"Accept-Encoding": "gzip"})
    assert (page.status_code, "Content-Encoding" in page.headers) == (200, False)


def test_the_length_of_a_compressed_answer_is_blurred(http: Client, many: None) -> None:
    lengths = {len(http.get("/api/v1/tasks", headers={"Accept-Encoding": "gzip"}).content) for _ in range(20)}
    assert len(lengths) > 1


def test_codings_are_read_by_their_weights() -> None:
    assert (accepted("identity;q=0").gzip, accepted("identity;q=0").only) == (False, True)
    assert (accepted("gzip;q=0.001").gzip, accepted("gzip;q=1.5").gzip) == (True, False)


# Metrics


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "application/openmetrics-text"),
        ("text/plain;version=0.0.4;q=0.3,application/openmetrics-text;q=0.5", "application/openmetrics-text"),
        ("text/plain,application/openmetrics-text;q=0.1", "text/plain"),
        ("application/openmetrics-text;q=0", "text/plain"),
    ],
)
def test_metrics_are_in_the_format_that_is_asked_for(public: Client, accept: str | None, expected: str) -> None:
    answer = public.get("/metrics", headers={"Accept": accept} if accept else {})
    assert answer.headers["Content-Type"].startswith(expected)
    assert answer.content.decode().endswith("# EOF\n") is expected.startswith("application")

"""Content codings of responses."""

import gzip
import json
from typing import Any

import pytest
from django.test import Client

from access.models import Session
from access.tokens import access_token
from core.rest.compression import accepted
from tests.support.factories import TaskFactory, TranscribedMeetingFactory, UserFactory
from tests.support.http_clients import JSON, path_of
from users.models import User

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
def test_long_responses_are_compressed_when_accepted(http: Client, many: None, sent: str, gzipped: bool) -> None:
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


def test_tag_of_a_compressed_response_is_weak_and_accepted_for_a_write(http: Client, administrator: User) -> None:
    task = TaskFactory(created_by=administrator, description="x" * 2000)
    answer = http.get(path_of(task), headers={"Accept-Encoding": "gzip"})
    assert (answer.headers["Content-Encoding"], answer.headers["ETag"]) == ("gzip", 'W/"1"')
    known = http.get(path_of(task), headers={"Accept-Encoding": "gzip", "If-None-Match": answer.headers["ETag"]})
    assert known.status_code == 304
    patch = http.patch(
        path_of(task), {"title": "B"}, content_type=JSON, headers={"If-Match": 'W/"1"', "Accept-Encoding": "gzip"}
    )
    assert (patch.status_code, patch.headers["ETag"]) == (200, 'W/"2"')


def test_short_responses_are_compressed_only_if_nothing_else_is_accepted(http: Client, task: Any) -> None:
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


def test_length_of_a_compressed_response_varies(http: Client, many: None) -> None:
    lengths = {len(http.get("/api/v1/tasks", headers={"Accept-Encoding": "gzip"}).content) for _ in range(20)}
    assert len(lengths) > 1


def test_codings_are_read_by_their_weights() -> None:
    assert (accepted("identity;q=0").gzip, accepted("identity;q=0").only) == (False, True)
    assert (accepted("gzip;q=0.001").gzip, accepted("gzip;q=1.5").gzip) == (True, False)

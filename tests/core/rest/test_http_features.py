"""Features of HTTP alone: bodies, headers, hosts, origins. Those of both transports are tested through `api`."""

import json
import logging
from typing import Any

import pytest
from django.test import Client

from access.models import Session
from access.tokens import access_token
from users.models import User


@pytest.fixture
def http(administrator: User) -> Client:
    bearer = f"Bearer {access_token(Session.objects.create(user=administrator))}"
    return Client(raise_request_exception=False, HTTP_HOST="localhost", headers={"Authorization": bearer})


def problem(response: Any, status: int, reason: str) -> dict[str, Any]:
    """Return the problem document, which must be of this kind."""
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(response.content)
    assert document["reason"] == reason
    assert document["status"] == status
    assert document["request_id"] == response.headers["X-Request-ID"]
    return document


def errors(document: dict[str, Any]) -> dict[str, str]:
    return {error["pointer"]: error["code"] for error in document["errors"]}


def post(http: Client, body: Any, **more: Any) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body)
    return http.post("/api/v1/users", data, content_type="application/json", **more)


def test_created_resource_has_a_location(http: Client) -> None:
    response = post(http, {"email": "new@example.com"})
    assert response.status_code == 201
    assert response.headers["Location"] == f"/api/v1/users/{response.json()['id']}"
    assert response.headers["ETag"] == '"1"'
    assert http.get(response.headers["Location"]).json() == response.json()


def test_created_example_resource_has_a_location(http: Client) -> None:
    response = http.post("/api/users", {"name": "Zoe", "email": "zoe@example.com"}, content_type="application/json")
    assert response.status_code == 201
    assert response.json().keys() == {"id", "name", "email", "created_at", "updated_at"}
    assert response.headers["Location"] == f"/api/users/{response.json()['id']}"
    assert http.get("/api/users?page=1&page_size=1").json() == {"users": [response.json()], "total_count": 1}


def test_answers_have_every_key(http: Client, ann: User) -> None:
    user = http.get(f"/api/v1/users/{ann.pk}").json()
    assert user["phone"] is None
    assert user["last_login_at"] is None
    assert user["status"] == "active"
    assert user["roles"] == ["customer"]
    assert user["profile"]["date_of_birth"] is None
    assert user["profile"]["social_links"] == {}
    assert user["audit"]["created_at"].endswith("Z")


def test_a_list_has_one_shape(http: Client, ann: User) -> None:
    page = http.get("/api/v1/users?page_size=1").json()
    assert page.keys() == {"users", "next_page_token", "total_count"}
    assert (len(page["users"]), page["total_count"]) == (1, 2)
    rest = http.get("/api/v1/users", {"page_token": page["next_page_token"]}).json()
    assert rest["next_page_token"] == ""


def test_empty_is_204(http: Client, ann: User) -> None:
    response = http.delete(f"/api/v1/users/{ann.pk}")
    assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"email": 5}, {"#/email": "type"}),
        ({"email": "new@example.com", "first_name": True, "roles": "x"}, {"#/first_name": "type", "#/roles": "type"}),
        ({"email": "new@example.com", "nonsense": 1}, {"#/nonsense": "unknown"}),
        ({"email": "new@example.com", "phone": {"nonsense": 1}}, {"#/phone/nonsense": "unknown"}),
        ({"email": "new@example.com", "roles": ["pope"]}, {"#/roles/0": "choice"}),
        ([], {"#": "json"}),
        (b"{", {"#": "json"}),
        (b"", {"#/email": "required"}),
        (b'{"email": "new@example.com", "email": "other@example.com"}', {"#/email": "duplicate"}),
        (b'{"email": "\xff"}', {"#": "json"}),
        (b'{"email": NaN}', {"#/email": "type"}),
        (rb'{"email": "\ud800"}', {"#/email": "unicode"}),
    ],
)  # fmt: skip
def test_a_bad_body_names_what_is_bad(http: Client, body: Any, expected: dict[str, str]) -> None:
    document = problem(post(http, body), 400, "INVALID")
    assert set(errors(document)) == set(expected)
    assert User.objects.filter(email="new@example.com").count() == 0


def test_a_patch_of_what_cannot_be_written(http: Client, ann: User) -> None:
    patch = {"id": str(ann.pk), "first_name": "Anna", "profile": {"moon": 1}}
    document = problem(http.patch(f"/api/v1/users/{ann.pk}", patch, content_type="application/json"), 400, "INVALID")
    assert "#/profile/moon" in errors(document)
    document = problem(
        http.patch(f"/api/v1/users/{ann.pk}", {"id": "x"}, content_type="application/json"), 400, "INVALID"
    )
    assert errors(document) == {"#/id": "read_only"}
    ann.refresh_from_db()
    assert ann.first_name == "Ann"


@pytest.mark.parametrize(
    "query",
    ["nonsense=1", "page_size=ten", "page_size=1&page_size=2", "statuses=asleep", "descending=yes",
     "created_at_from=today", "created_at_from=2026-01-01T00:00:00"],
)  # fmt: skip
def test_a_bad_query_names_what_is_bad(http: Client, query: str) -> None:
    document = problem(http.get(f"/api/v1/users/search?{query}"), 400, "INVALID")
    if not query.startswith("descending"):
        assert query.partition("=")[0] in "".join(errors(document))


def test_a_body_of_another_type_is_refused(http: Client) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        response = http.post("/api/v1/users", b'{"email": "new@example.com"}', content_type=content_type)
        problem(response, 415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_body_that_is_too_large_is_refused(http: Client, settings: Any) -> None:
    problem(post(http, b" " * (settings.MAX_MESSAGE_BYTES + 1)), 413, "TOO_LARGE")
    errors(problem(post(http, b" " * settings.MAX_MESSAGE_BYTES), 400, "INVALID"))


def test_an_unknown_path_is_a_problem(http: Client) -> None:
    for path in ("/api", "/api/", "/api/v1/moon", "/api/v2/users", "/api/v1/users/1/2/3"):
        problem(http.get(path), 404, "NOT_FOUND")


def test_unknown_verb_is_answered_with_a_problem(http: Client) -> None:
    response = http.put("/api/v1/users", {}, content_type="application/json")
    problem(response, 405, "METHOD_NOT_ALLOWED")
    assert http.options("/api/v1/users").headers["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_a_slash_at_the_end_does_no_harm(http: Client) -> None:
    assert post(http, {"email": "new@example.com"}).status_code == 201
    response = http.post("/api/v1/users/", {"email": "two@example.com"}, content_type="application/json")
    assert response.status_code == 201


def test_anonymous_caller_gets_a_challenge(client: Client, db: None) -> None:
    response = client.get("/api/v1/users", HTTP_HOST="localhost")
    problem(response, 401, "UNAUTHENTICATED")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_unknown_host_is_rejected(http: Client) -> None:
    problem(http.get("/api/v1/health", HTTP_HOST="evil.example.com"), 400, "INVALID")


def test_a_probe_needs_no_name(http: Client) -> None:
    assert http.get("/health/ready", HTTP_HOST="10.1.2.3:8000").status_code == 200


def test_a_page_of_another_origin_cannot_act(http: Client) -> None:
    response = post(http, {"email": "new@example.com"}, HTTP_ORIGIN="https://evil.example.com")
    problem(response, 403, "FORBIDDEN")
    assert "Access-Control-Allow-Origin" not in response.headers
    assert not User.objects.filter(email="new@example.com").exists()
    assert post(http, {"email": "new@example.com"}, HTTP_ORIGIN="http://localhost").status_code == 201


def test_an_allowed_origin_can(http: Client, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.com"]
    response = post(http, {"email": "new@example.com"}, HTTP_ORIGIN="https://app.example.com")
    assert response.status_code == 201
    assert response.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert "etag" in response.headers["Access-Control-Expose-Headers"].lower()
    preflight = http.options(
        "/api/v1/users",
        HTTP_ORIGIN="https://app.example.com",
        HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST",
        HTTP_ACCESS_CONTROL_REQUEST_HEADERS="idempotency-key",
    )
    assert "idempotency-key" in preflight.headers["Access-Control-Allow-Headers"]


def test_the_service_paths(http: Client, settings: Any, caplog: Any) -> None:
    caplog.set_level(logging.INFO, "core.observability.call_log")
    assert http.get("/health").json() == {"status": "healthy", "service": "tandem", "version": "1.0.0"}
    assert http.get("/health/live").status_code == http.get("/health/ready").status_code == 200
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []
    settings.DISK_RESERVE_BYTES = 2**80
    assert http.get("/health/ready").status_code == 503
    lines = [record for record in caplog.records if record.name == "core.observability.call_log"]
    assert [(line.levelname, line.getMessage()) for line in lines] == [("WARNING", "other 503")]
    http.get("/api/v1/users")
    metrics = http.get("/metrics").content.decode()
    assert 'http_server_requests_total{code="200",method="GET",operation="user.v1.UserService/ListUsers"}' in metrics
    assert "tandem_users_created_total" in metrics


def test_unforeseen_error_reveals_nothing(http: Client, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr("users.queries.get_user", broken)
    document = problem(http.get("/api/v1/users/me"), 500, "INTERNAL")
    assert "the secret" not in json.dumps(document)
    assert document["error_id"] in document["detail"]
    assert "the secret is 42" in caplog.text


def test_an_id_in_a_path_may_be_anything(http: Client) -> None:
    for text in ("%00", "%ff", "..%2f", "%F0%9F%9A%B2", "a%20b"):
        problem(http.get(f"/api/v1/users/{text}"), 404, "NOT_FOUND")


def test_an_answer_without_a_body_has_no_type(http: Client, ann: User) -> None:
    assert "Content-Type" not in http.delete(f"/api/v1/users/{ann.pk}").headers


def test_secrets_are_not_to_be_stored(http: Client, ann: User) -> None:
    response = http.post("/api/v1/auth/logout", {"refresh_token": "x"}, content_type="application/json")
    assert response.status_code == 204
    ann.set_password("correct horse battery")
    ann.save()
    login = {"email": "ann@example.com", "password": "correct horse battery"}
    answer = http.post("/api/v1/auth/login", login, content_type="application/json")
    assert answer.headers["Cache-Control"] == "no-store"


def test_count_accepts_only_exact(http: Client) -> None:
    assert errors(problem(http.get("/api/v1/users?count=maybe"), 400, "INVALID")) == {"#/count": "choice"}


def test_a_packed_body_is_refused(http: Client) -> None:
    problem(post(http, {"email": "new@example.com"}, HTTP_CONTENT_ENCODING="gzip"), 415, "UNSUPPORTED_MEDIA_TYPE")


def test_a_log_line_cannot_be_forged_by_an_id(http: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="core.observability.call_log")
    http.get("/api/v1/users/a%0AERROR%20forged%1b[31m" + "x" * 1000)
    (line,) = (record for record in caplog.records if hasattr(record, "call"))
    received = line.call["subject_id"]
    assert received.startswith(r"a\nERROR forged\x1b[31m")
    assert len(received) < 200

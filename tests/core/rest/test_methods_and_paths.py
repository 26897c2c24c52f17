"""Methods and paths that are not served, empty responses, the format of metrics."""

from typing import Any

import pytest
from django.test import Client

from tests.support.http_clients import JSON, path_of

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
def test_unknown_method_is_answered_with_the_allowed_ones(http: Client, path: str, allowed: str, method: str) -> None:
    refused = http.generic(method, path)
    assert (refused.status_code, refused.json()["reason"]) == (405, "METHOD_NOT_ALLOWED")
    assert set(refused.headers["Allow"].split(", ")) == set(allowed.split(", "))
    options = http.options(path)
    assert options.status_code == 204
    assert set(options.headers["Allow"].split(", ")) == set(allowed.split(", "))
    assert not options.headers.keys() & {"Content-Type", "Content-Length"}


def test_response_without_content_has_no_content_headers(http: Client, task: Any) -> None:
    answer = http.delete(path_of(task))
    assert answer.status_code == 204
    assert not answer.headers.keys() & {"Content-Type", "Content-Length"}


# Paths


@pytest.mark.parametrize("path", ["/auth/login", "/users", "/nothing", "/healthy", "/static/none.js", "/.well-known/x"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("accept", [None, "*/*", JSON, "application/*;q=0.5, text/html;q=0.4", "image/png,*/*;q=0.8"])
def test_unknown_path_is_answered_with_a_problem(public: Client, path: str, method: str, accept: str | None) -> None:
    client = Client(raise_request_exception=False, HTTP_HOST="localhost", enforce_csrf_checks=True)
    answer = client.generic(method, path, b"{}", content_type=JSON, headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["reason"] == "NOT_FOUND"
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_unknown_path_is_answered_with_a_page_for_browsers(public: Client) -> None:
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
    answer = public.get("/nothing", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


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
def test_metrics_are_in_the_requested_format(public: Client, accept: str | None, expected: str) -> None:
    answer = public.get("/metrics", headers={"Accept": accept} if accept else {})
    assert answer.headers["Content-Type"].startswith(expected)
    assert answer.content.decode().endswith("# EOF\n") is expected.startswith("application")


def test_metrics_are_not_on_the_port_for_clients_in_production(public: Client, settings: Any) -> None:
    settings.METRICS_ON_HTTP_PORT = False
    answer = public.get("/metrics")
    assert (answer.status_code, answer.json()["reason"]) == (404, "NOT_FOUND")

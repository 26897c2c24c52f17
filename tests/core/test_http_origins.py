"""Pages of other origins: which may call, what they may send and read."""

import ast
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from core.rest import headers
from core.rest.origins import allowed_origin, normalized
from users.models import User

APP = "https://app.example.com"


@pytest.fixture
def http(db: None, settings: Any) -> Client:
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "tandem.example"]
    return Client(raise_request_exception=False)


SIGN_UP = {"email": "new@example.com"}


def sign_up(http: Client, origin: str, host: str, *, secure: bool = False) -> int:
    answer = http.post(
        "/api/v1/users",
        {"email": "new@example.com"},
        content_type="application/json",
        HTTP_ORIGIN=origin,
        HTTP_HOST=host,
        secure=secure,
    )
    User.objects.filter(email="new@example.com").delete()
    return answer.status_code


@pytest.mark.parametrize(
    ("origin", "host", "secure"),
    [
        ("http://localhost", "localhost:80", False),
        ("http://localhost:80", "localhost", False),
        ("http://localhost", "localhost", False),
        ("http://localhost:8000", "localhost:8000", False),
        ("HTTP://LocalHost", "LOCALHOST:80", False),
        ("http://tandem.example", "tandem.example.", False),
        ("http://tandem.example.", "tandem.example:80", False),
        ("https://tandem.example", "tandem.example:443", True),
        ("https://tandem.example:443", "tandem.example", True),
        ("http://[::1]:8000", "[::1]:8000", False),
        ("http://[0:0:0:0:0:0:0:1]", "[::1]:80", False),
    ],
)
def test_a_page_of_the_servers_own_origin_may_call(http: Client, origin: str, host: str, secure: bool) -> None:
    assert sign_up(http, origin, host, secure=secure) == 201


@pytest.mark.parametrize(
    ("origin", "host", "secure"),
    [
        ("http://localhost:443", "localhost", False),
        ("https://localhost", "localhost", False),
        ("https://localhost:80", "localhost:80", False),
        ("http://localhost", "localhost:443", True),
        ("http://localhost:8000", "localhost", False),
        ("http://localhost.evil.example", "localhost", False),
        ("http://evil.example", "localhost", False),
        ("http://localhost@evil.example", "localhost", False),
        ("null", "localhost", False),
        ("nonsense", "localhost", False),
        ("http://", "localhost", False),
        ("http://localhost/path", "localhost", False),
        ("http://localhost:99999", "localhost", False),
    ],
)
def test_a_page_of_another_origin_may_not(http: Client, origin: str, host: str, secure: bool) -> None:
    assert sign_up(http, origin, host, secure=secure) == 403


@pytest.mark.parametrize("listed", [APP, "https://APP.example.com:443", "https://app.example.com./"])
@pytest.mark.parametrize("origin", [APP, "https://app.example.com:443", "HTTPS://App.Example.Com"])
def test_a_listed_origin_may_call_in_any_spelling(http: Client, settings: Any, listed: str, origin: str) -> None:
    settings.CORS_ALLOWED_ORIGINS = [listed]
    answer = http.get("/api/v1/health", HTTP_ORIGIN=origin, HTTP_HOST="localhost")
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, origin)
    assert "origin" in answer.headers["Vary"].lower()
    assert sign_up(http, "https://app.example.com:444", "localhost") == 403
    assert sign_up(http, "null", "localhost") == 403


def test_origins_have_one_spelling() -> None:
    assert allowed_origin(" HTTPS://App.Example.com:443/ ") == APP
    assert allowed_origin("http://[0:0::1]:80") == "http://[::1]"
    assert allowed_origin("http://localhost:3000") == "http://localhost:3000"
    for wrong in ("null", "*", "app.example.com", "https://app.example.com/path", "https://büch.example", ""):
        with pytest.raises(ImproperlyConfigured, match="CORS_ALLOWED_ORIGINS"):
            allowed_origin(wrong)
    assert normalized("http://a b") is normalized("http://[::zz]") is normalized("http://a:b") is None


@pytest.mark.parametrize("is_allowed", [False, True])
def test_pages_of_allowed_origins_may_send_credentials_where_it_is_set(
    http: Client, settings: Any, is_allowed: bool
) -> None:
    settings.CORS_ALLOWED_ORIGINS, settings.CORS_ALLOW_CREDENTIALS = [APP], is_allowed
    path = "/api/v1/users/me"
    for answer in (
        http.get(path, HTTP_ORIGIN=APP, HTTP_HOST="localhost"),
        http.options(path, HTTP_ORIGIN=APP, HTTP_HOST="localhost", HTTP_ACCESS_CONTROL_REQUEST_METHOD="GET"),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        assert answer.headers.get("Access-Control-Allow-Credentials") == ("true" if is_allowed else None)
    foreign = http.get(path, HTTP_ORIGIN="https://other.example", HTTP_HOST="localhost")
    assert foreign.status_code == 403
    assert "Access-Control-Allow-Credentials" not in foreign.headers


@pytest.mark.parametrize("path", ["/.well-known/jwks.json", "/api/v1/openapi.json"])
@pytest.mark.parametrize("origin", ["https://anything.example", "null", APP])
def test_any_page_may_read_what_is_public(http: Client, settings: Any, path: str, origin: str) -> None:
    settings.CORS_ALLOWED_ORIGINS = [APP]
    for answer in (
        http.get(path, HTTP_ORIGIN=origin, HTTP_HOST="localhost"),
        http.get(path, HTTP_ORIGIN=origin, HTTP_HOST="localhost", HTTP_IF_NONE_MATCH="*"),
        http.get(path, HTTP_HOST="localhost"),
    ):
        assert answer.status_code in (200, 304)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    preflight = http.options(
        path,
        HTTP_ORIGIN=origin,
        HTTP_HOST="localhost",
        HTTP_ACCESS_CONTROL_REQUEST_METHOD="GET",
        HTTP_ACCESS_CONTROL_REQUEST_HEADERS="if-none-match",
    )
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
    assert "if-none-match" in preflight.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    "name",
    ["if-none-match", "if-match", "traceparent", "tracestate", "baggage", "cache-control", "pragma", "authorization",
     "content-type", "idempotency-key", "last-event-id", "x-bulk-mode", "x-request-id", "x-requested-with",
     "tus-resumable", "upload-offset", "upload-metadata", "upload-checksum", "x-http-method-override"],
)  # fmt: skip
def test_a_page_may_send_what_the_server_reads(http: Client, settings: Any, name: str) -> None:
    settings.CORS_ALLOWED_ORIGINS = [APP]
    preflight = http.options(
        "/api/v1/tasks",
        HTTP_ORIGIN=APP,
        HTTP_HOST="localhost",
        HTTP_ACCESS_CONTROL_REQUEST_METHOD="PATCH",
        HTTP_ACCESS_CONTROL_REQUEST_HEADERS=name,
    )
    assert preflight.headers["Access-Control-Allow-Origin"] == APP
    assert name in preflight.headers["Access-Control-Allow-Headers"].split(", ")
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST, PATCH, DELETE, OPTIONS"


# The one table against the code

#: What comes with a request but from no page: browsers and proxies write it.
_NOT_OF_PAGES = {
    "HOST",
    "ORIGIN",
    "USER_AGENT",
    "X_FORWARDED_FOR",
    "ACCEPT_ENCODING",
    "CONTENT_ENCODING",
    "TRANSFER_ENCODING",
}
#: What browsers let every page read, or use by themselves.
_FOR_ALL_PAGES = {"cache-control", "content-length", "content-type"}
_OF_BROWSERS = {"content-security-policy", "x-accel-buffering", "x-content-type-options"}
#: The header fields whose names are one word; other keys of one word are something else.
_ONE_WORD = {"ETag", "Location", "Allow", "Vary", "Accept"}


def _sources() -> list[ast.Module]:
    root = Path(django_settings.BASE_DIR)
    paths = [
        *root.glob("core/rest/**/*.py"),
        *root.glob("core/web_rpc/*.py"),
        *root.glob("*/views.py"),
        *root.glob("*/views/**/*.py"),
    ]
    assert len(paths) > 20
    return [ast.parse(path.read_text()) for path in paths]


def _read_in(tree: ast.Module) -> set[str]:
    """Return the header fields that the code reads from `META` or `headers`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("HTTP_"):
            found.add(node.value.removeprefix("HTTP_"))
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Attribute)
            and (node.func.attr, node.func.value.attr) == ("get", "headers")
            and isinstance(node.args[0], ast.Constant)
        ):
            found.add(str(node.args[0].value).upper().replace("-", "_"))
    return found - {""}  # The beginning of a name that is put together.


def _answered_in(tree: ast.Module) -> set[str]:
    """Return the header fields that the code sets: `answer["X-…"] = …`, and dicts of texts by such keys."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            keys: list[Any] = [node.targets[0].slice]
        else:
            keys = list(node.keys) if isinstance(node, ast.Dict) else []
        found |= {key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
    named = (name for name in found if name[:1].isupper() and ("-" in name or name in _ONE_WORD))
    return {name.lower() for name in named if name.replace("-", "").isalpha()}


def test_every_header_that_is_read_is_in_the_table() -> None:
    read = set.union(*map(_read_in, _sources()))
    assert {"IF_MATCH", "IF_NONE_MATCH", "TUS_RESUMABLE", "X_BULK_MODE"} <= read
    assert {name.lower().replace("_", "-") for name in read - _NOT_OF_PAGES} <= set(headers.READ)


def test_every_header_that_is_sent_is_in_the_table() -> None:
    answered = set.union(*map(_answered_in, _sources()))
    assert {"etag", "location", "content-disposition", "upload-offset", "retry-after"} <= answered
    answered = {name for name in answered if not name.startswith("access-control-")}
    answered -= _FOR_ALL_PAGES | _OF_BROWSERS
    assert answered <= {name.lower() for name in headers.ANSWERED}

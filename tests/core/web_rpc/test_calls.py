"""Calls over gRPC-Web and Connect: headers, encodings, deadlines, origins, and what is refused."""

import base64
import gzip
import json
import struct
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from core.rest import headers as header_lists
from tandem.task.v1.task_pb2 import CreateTaskRequest, GetTaskRequest, Task
from tandem.user.v1.user_pb2 import GetUserRequest, UpdateUserRequest
from tasks.models import Task as TaskRow
from tests.support.rest_transport import RestTransport
from tests.support.transports import Failed
from tests.support.web_transport import (
    CONNECT_JSON,
    CONNECT_PROTO,
    GRPC_WEB,
    GRPC_WEB_TEXT,
    TYPES,
    WebTransport,
    failure_at_end,
    frame,
    plain,
    read_frames,
)  # fmt: skip
from users.models import User

APP = "https://app.example.com"
CREATE, GET, WATCH = (f"/taskservice.TaskService/{rpc}" for rpc in ("CreateTask", "GetTask", "WatchTasks"))


@pytest.fixture
def http(db: None) -> Client:
    return Client(raise_request_exception=False, HTTP_HOST="localhost")


@pytest.fixture
def bearer(ann: User) -> str:
    return WebTransport().bearer(ann)


def post(http: Client, path: str, body: bytes, content_type: str, **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return http.generic("POST", path, body, headers=sent, CONTENT_TYPE=content_type)


def failure_of(response: Any) -> Failed | None:
    """Return the failure of an answer in frames."""
    return failure_at_end(read_frames(plain(response.content, response.headers["Content-Type"]))[1])


def test_headers_mean_the_same_as_over_rest(ann: User) -> None:
    rest = RestTransport()
    for content_type in TYPES:
        web = WebTransport(content_type)
        request = CreateTaskRequest(title=f"over {content_type}", labels=["ü"], metadata={"a": "\u2028"})
        first = web.answer("TaskService/CreateTask", request, actor=ann, idempotency_key=content_type, request_id="r-1")
        again = rest.answer("TaskService/CreateTask", request, actor=ann, idempotency_key=content_type)
        assert (first.version, first.request_id, first.replayed) == (1, "r-1", False)
        assert (again.replayed, again.message) == (True, first.message)
        update = UpdateUserRequest(user_id="me")
        update.user.first_name = content_type
        update.update_mask.paths.append("first_name")
        version = ann.version
        changed = web.answer("UserService/UpdateUser", update, actor=ann, if_match=f'"{version}"')
        assert changed.version == version + 1
        ann.refresh_from_db()
        update.user.first_name = "stale"
        stale = web.failure("UserService/UpdateUser", update, actor=ann, if_match=f'"{version}"')
        assert (stale.reason, stale.metadata) == ("STALE", {"current_version": str(version + 1)})
    assert TaskRow.objects.count() == len(TYPES)


def test_json_is_that_of_proto3_and_errors_name_the_field(http: Client, bearer: str) -> None:
    body = {"title": "T", "priority": "PRIORITY_HIGH", "dueDate": "2030-01-31T09:30:00Z", "projectId": ""}
    made = post(http, CREATE, json.dumps(body).encode(), CONNECT_JSON, authorization=bearer)
    assert (made.status_code, made.headers["Cache-Control"]) == (200, "no-store")
    assert made.json() | body == made.json() | {"projectId": ""}
    for body, field, code in (
        ({"title": 5}, "title", "type"),
        ({"dueDate": "tomorrow"}, "due_date", "type"),
        ({"priority": "HIGHEST"}, "priority", "type"),
        ({"labels": ["a", None]}, "labels", "type"),
        ({"titel": "T"}, "titel", "unknown"),
        ({"title": "a\ud800"}, "title", "type"),
        ({"title": ""}, "title", "required"),
    ):
        refused = post(http, CREATE, json.dumps(body).encode(), CONNECT_JSON, authorization=bearer)
        error = refused.json()
        (bad,) = [detail for detail in error["details"] if detail["type"] == "google.rpc.BadRequest"]
        (violation,) = bad["debug"]["fieldViolations"]
        assert (refused.status_code, error["code"]) == (400, "invalid_argument")
        assert (violation["field"], violation["reason"]) == (field, code.upper())
    json_frame = frame(json.dumps({"title": "framed"}).encode())
    framed = post(http, CREATE, json_frame, "application/grpc-web+json", authorization=bearer)
    messages, end = read_frames(framed.content)
    assert (json.loads(messages[0])["title"], end["grpc-status"]) == ("framed", "0")
    # A client may encode Base64 in parts.
    data = frame(CreateTaskRequest(title="parts").SerializeToString())
    parts = base64.b64encode(data[:4]) + base64.b64encode(data[4:])
    assert failure_of(post(http, CREATE, parts, GRPC_WEB_TEXT, authorization=bearer)) is None


def test_connect_reads_by_get(http: Client, ann: User, bearer: str) -> None:
    task = WebTransport(CONNECT_PROTO)("TaskService/CreateTask", CreateTaskRequest(title="read"), actor=ann)
    binary = base64.urlsafe_b64encode(GetTaskRequest(id=task.id).SerializeToString()).decode().rstrip("=")
    of_json = quote(json.dumps({"id": task.id}))
    auth = {"authorization": bearer}
    got = http.get(f"{GET}?connect=v1&encoding=proto&base64=1&message={binary}", headers=auth)
    assert (got.status_code, Task.FromString(got.content)) == (200, task)
    got = http.get(
        f"{GET}?encoding=proto&message={quote(GetTaskRequest(id=task.id).SerializeToString())}", headers=auth
    )
    assert (got.status_code, Task.FromString(got.content)) == (200, task)
    got = http.get(f"{GET}?encoding=json&message={of_json}", headers=auth)
    assert (got.json()["title"], got.headers["ETag"]) == ("read", '"1"')
    assert (got.headers["Cache-Control"], "Authorization" in got.headers["Vary"]) == ("private, no-cache", True)
    for query, field in (
        (f"encoding=json&connect=v2&message={of_json}", "connect"),
        (f"encoding=xml&message={of_json}", "encoding"),
        ("encoding=json", "message"),
        ("encoding=proto&base64=1&message=%00%00", "message"),
        ("encoding=proto&message=%FF%FF", ""),
        ("&".join(f"a{number}=1" for number in range(100)), ""),
        ("encoding=json&message=" + "[" * 2000, ""),
    ):
        refused = http.get(f"{GET}?{query}", headers=auth)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_argument"), query
        shown = [detail["debug"] for detail in refused.json()["details"] if "fieldViolations" in detail["debug"]]
        assert [violation.get("field", "") for violation in shown[0]["fieldViolations"]] == [field], query
    compressed = http.get(f"{GET}?encoding=json&compression=zstd&message={of_json}", headers=auth)
    assert (compressed.status_code, compressed.json()["code"]) == (501, "unimplemented")
    for path in (CREATE, WATCH, "/taskservice.TaskService/Nothing"):
        refused = http.get(f"{path}?encoding=json&message={of_json}", headers=auth)
        assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")
    assert http.options(GET).headers["Allow"] == "GET, POST"


def test_deadlines_end_calls(http: Client, bearer: str) -> None:
    message = CreateTaskRequest(title="late").SerializeToString()
    late = post(http, CREATE, frame(message), GRPC_WEB, authorization=bearer, grpc_timeout="1n")
    assert failure_of(late).reason == "DEADLINE_EXCEEDED"  # type: ignore[union-attr]
    late = post(http, CREATE, message, CONNECT_PROTO, authorization=bearer, connect_timeout_ms="0")
    assert (late.status_code, late.json()["code"]) == (504, "deadline_exceeded")
    for timeout in ("", "5", "5s", "-1S", "123456789S", "1e3m", "٥S"):
        refused = post(http, CREATE, frame(message), GRPC_WEB, authorization=bearer, grpc_timeout=timeout)
        assert failure_of(refused).fields == {"grpc-timeout": "format"}, timeout  # type: ignore[union-attr]
    refused = post(http, CREATE, message, CONNECT_PROTO, authorization=bearer, connect_timeout_ms="1s")
    assert refused.status_code == 400
    assert not TaskRow.objects.exists()
    assert (
        post(http, CREATE, message, CONNECT_PROTO, authorization=bearer, connect_timeout_ms="9999").status_code == 200
    )


def test_credentials_are_asked_for_before_the_body_is_read(http: Client) -> None:
    for content_type in ("application/connect+json", GRPC_WEB, GRPC_WEB_TEXT):
        assert failure_of(post(http, WATCH, b"\xff", content_type)).reason == "UNAUTHENTICATED"  # type: ignore[union-attr]
    refused = post(http, CREATE, b"\xff", CONNECT_JSON, authorization="Bearer nonsense")
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    assert "invalid_token" in refused.headers["WWW-Authenticate"]


def test_bad_requests_get_a_clear_failure(http: Client, bearer: str) -> None:
    message = CreateTaskRequest(title="T").SerializeToString()
    too_long = struct.pack(">BI", 0, 2**32 - 1) + b"x"
    bodies = {
        b"": "required", b"\0": "invalid", frame(message)[:-1]: "invalid", frame(message) + b"\0": "invalid",
        frame(message) * 2: "invalid", frame(message, 0x80): "invalid", frame(message, 2): "invalid",
        frame(message, 0xFE): "invalid", frame(b"\xff\xff\xff"): "invalid", too_long: "TOO_LARGE",
        frame(b"x" * 1024**2 + b"x"): "TOO_LARGE",
        frame(b"\x0a\x02\xff\xff"): "invalid",
    }  # fmt: skip
    for body, code in bodies.items():
        failed = failure_of(post(http, CREATE, body, GRPC_WEB, authorization=bearer))
        assert failed is not None, body[:10]
        assert code == failed.fields.get("", failed.reason), body[:10]
        text = base64.b64encode(body)
        failed = failure_of(post(http, CREATE, text, GRPC_WEB_TEXT, authorization=bearer))
        assert failed is not None, body[:10]
    for body in (b"!", b"====", b"AAA", b"A=A="):
        assert failure_of(post(http, CREATE, body, GRPC_WEB_TEXT, authorization=bearer)).fields == {"": "invalid"}  # type: ignore[union-attr]
    for body in (
        b"", b"null", b"[]", b"5", b"\xff", b'{"title": "\xff"}', b"{", b'{"title":"a","title":"b"}', b"[" * 10_000,
        b'{"title":' * 5_000, b'{"":1}', b'{"[a.b]":1}', b'{"metadata":[]}', b'{"priority":1e400}', b'{"title":"a\0b"}',
        b'{"labels":[' + b'"",' * 20_000 + b'""]}', b'{"priority":1' + b"0" * 5_000 + b"}", b'{"priority":NaN}',
    ):  # fmt: skip
        refused = post(http, CREATE, body, CONNECT_JSON, authorization=bearer)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_argument"), body[:20]
    large = post(http, CREATE, b" " * (1024**2 + 1), CONNECT_JSON, authorization=bearer)
    assert (large.status_code, large.json()["code"]) == (429, "resource_exhausted")
    version = post(http, CREATE, b"{}", CONNECT_JSON, authorization=bearer, connect_protocol_version="2")
    assert version.status_code == 400
    assert not TaskRow.objects.exists()


def test_requests_may_be_compressed(http: Client, bearer: str) -> None:
    message = CreateTaskRequest(title="gzip").SerializeToString()
    bomb, cut = gzip.compress(b" " * (1024**2 + 1)), gzip.compress(message)[:-3]
    in_frame, whole = {"grpc_encoding": "gzip"}, {"content_encoding": "gzip"}
    for data, code in ((gzip.compress(message), "OK"), (bomb, "TOO_LARGE"), (cut, "INVALID"), (b"x", "INVALID")):
        framed = post(http, CREATE, frame(data, 1), GRPC_WEB, authorization=bearer, **in_frame)
        assert getattr(failure_of(framed), "reason", "OK") == code
        unary = post(http, CREATE, data, CONNECT_PROTO, authorization=bearer, **whole)
        assert unary.status_code == {"OK": 200, "TOO_LARGE": 429, "INVALID": 400}[code]
    assert TaskRow.objects.filter(title="gzip").count() == 2
    unannounced = failure_of(post(http, CREATE, frame(gzip.compress(message), 1), GRPC_WEB, authorization=bearer))
    assert unannounced is not None
    assert unannounced.fields == {"": "invalid"}


def test_what_the_protocols_cannot_carry_is_refused(http: Client, bearer: str) -> None:
    upload, commands = "/meeting.v1.MeetingService/UploadRecording", "/taskservice.TaskService/ProcessTaskStream"
    for path in (upload, commands):
        failed = failure_of(post(http, path, frame(b""), GRPC_WEB, authorization=bearer))
        assert failed is not None
        assert failed.reason == "METHOD_NOT_ALLOWED"
        assert "stream of messages" in failed.message
    failed = failure_of(post(http, upload, frame(b""), "application/connect+proto", authorization=bearer))
    assert "over gRPC, or as POST /api/v1/meetings" in failed.message  # type: ignore[union-attr]
    for header, encoding in (("grpc_encoding", "br"), ("content_encoding", "gzip")):
        failed = failure_of(post(http, GET, frame(b""), GRPC_WEB, authorization=bearer, **{header: encoding}))
        assert "send one of: identity" in failed.message  # type: ignore[union-attr]
    assert post(http, GET, b"{}", CONNECT_JSON, authorization=bearer, content_encoding="br").status_code == 501
    unknown = post(http, "/taskservice.TaskService/Nothing", b"{}", CONNECT_JSON)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unimplemented")
    assert failure_of(post(http, "/no.Service/At", b"", GRPC_WEB)).reason == "METHOD_NOT_ALLOWED"  # type: ignore[union-attr]
    for path, content_type in (
        (GET, "text/plain"), (GET, ""), (GET, "application/grpc"), (GET, "application/connect+json"),
        (GET, "application/x-www-form-urlencoded"), (GET, "multipart/form-data"), (WATCH, CONNECT_JSON),
        (GET, "application/grpc-web+xml"), (GET, "application/json2"), (GET, "application/grpc-web-text+json"),
    ):  # fmt: skip
        refused = post(http, path, b"{}", content_type, authorization=bearer)
        assert (refused.status_code, refused.json()["reason"]) == (415, "UNSUPPORTED_MEDIA_TYPE"), content_type
        assert refused.headers["Accept-Post"]
    assert post(http, GET, b"{}", "Application/JSON; charset=utf-8", authorization=bearer).status_code == 404


def test_pages_of_allowed_origins_alone_may_call(http: Client, settings: Any, ann: User) -> None:
    settings.CORS_ALLOWED_ORIGINS = [APP]
    settings.DEBUG, settings.DEV_AUTH_AS = True, "ann@example.com"
    me = GetUserRequest(user_id="me").SerializeToString()
    path = "/user.v1.UserService/GetUser"
    for origin in ("https://evil.example", "null"):
        refused = post(http, path, me, CONNECT_PROTO, origin=origin)
        assert (refused.status_code, "Access-Control-Allow-Origin" in refused.headers) == (403, False)
    unknown_host = http.generic("POST", path, me, headers={"host": "evil.example"}, CONTENT_TYPE=CONNECT_PROTO)
    assert unknown_host.status_code == 400
    answer = post(http, path, me, CONNECT_PROTO, origin=APP)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, APP)
    exposed = answer.headers["Access-Control-Expose-Headers"].lower().split(", ")
    assert {"grpc-status", "grpc-message", "grpc-status-details-bin", "etag", "x-request-id"} <= set(exposed)
    asked = (
        "content-type", "authorization", "connect-protocol-version", "connect-timeout-ms", "grpc-timeout",
        "x-grpc-web", "x-user-agent", "idempotency-key", "if-match", "x-request-id", "x-total-count",
    )  # fmt: skip
    asking = {"origin": APP, "access-control-request-method": "POST"}
    preflight = http.options(path, headers={**asking, "access-control-request-headers": ", ".join(asked)})
    assert set(asked) <= set(preflight.headers["Access-Control-Allow-Headers"].split(", "))
    assert set(asked) <= {*header_lists.READ, *header_lists.PASSED_OVER}
    health = http.get("/health", headers={"origin": APP})
    assert health.headers["Access-Control-Allow-Origin"] == APP
    assert "Access-Control-Allow-Origin" not in http.get("/health", headers={"origin": "https://evil.example"}).headers
    assert "Access-Control-Allow-Origin" not in http.get("/metrics", headers={"origin": APP}).headers

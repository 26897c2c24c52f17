"""Bodies over HTTP on a real port: with a length and in chunks, cut, too large, of callers who may not call."""

import json
import re
import threading
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

import psutil
import pytest

from meetings.models import Meeting
from tasks.models import Task
from tests.support.raw_http import Answered, Connection, in_chunks
from tests.support.recordings import a_form, a_recording
from tests.support.servers import Servers
from tests.support.shared_servers import db as db
from tests.support.shared_servers import servers as servers
from users.models import User

pytestmark = pytest.mark.real_server

JSON = {"Content_Type": "application/json"}
LINES = {"Content_Type": "application/x-ndjson"}
STRANGER = {"Authorization": "Bearer of-nothing"}


def call(servers: Servers, verb: str, path: str, body: Any = None, **options: Any) -> Answered:
    sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    with Connection(servers.http_url) as connection:
        return connection.request(verb, path, sent, **options)


def test_a_body_in_chunks_is_read_as_one_with_a_length(servers: Servers) -> None:
    for chunked in (False, True):
        framing = {"chunked": chunked}
        made = call(servers, "POST", "/api/v1/tasks", {"title": "old"}, **JSON, **framing)
        assert (made.status, made.document["title"]) == (201, "old")
        path = f"/api/v1/tasks/{made.document['id']}"
        assert call(servers, "PATCH", path, {"title": "new"}, **JSON, **framing).document["title"] == "new"
        assert call(servers, "PATCH", path, b"{bad!", **JSON, **framing).pointers == {"#": "json"}
        assert call(servers, "PATCH", path, {"nonsense": 1}, **JSON, **framing).pointers == {"#/nonsense": "unknown"}
        assert call(servers, "GET", path).document["title"] == "new"
        assert call(servers, "DELETE", path, {"title": "x"}, **JSON, **framing).pointers == {"#": "body"}
        assert call(servers, "GET", path, {"title": "x"}, **JSON, **framing).pointers == {"#": "body"}
        assert call(servers, "POST", "/api/v1/tasks", b"", **JSON, **framing).pointers == {"#/title": "required"}
        assert call(servers, "POST", "/api/v1/tasks", b"title=x", Content_Type="text/plain", **framing).status == 415
        gzip = {**JSON, "Content_Encoding": "gzip"}
        assert call(servers, "POST", "/api/v1/tasks", b"\x1f\x8b", **gzip, **framing).status == 415
        assert call(servers, "DELETE", path, b"", **framing).status == 204
        assert Task.objects.filter(title__in=("old", "new")).count() == 0

        items = [{"title": "one"}, {"title": ""}, {"title": "three"}]
        lines = b"\n".join(json.dumps(item).encode() for item in items)
        for body, content_type in ((json.dumps(items).encode(), JSON), (lines, LINES)):
            answer = call(servers, "POST", "/api/v1/tasks/bulk", body, **content_type, **framing).document
            assert (answer["success_count"], [error["index"] for error in answer["errors"]]) == (2, [1])
        form, headers = a_form(a_recording(), "talk.wav")
        headers = {name.replace("-", "_"): value for name, value in headers.items()}
        assert call(servers, "POST", "/api/v1/meetings/upload", form, **headers, **framing).status == 202


def test_a_piece_of_a_resumable_upload_in_chunks_is_stored(servers: Servers) -> None:
    content = a_recording()
    tus = {"Tus_Resumable": "1.0.0"}
    created = call(
        servers, "POST", "/api/v1/uploads", **tus, Upload_Length=str(len(content)), Upload_Metadata="title eA=="
    )
    assert created.status == 201, created.body
    path = created.headers["location"].removeprefix(servers.http_url)
    piece = {**tus, "Upload_Offset": "0", "Content_Type": "application/offset+octet-stream"}
    stored = call(servers, "PATCH", path, content, chunked=True, **piece)
    assert (stored.status, stored.headers["upload-offset"]) == (204, str(len(content)))
    assert Meeting.objects.get(pk=created.headers["tandem-meeting-id"]).recording_size == len(content)


@pytest.mark.parametrize("chunked", [False, True])
def test_truncated_body_is_rejected(servers: Servers, chunked: bool) -> None:
    whole = json.dumps({"title": "cut"}).encode()
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(whole) + 1}"
    sent = in_chunks(whole).removesuffix(b"0\r\n\r\n") if chunked else whole
    for path, content_type in (
        ("/api/v1/tasks", "application/json"),
        ("/api/v1/tasks/bulk", "application/json"),
        ("/admin/login/", "application/x-www-form-urlencoded"),
    ):
        with Connection(servers.http_url) as connection:
            head = (
                f"POST {path} HTTP/1.1\r\nHost: {connection.host}\r\nContent-Type: {content_type}\r\n{framing}\r\n\r\n"
            )
            connection.send(head.encode() + sent)
    assert call(servers, "GET", "/health").status == 200
    assert Task.objects.filter(title="cut").count() == 0


@pytest.mark.parametrize("chunked", [False, True])
def test_the_admin_sites_forms_are_read_in_either_framing(servers: Servers, chunked: bool) -> None:
    password = "correct horse battery"
    administrator = User.objects.get(email="admin@example.com")
    administrator.set_password(password)
    administrator.save()
    page = call(servers, "GET", "/admin/login/")
    token = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page.body)
    assert token
    cookie = SimpleCookie(page.headers["set-cookie"])["csrftoken"].value
    fields = {"csrfmiddlewaretoken": token[1].decode(), "username": administrator.email, "password": password}
    forms = {
        "application/x-www-form-urlencoded": urlencode({**fields, "next": "/admin/"}).encode(),
        "multipart/form-data; boundary=b": b"".join(
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        )
        + b"--b--\r\n",
    }
    for content_type, body in forms.items():
        headers = {"Content_Type": content_type, "Cookie": f"csrftoken={cookie}"}
        answer = call(servers, "POST", "/admin/login/?next=/admin/", body, chunked=chunked, **headers)
        assert (answer.status, answer.headers.get("location")) == (302, "/admin/")
    large = call(servers, "POST", "/admin/login/", b"x" * (1 << 20) + b"y", chunked=chunked, **headers)
    assert (large.status, large.reason) == (413, "TOO_LARGE")


def test_unauthorized_caller_is_answered_before_the_body_arrives(servers: Servers) -> None:
    for path, content_type in (
        ("/api/v1/tasks", "application/json"),
        ("/api/v1/tasks/bulk", "application/json"),
        ("/api/v1/tasks/bulk", "application/x-ndjson"),
        ("/api/v1/meetings/upload", "multipart/form-data; boundary=b"),
    ):
        headers = {**STRANGER, "Content_Type": content_type}
        assert call(servers, "POST", path, b"{bad!", **headers).status == 401
        # The client sends no body, and the server asks for none.
        with Connection(servers.http_url) as connection:
            head = [f"POST {path} HTTP/1.1", f"Host: {connection.host}", f"Content-Type: {content_type}"]
            head += ["Authorization: Bearer of-nothing", "Content-Length: 50000000", "Expect: 100-continue"]
            connection.send("\r\n".join([*head, "", ""]).encode())
            answer = connection.answer()
            assert (answer.status, answer.interim) == (401, [])


def test_expect_continue_is_answered(servers: Servers) -> None:
    with Connection(servers.http_url) as connection:
        body = b'{"title": "asked for"}'
        head = ["POST /api/v1/tasks HTTP/1.1", f"Host: {connection.host}", "Content-Type: application/json"]
        connection.send("\r\n".join([*head, f"Content-Length: {len(body)}", "Expect: 100-continue", "", ""]).encode())
        assert connection.file.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert connection.file.readline() == b"\r\n"
        connection.send(body)
        assert connection.answer().status == 201
        connection.send("\r\n".join([*head, "Content-Length: 2000000", "Expect: 100-continue", "", ""]).encode())
        answer = connection.answer()
        assert (answer.interim, answer.status, answer.reason) == ([], 413, "TOO_LARGE")


def test_a_call_takes_a_megabyte_and_an_array_more(servers: Servers) -> None:
    for chunked in (False, True):
        framing = {"chunked": chunked, **JSON}
        padded = b'{"title": "large"}'.ljust(1 << 20)
        assert call(servers, "POST", "/api/v1/tasks", padded, **framing).status == 201
        large = call(servers, "POST", "/api/v1/tasks", padded + b" ", **framing)
        assert (large.status, large.reason) == (413, "TOO_LARGE")
        login = call(servers, "POST", "/api/v1/auth/login", b" " * (3 << 20), **framing)
        assert (login.status, login.reason) == (413, "TOO_LARGE")
        answer = call(servers, "POST", "/api/v1/tasks/bulk", (b"[" + padded + b"," + padded + b"]"), **framing)
        assert (answer.status, answer.document["success_count"]) == (200, 2)
    answer = call(servers, "POST", "/api/v1/tasks/bulk", padded + b"  \n" + padded, **LINES).document
    assert (answer["success_count"], [error["index"] for error in answer["errors"]]) == (1, [0])


def test_many_values_cost_little(servers: Servers) -> None:
    web = psutil.Process(servers.processes[0].pid)
    before = web.memory_info().rss
    nested = b"[" + b"[]," * 340_000 + b"[]]"
    assert call(servers, "POST", "/api/v1/auth/login", nested, **JSON).pointers == {"#": "json"}
    assert call(servers, "POST", "/api/v1/tasks/bulk", nested, **JSON).pointers == {"#": "json"}
    huge = b"[" + b"[]," * 16_000_000 + b"[]]"

    def attack() -> None:
        assert call(servers, "POST", "/api/v1/tasks/bulk", huge, **JSON).pointers == {"#": "json"}

    attackers = [threading.Thread(target=attack) for _ in range(2)]
    for attacker in attackers:
        attacker.start()
    while any(attacker.is_alive() for attacker in attackers):
        assert call(servers, "GET", "/health").status == 200
    grown = (web.memory_info().rss - before) / 1024**2
    assert grown < 400, f"{grown:.0f} MB more"


def test_chunks_may_have_extensions_and_trailers(servers: Servers) -> None:
    with Connection(servers.http_url) as connection:
        head = f"POST /api/v1/tasks HTTP/1.1\r\nHost: {connection.host}\r\nContent-Type: application/json\r\n"
        chunks = b'0a;x="y"\r\n{"title": \r\n8\r\n"chunk"}\r\n0\r\nX-Checksum: 1\r\n\r\n'
        connection.send(f"{head}Transfer-Encoding: Chunked\r\n\r\n".encode() + chunks)
        answer = connection.answer()
        assert (answer.status, answer.document["title"]) == (201, "chunk")
        assert connection.request("GET", "/health").status == 200


def test_a_byte_order_mark_is_passed_over(servers: Servers) -> None:
    mark = b"\xef\xbb\xbf"
    assert call(servers, "POST", "/api/v1/tasks", mark + b'{"title": "marked"}', **JSON).status == 201
    for body, content_type in ((b'[{"title": "a"}]', JSON), (b'{"title": "a"}\n{"title": "b"}\n', LINES)):
        answer = call(servers, "POST", "/api/v1/tasks/bulk", mark + body, **content_type).document
        assert (answer["success_count"], answer["errors"]) == (body.count(b"title"), [])

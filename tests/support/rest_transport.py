"""Operations over REST, as tests call them."""

import json
import threading
import urllib.parse
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client
from google.protobuf.message import Message

from core import protojson
from core.errors import TABLE
from core.operations import Operation
from core.protojson.query import query_names, write_query
from drawings import messages as drawing_messages
from meetings import messages as meeting_messages
from meetings.services import transcripts
from tasks import messages as task_messages
from tests.support.framing import FramedClient
from tests.support.transports import Answer, Failed, Transport, Watched
from users.messages import PROFILE, WRITABLE

#: The fields that the mask `*` of an rpc stands for, which a JSON body has to list.
EVERYTHING = {
    "UpdateUser": WRITABLE, "UpdateUserProfile": PROFILE, "UpdateTask": task_messages.WRITABLE,
    "UpdateMeeting": meeting_messages.WRITABLE, "UpdateDocument": drawing_messages.WRITABLE,
    "EditSegment": transcripts.WRITABLE,
}  # fmt: skip


class RestTransport(Transport):
    """Calls over HTTP.

    Attributes:
        framing: how the bytes of calls are framed (`tests.support.framing`); None = Django is called without any.
    """

    name = "rest"
    framing: str | None = None

    def __init__(self) -> None:
        super().__init__()
        client: Any = Client(raise_request_exception=False, HTTP_HOST="localhost")
        self.client = FramedClient(self.framing) if self.framing else client

    def _send(self, operation: Operation, request: Any, headers: dict[str, str], exact_count: bool) -> Answer:
        if operation.takes_file:
            return self._send_form(operation, request, headers)
        if operation.takes_stream:
            return self._send_lines(operation, request, headers)
        call = protojson.write_request(operation, request, everything=EVERYTHING.get(operation.rpc))
        query = [*call.query, ("count", "exact")] if exact_count else call.query
        response = self.client.generic(
            operation.http.verb,
            call.path + ("?" + urllib.parse.urlencode(query) if query else ""),
            b"" if call.body is None else json.dumps(call.body).encode(),
            content_type="application/json",
            headers={**call.headers, **headers},
        )
        if response.status_code >= 400:
            raise _failed_over_http(response)
        version = response.headers.get("ETag")
        return Answer(
            protojson.read_answer(operation, json.loads(response.content) if response.content else None),
            version=int(version.strip('"')) if version else None,
            replayed=response.headers.get("Idempotent-Replayed") == "true",
            request_id=response.headers["X-Request-ID"],
        )

    def _watch(self, operation: Operation, request: Any, headers: dict[str, str]) -> Watched:
        call = protojson.write_request(operation, request)
        path = call.path + ("?" + urllib.parse.urlencode(call.query) if call.query else "")
        response: Any = self.client.get(path, headers=headers)
        if response.status_code >= 400:
            raise _failed_over_http(response)
        watched = Watched(response.close)

        def read() -> None:
            for part in response.streaming_content:
                for block in filter(None, part.decode().split("\n\n")):
                    if (event := _event(operation, block)) is not None:
                        watched.put(event)
            watched.put(None)

        threading.Thread(target=_with_own_connection, args=(read,), daemon=True).start()
        return watched

    def _receive_file(self, operation: Operation, request: Any, headers: dict[str, str]) -> list[Any]:
        """Return the messages that a download stands for: the metadata, as its head has it, and one chunk."""
        call = protojson.write_request(operation, request)
        path = call.path + ("?" + urllib.parse.urlencode(call.query) if call.query else "")
        response: Any = self.client.get(path, headers={**call.headers, **headers})
        if response.status_code >= 400:
            raise _failed_over_http(response)
        content = b"".join(response.streaming_content)
        assert response.status_code == (206 if "Range" in call.headers else 200)
        assert len(content) == int(response.headers["Content-Length"])
        metadata = {
            "filename": _filename(response.headers["Content-Disposition"]),
            "content_type": response.headers["Content-Type"],
            "size": int(response.headers.get("Content-Range", f"/{len(content)}").rpartition("/")[2]),
            "sha256": response.headers["ETag"].strip('"'),
        }
        parts: list[dict[str, Any]] = [{"metadata": metadata}, {"chunk": content}]
        return [operation.response_class(**part) for part in parts]

    def _send_form(self, operation: Operation, requests: list[Any], headers: dict[str, str]) -> Answer:
        metadata = requests[0].metadata
        fields: dict[str, Any] = {}
        path = operation.http.path
        for name in operation.http.path_fields:
            path = path.replace(f"{{{name}}}", urllib.parse.quote(getattr(metadata, name) or "-", safe=""))
        for name, text in write_query(query_names(metadata.DESCRIPTOR.fields).values(), metadata):
            if name not in operation.http.path_fields:
                fields.setdefault(name, []).append(text)
        content = b"".join(request.chunk for request in requests[1:])
        file = SimpleUploadedFile("file", content)
        response: Any = self.client.post(path, {**fields, "file": file}, headers=headers)
        if response.status_code >= 400:
            raise _failed_over_http(response)
        assert response.status_code == (202 if operation.stores_file else 200)
        version = response.headers.get("ETag")
        return Answer(
            protojson.read_answer(operation, json.loads(response.content)),
            version=int(version.strip('"')) if version else None,
            request_id=response.headers["X-Request-ID"],
        )

    def _send_lines(self, operation: Operation, requests: list[Message], headers: dict[str, str]) -> Answer:
        lines = [json.dumps(protojson.to_json(request)) for request in requests]
        response: Any = self.client.generic(
            operation.http.verb,
            operation.http.path,
            "\n".join(lines).encode(),
            headers=headers,
            CONTENT_TYPE="application/x-ndjson",  # Of an empty body, too.
        )
        if response.status_code >= 400:
            raise _failed_over_http(response)
        if not operation.answers_stream:
            message: Any = protojson.read_answer(operation, json.loads(response.content))
        else:
            answered = b"".join(response.streaming_content).splitlines()
            message = [protojson.from_json(operation.response_class, json.loads(line)) for line in answered]
        return Answer(message, request_id=response.headers["X-Request-ID"])


def _filename(disposition: str) -> str:
    """Return the name that a browser saves the file under (RFC 6266)."""
    head = EmailMessage()
    head["Content-Disposition"] = disposition
    return str(head.get_filename())


def _event(operation: Operation, block: str) -> Any:
    """Return the message of a server-sent event, or its failure; None for a comment or a bookmark."""
    lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
    if "data" in lines and lines["event"] != "resync":
        return protojson.from_json(operation.response_class, json.loads(lines["data"]))
    if "data" in lines:
        problem = json.loads(lines["data"])
        return Failed(problem["reason"], problem["detail"], [], {})
    if block.startswith(": "):
        reason, _, message = block[2:].partition(": ")
        return Failed(reason, message, [], {})
    return None


def _with_own_connection(run: Callable[[], None]) -> None:
    try:
        run()
    finally:
        connections.close_all()


def _failed_over_http(response: Any) -> Failed:
    assert response.headers["Content-Type"] == "application/problem+json", response.content
    problem = json.loads(response.content)
    assert problem["status"] == response.status_code == TABLE[problem["reason"]].http_status
    assert problem["request_id"] == response.headers["X-Request-ID"]
    violations = [
        (error["pointer"].removeprefix("#").removeprefix("/").replace("/", "."), error["code"], error["detail"])
        for error in problem["errors"]
    ]
    known = {"type", "title", "status", "detail", "reason", "errors", "request_id"}
    metadata = {name: value for name, value in problem.items() if name not in known}
    return Failed(problem["reason"], problem["detail"], violations, metadata)

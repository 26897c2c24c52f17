"""Operations over gRPC-Web and Connect, as tests call them: each call in the next of four encodings."""

import base64
import itertools
import json
import struct
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from core.errors import TABLE
from core.operations import Operation
from tests.support.transports import Answer, Failed, Transport, Watched

CONNECT_JSON, GRPC_WEB = "application/json", "application/grpc-web+proto"
CONNECT_PROTO, GRPC_WEB_TEXT = "application/proto", "application/grpc-web-text"
TYPES = (CONNECT_JSON, GRPC_WEB, CONNECT_PROTO, GRPC_WEB_TEXT)
_HEAD = struct.Struct(">BI")
_TRAILERS, _END_STREAM = 0x80, 0x02


class WebTransport(Transport):
    """Calls over the HTTP port in the protocols of browsers.

    Args:
        types: the content types that calls have, in turn.
    """

    name = "web"

    def __init__(self, *types: str) -> None:
        super().__init__()
        self.client: Any = Client(raise_request_exception=False, HTTP_HOST="localhost")
        self._types = itertools.cycle(types or TYPES)

    def _send(self, operation: Operation, request: Any, headers: dict[str, str], exact_count: bool) -> Answer:
        if operation.takes_stream:
            pytest.skip("Browsers cannot send a stream of messages.")
        if exact_count:
            headers = headers | {"x-total-count": "exact"}
        content_type, body = _body(next(self._types), request)
        response = self._post(operation, content_type, body, headers)
        if content_type in (CONNECT_JSON, CONNECT_PROTO):
            if response.status_code != 200:
                raise _failed(json.loads(response.content))
            data = response.content
        else:
            messages, end = read_frames(plain(response.content, content_type))
            if (failed := failure_at_end(end)) is not None:
                raise failed
            (data,) = messages
        version = response.headers.get("ETag")
        return Answer(
            _decoded(operation, content_type, data),
            version=int(version.strip('"')) if version else None,
            replayed=response.headers.get("Idempotent-Replayed") == "true",
            request_id=response.headers["X-Request-ID"],
        )

    def _receive_file(self, operation: Operation, request: Any, headers: dict[str, str]) -> list[Any]:
        content_type, response = self._open(operation, request, headers)
        messages, end = read_frames(plain(b"".join(response.streaming_content), content_type))
        if (failed := failure_at_end(end)) is not None:
            raise failed
        return [_decoded(operation, content_type, data) for data in messages]

    def _open(self, operation: Operation, request: Any, headers: dict[str, str]) -> tuple[str, Any]:
        """Open a stream. Return its content type and the response."""
        of_unary = {CONNECT_JSON: "application/connect+json", CONNECT_PROTO: "application/connect+proto"}
        content_type, message = _body(next(self._types), request)
        content_type = of_unary.get(content_type, content_type)
        body = frame(message) if content_type.startswith("application/connect") else message
        response = self._post(operation, content_type, body, headers)
        if not response.streaming:
            failed = failure_at_end(read_frames(plain(response.content, content_type))[1])
            assert failed is not None
            raise failed
        return content_type, response

    def _watch(self, operation: Operation, request: Any, headers: dict[str, str]) -> Watched:
        content_type, response = self._open(operation, request, headers)
        watched = Watched(response.close)

        def read() -> None:
            try:
                for part in response.streaming_content:
                    messages, end = read_frames(plain(part, content_type))
                    for data in messages:
                        watched.put(_decoded(operation, content_type, data))
                    if end is not None:
                        watched.put(failure_at_end(end))
            finally:
                connections.close_all()

        threading.Thread(target=read, daemon=True).start()
        return watched

    def _post(self, operation: Operation, content_type: str, body: bytes, headers: Mapping[str, str]) -> Any:
        response = self.client.generic(
            "POST",
            f"/{operation.name}",
            body,
            headers=headers,
            CONTENT_TYPE=content_type,  # Of an empty body, too.
        )
        expected = content_type if response.status_code == 200 else CONNECT_JSON
        assert response.headers["Content-Type"] == expected, (response.status_code, response.content)
        return response


def frame(data: bytes, flags: int = 0) -> bytes:
    return _HEAD.pack(flags, len(data)) + data


def plain(body: bytes, content_type: str) -> bytes:
    """Return the bytes of a body, which may be Base64 in parts."""
    if not content_type.startswith(GRPC_WEB_TEXT):
        return body
    parts = (part for part in body.replace(b"==", b"= ").replace(b"=", b" ").split(b" ") if part)
    return b"".join(base64.b64decode(part + b"=" * (-len(part) % 4)) for part in parts)


def read_frames(body: bytes) -> tuple[list[bytes], Any]:
    """Return the messages in a body, and its end (gRPC-Web's trailers, or Connect's last frame); None = none."""
    messages, end = [], None
    while body:
        flags, length = _HEAD.unpack_from(body)
        data, body = body[_HEAD.size : _HEAD.size + length], body[_HEAD.size + length :]
        assert len(data) == length, "the last frame is incomplete"
        assert end is None, "something follows the end"
        if flags == _TRAILERS:
            end = dict(line.split(": ", 1) for line in data.decode("ascii").split("\r\n") if line)
        elif flags == _END_STREAM:
            end = json.loads(data)
        else:
            assert flags == 0
            messages.append(data)
    return messages, end


def failure_at_end(end: Mapping[str, Any]) -> Failed | None:
    """Return the failure that a stream ended with; None = none."""
    if "grpc-status" not in end:
        return _failed(end["error"]) if "error" in end else None
    if end["grpc-status"] == "0":
        return None
    text = end["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(base64.b64decode(text + "=" * (-len(text) % 4)))
    assert str(status.code) == end["grpc-status"]
    return _failure(status.code, status.message, [(packed.TypeName(), packed.value) for packed in status.details])


def _body(content_type: str, request: Message) -> tuple[str, bytes]:
    """Return the encoded message, in binary if JSON cannot express it."""
    if content_type == CONNECT_JSON:
        try:
            return content_type, json_format.MessageToJson(request).encode()
        except ValueError:
            content_type = CONNECT_PROTO
    data = request.SerializeToString()
    if content_type == CONNECT_PROTO:
        return content_type, data
    return content_type, base64.b64encode(frame(data)) if content_type == GRPC_WEB_TEXT else frame(data)


def _decoded(operation: Operation, content_type: str, data: bytes) -> Any:
    if content_type.endswith("json"):
        return json_format.Parse(data.decode(), operation.response_class())
    return operation.response_class.FromString(data)


def _failed(error: Mapping[str, Any]) -> Failed:
    """Return the failure in an error of Connect."""
    code = code_pb2.Code.Value("CANCELLED" if error["code"] == "canceled" else error["code"].upper())
    details = [
        (detail["type"], base64.b64decode(detail["value"] + "=" * (-len(detail["value"]) % 4)))
        for detail in error["details"]
    ]
    return _failure(code, error["message"], details)


def _failure(code: int, message: str, packed: list[tuple[str, bytes]]) -> Failed:
    details: dict[str, Any] = {}
    for name, value in packed:
        kind = name.removeprefix("google.rpc.")
        assert kind not in details
        details[kind] = getattr(error_details_pb2, kind).FromString(value)
    info = details["ErrorInfo"]
    assert (info.domain, TABLE[info.reason].grpc_code) == ("tandem", code)
    bad = details.get("BadRequest", error_details_pb2.BadRequest())
    violations = [(v.field, v.reason.lower(), v.description) for v in bad.field_violations]
    return Failed(info.reason, message, violations, dict(info.metadata))

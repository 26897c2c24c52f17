"""Hostile calls over gRPC-Web and Connect."""

import base64
import gzip
import http.client
import json
from random import Random
from typing import Any
from urllib.parse import quote, urlsplit

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from google.rpc import code_pb2

from core.operations import Operation
from tests.fuzz.findings import Findings, fault_of
from tests.fuzz.grpc_calls import note_tokens
from tests.fuzz.headers import headers
from tests.fuzz.known import Known
from tests.fuzz.messages import Maker
from tests.support.web_transport import frame, plain, read_frames

TRANSPORT = "gRPC-Web and Connect"
_UNARY = ("application/json", "application/proto")
_STREAMS = ("application/connect+json", "application/connect+proto")
_GRPC_WEB = (
    "application/grpc-web", "application/grpc-web+proto", "application/grpc-web+json", "application/grpc-web-text",
    "application/grpc-web-text+proto",
)  # fmt: skip
_FOREIGN = (
    "text/plain",
    "application/grpc",
    "application/x",
    "",
    "application/grpc-web+thrift",
    "application/JSON; a=b",
)
_PATIENCE_SECONDS = 60
_WATCH_MS = 200
#: Connect's status of UNIMPLEMENTED.
_NOT_IMPLEMENTED = 501


class WebCaller:
    """Makes calls on one connection, which is opened again when the server closes it."""

    def __init__(self, http_url: str, operations: list[Operation], known: Known, findings: Findings) -> None:
        self._place = urlsplit(http_url).netloc
        self._connection = http.client.HTTPConnection(self._place, timeout=_PATIENCE_SECONDS)
        self._operations = operations
        self._known = known
        self._findings = findings

    def call(self, rng: Random, case: str) -> None:
        operation = rng.choice(self._operations)
        verb, path, content_type, body = self._request(operation, rng)
        sent = {name: text for name, text in headers(rng, self._known).items() if text.isprintable()}
        deadline = operation.is_feed or rng.random() < 0.02
        if content_type:
            sent["content-type"] = content_type
        if deadline:
            sent["connect-timeout-ms" if "grpc" not in content_type else "grpc-timeout"] = (
                str(_WATCH_MS) if "grpc" not in content_type else f"{_WATCH_MS}m"
            )
        elif rng.random() < 0.02:
            sent[rng.choice(("grpc-timeout", "connect-timeout-ms"))] = rng.choice(("", "x", "-1", "9" * 12, "0", "5X"))
            deadline = True
        if rng.random() < 0.03:
            name = rng.choice(("content-encoding", "connect-content-encoding", "grpc-encoding"))
            sent[name] = rng.choice(("gzip", "br", "", "identity"))
            body = rng.choice((body, gzip.compress(body), gzip.compress(body)[:-5]))
        example = f"case {case}: {verb} {path[:300]} {content_type} {body[:300]!r}"
        try:
            status, answered_type, answer = self._exchange(verb, path, body, sent)
        except (OSError, http.client.HTTPException) as exc:
            self._findings.count(TRANSPORT, type(exc).__name__)
            self._findings.fault(f"{TRANSPORT} {operation.name}: no answer ({type(exc).__name__}: {exc})", example)
            return
        self._judge(operation, status, answered_type, answer, example, own_deadline=deadline)

    def close(self) -> None:
        self._connection.close()

    def _request(self, operation: Operation, rng: Random) -> tuple[str, str, str, bytes]:
        """Return the verb, the path, the content type and the body."""
        maker, kind, path = Maker(rng, self._known), operation.method.input_type, f"/{operation.name}"
        which = rng.random()
        if which < 0.08:
            encoding = rng.choice(("json", "proto", "xml"))
            data = maker.encoded_json(kind) if encoding == "json" else maker.encoded(kind)
            in_base64 = encoding == "proto" or rng.random() < 0.1
            text = base64.urlsafe_b64encode(data).decode().rstrip("=") if in_base64 else data.decode("latin-1")
            query = f"connect=v1&encoding={encoding}&message={quote(text[:20_000])}" + (
                "&base64=1" if in_base64 else ""
            )
            return "GET", f"{path}?{query[: rng.choice((len(query), 30))]}", "", b""
        if which < 0.1:
            return "POST", path + rng.choice(("x", "/", "/..", "%00")), "application/json", b"{}"
        if which < 0.13:
            return "POST", path, rng.choice(_FOREIGN), maker.encoded(kind)
        usual = _STREAMS if operation.answers_stream else _UNARY
        content_type = rng.choice((*usual, *_GRPC_WEB)) if rng.random() < 0.95 else rng.choice((*_STREAMS, *_UNARY))
        data = maker.encoded_json(kind) if content_type.endswith("json") else maker.encoded(kind)
        if content_type in _UNARY:
            return "POST", path, content_type, data
        return "POST", path, content_type, _framed(data, content_type, rng)

    def _exchange(self, verb: str, path: str, body: bytes, sent: dict[str, str]) -> tuple[int, str, bytes]:
        try:
            self._connection.request(verb, path, body, sent)
            response = self._connection.getresponse()
        except (ConnectionError, http.client.RemoteDisconnected):
            # A kept connection was closed by the server: once more on a new one.
            self._connection.close()
            self._connection.request(verb, path, body, sent)
            response = self._connection.getresponse()
        try:
            data = response.read()
        except Exception:
            self._connection.close()
            raise
        if response.headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        return response.status, response.headers.get("Content-Type", ""), data

    def _judge(
        self, operation: Operation, status: int, content_type: str, body: bytes, example: str, *, own_deadline: bool
    ) -> None:
        try:
            code, packed = self._outcome(operation, status, content_type, body)
        except (ValueError, KeyError, AssertionError, DecodeError, json_format.ParseError) as exc:
            self._findings.count(TRANSPORT, f"HTTP {status}")
            what = f"an answer of another form, {status} {content_type} ({type(exc).__name__}: {exc})"
            self._findings.fault(f"{TRANSPORT} {operation.name}: {what}", f"{example}: {body[:300]!r}")
            return
        name = "(no call)" if code is None else code_pb2.Code.Name(code)
        self._findings.count(TRANSPORT, name)
        if code is None:
            return
        what = "" if code == code_pb2.OK else fault_of(code, packed, own_deadline=own_deadline)
        if not what and status >= 500 and code not in _STATUS_OF_SERVER_ERRORS.get(status, ()):
            what = f"HTTP {status} for {name}"
        if what:
            self._findings.fault(f"{TRANSPORT} {operation.name}: {what}", f"{example}: {body[:300]!r}")

    def _outcome(self, operation: Operation, status: int, content_type: str, body: bytes) -> tuple[int | None, bytes]:
        """Return the code of an answer and its encoded `google.rpc.Status`, having read all of it.

        The code is None of an answer in no protocol, which has a problem document.
        """
        if content_type.startswith("application/problem+json"):
            problem = json.loads(body)
            assert problem["status"] == status
            assert status < 500
            return None, b""
        if content_type in _UNARY:
            if status != 200:
                return _connect_failure(json.loads(body))
            self._read(operation, body, content_type)
            return code_pb2.OK, b""
        assert status == 200
        messages, end = read_frames(plain(body, content_type))
        for message in messages:
            self._read(operation, message, content_type)
        if content_type.startswith("application/connect"):
            return _connect_failure(end["error"]) if "error" in end else (code_pb2.OK, b"")
        details = end.get("grpc-status-details-bin", "")
        return int(end["grpc-status"]), base64.b64decode(details + "=" * (-len(details) % 4))

    def _read(self, operation: Operation, data: bytes, content_type: str) -> None:
        if content_type.endswith("json"):
            message = json_format.Parse(data.decode(), operation.response_class())
        else:
            message = operation.response_class.FromString(data)
        note_tokens(self._known, message)


#: The only answers above 499, each with its codes.
_STATUS_OF_SERVER_ERRORS = {
    _NOT_IMPLEMENTED: (code_pb2.UNIMPLEMENTED,), 504: (code_pb2.DEADLINE_EXCEEDED,), 503: (code_pb2.UNAVAILABLE,),
}  # fmt: skip


def _connect_failure(error: dict[str, Any]) -> tuple[int, bytes]:
    """Return the code and the details of an error of Connect, put together as those of gRPC are."""
    from google.protobuf.any_pb2 import Any as Packed
    from google.rpc.status_pb2 import Status

    code = code_pb2.Code.Value("CANCELLED" if error["code"] == "canceled" else error["code"].upper())
    details = [
        Packed(
            type_url=f"type.googleapis.com/{detail['type']}",
            value=base64.b64decode(detail["value"] + "=" * (-len(detail["value"]) % 4)),
        )
        for detail in error.get("details", ())
    ]
    status = Status(code=code, message=error.get("message", ""), details=details)
    return code, status.SerializeToString() if details else b""


def _framed(data: bytes, content_type: str, rng: Random) -> bytes:
    body = frame(data)
    if rng.random() < 0.15:
        body = rng.choice((
            body[: rng.randint(0, len(body))], body + body, frame(data, rng.choice((1, 2, 0x80, 0xFF))),
            frame(data, 2) + body, b"\x00\xff\xff\xff\xff" + data, b"",
            frame(b""), frame(gzip.compress(data), 1), body + b"\x00",
        ))  # fmt: skip
    if not content_type.startswith("application/grpc-web-text"):
        return body
    text = base64.b64encode(body)
    return rng.choice((text[:-1], text + b"=", b"!" + text, body)) if rng.random() < 0.1 else text

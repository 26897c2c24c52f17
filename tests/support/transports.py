"""The two doors, as tests see them: one call, one answer, one kind of failure.

A test speaks contract messages and cannot know which door carries them. `GrpcTransport` runs the real handler chain,
interceptors and (de)serialisation in the test's own thread and transaction; `RestTransport` builds the HTTP call from
the rpc's `google.api.http` rule and parses the answer as the response message.
"""

import json as stdlib_json
import queue
import threading
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from access.models import Session
from access.tokens import access_token
from config.rpc import services
from core import protojson
from core.errors import TABLE
from core.operations import Operation
from core.rpc.interceptors import Interceptor
from meetings import messages as meeting_messages
from meetings.services import transcripts
from tasks import messages as task_messages
from tests.support.framing import FramedClient
from users.messages import PROFILE, WRITABLE

PATIENCE_SECONDS = 20

#: `UserService/CreateUser` → its operation; rpc names repeat between services.
OPERATIONS: dict[str, Operation] = {
    operation.name.rpartition(".")[2]: operation for service in services for operation in service.operations
}

#: What the mask `*` of an rpc stands for, which a JSON body has to spell out.
EVERYTHING = {
    "UpdateUser": WRITABLE, "UpdateUserProfile": PROFILE, "UpdateTask": task_messages.WRITABLE,
    "UpdateMeeting": meeting_messages.WRITABLE, "EditSegment": transcripts.WRITABLE,
}  # fmt: skip


class Failed(Exception):
    """What a caller is told when a call fails, whichever the door.

    Attributes:
        reason: the word of `core.errors.TABLE`.
        violations: all that is wrong, as field, code of the broken rule, sentence.
        fields: bad field → code of the broken rule.
        messages: bad field → sentence; without a field the failure's own message, under "".
        metadata: what else the failure carries, e.g. `current_version`.
    """

    def __init__(
        self, reason: str, message: str, violations: list[tuple[str, str, str]], metadata: dict[str, str]
    ) -> None:
        super().__init__(f"{reason}: {message} {violations or ''}")
        self.reason = reason
        self.message = message
        self.violations = violations
        self.fields = {name: code for name, code, _ in violations}
        self.messages = {name: text for name, _, text in violations} or {"": message}
        self.metadata = metadata


@dataclass
class Answer:
    """An answer and what came beside it."""

    message: Any
    version: int | None = None
    replayed: bool = False
    request_id: str = ""


class Watched:
    """An open stream of events: messages as they come, and whatever ended it."""

    def __init__(self, close: Callable[[], None]) -> None:
        self.close = close
        self._came: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def put(self, came: Any) -> None:
        """A message came, or a Failed; None = the stream has ended well."""
        self._came.put(came)

    def next(self) -> Any:
        """The next message.

        Raises:
            Failed: the stream has ended.
        """
        came = self._came.get(timeout=PATIENCE_SECONDS)
        if isinstance(came, Failed):
            raise came
        return came

    def take(self, count: int) -> list[Any]:
        return [self.next() for _ in range(count)]

    def __enter__(self) -> "Watched":
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


class Transport:
    """Calls operations; `api(...)` gives the message, `api.answer(...)` also what came beside it."""

    name: str

    def __call__(self, operation: str, request: Any, **options: Any) -> Any:
        return self.answer(operation, request, **options).message

    def answer(
        self,
        operation: str,
        request: Any,
        *,
        actor: Any = None,
        authorization: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
        idempotency_key: str | None = None,
        exact_count: bool = False,
        request_id: str | None = None,
        bulk_mode: str | None = None,
        forwarded_for: str | None = None,
    ) -> Answer:
        """Makes the call.

        Args:
            operation: e.g. `UserService/CreateUser`.
            request: the request message; where the rpc takes a stream, a list of them. Where it answers with a stream,
                the answer's message is a list, too.
            actor: a user who calls, by a session made for it; None = nobody.
            authorization: sent as it is, instead of an actor.
            forwarded_for: what a proxy wrote of the caller's address; it counts where proxies are trusted.

        Raises:
            Failed
        """
        headers = {
            "authorization": authorization or (self.bearer(actor) if actor is not None else None),
            "if-match": if_match,
            "if-none-match": if_none_match,
            "idempotency-key": idempotency_key,
            "x-request-id": request_id,
            "x-bulk-mode": bulk_mode,
            "x-forwarded-for": forwarded_for,
        }
        sent = {name: value for name, value in headers.items() if value is not None}
        if OPERATIONS[operation].is_feed:
            self._watch(OPERATIONS[operation], request, sent).close()
            return Answer(None)
        return self._send(OPERATIONS[operation], request, sent, exact_count)

    def watch(self, operation: str, request: Any, *, actor: Any) -> Watched:
        """Opens a stream of events. What it tells must be committed, and the feed must run (fixture `watching`)."""
        return self._watch(OPERATIONS[operation], request, {"authorization": self.bearer(actor)})

    def __init__(self) -> None:
        self._tokens: dict[Any, str] = {}

    def bearer(self, actor: Any) -> str:
        """An `Authorization` of a session made for this user."""
        if actor.pk not in self._tokens:
            self._tokens[actor.pk] = "Bearer " + access_token(Session.objects.create(user=actor))
        return self._tokens[actor.pk]

    def _send(self, operation: Operation, request: Any, headers: dict[str, str], exact_count: bool) -> Answer:
        raise NotImplementedError

    def _watch(self, operation: Operation, request: Any, headers: dict[str, str]) -> Watched:
        raise NotImplementedError


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
            b"" if call.body is None else stdlib_json.dumps(call.body).encode(),
            content_type="application/json",
            headers={**call.headers, **headers},
        )
        if response.status_code >= 400:
            raise _failed_over_http(response)
        version = response.headers.get("ETag")
        return Answer(
            protojson.read_answer(operation, stdlib_json.loads(response.content) if response.content else None),
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
                    if (came := _event(operation, block)) is not None:
                        watched.put(came)
            watched.put(None)

        threading.Thread(target=_with_own_connection, args=(read,), daemon=True).start()
        return watched

    def _send_form(self, operation: Operation, requests: list[Any], headers: dict[str, str]) -> Answer:
        metadata = requests[0].metadata
        fields = {field.name: value for field, value in metadata.ListFields()}
        content = b"".join(request.chunk for request in requests[1:])
        file = SimpleUploadedFile("file", content)
        response: Any = self.client.post(operation.http.path, {**fields, "file": file}, headers=headers)
        if response.status_code >= 400:
            raise _failed_over_http(response)
        assert response.status_code == 202
        return Answer(
            protojson.read_answer(operation, stdlib_json.loads(response.content)),
            version=int(response.headers["ETag"].strip('"')),
            request_id=response.headers["X-Request-ID"],
        )

    def _send_lines(self, operation: Operation, requests: list[Message], headers: dict[str, str]) -> Answer:
        lines = [stdlib_json.dumps(protojson.to_json(request)) for request in requests]
        response: Any = self.client.generic(
            operation.http.verb,
            operation.http.path,
            "\n".join(lines).encode(),
            headers=headers,
            CONTENT_TYPE="application/x-ndjson",  # Said of an empty body, too.
        )
        if response.status_code >= 400:
            raise _failed_over_http(response)
        if not operation.answers_stream:
            message: Any = protojson.read_answer(operation, stdlib_json.loads(response.content))
        else:
            answered = b"".join(response.streaming_content).splitlines()
            message = [protojson.from_json(operation.response_class, stdlib_json.loads(line)) for line in answered]
        return Answer(message, request_id=response.headers["X-Request-ID"])


def _event(operation: Operation, block: str) -> Any:
    """The message of a server-sent event, or the failure that it tells; of what is none, nothing."""
    lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
    if "data" in lines and lines["event"] != "resync":
        return protojson.from_json(operation.response_class, stdlib_json.loads(lines["data"]))
    if "data" in lines:
        problem = stdlib_json.loads(lines["data"])
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
    problem = stdlib_json.loads(response.content)
    assert problem["status"] == response.status_code == TABLE[problem["reason"]].http_status
    assert problem["request_id"] == response.headers["X-Request-ID"]
    violations = [
        (error["pointer"].removeprefix("#").removeprefix("/").replace("/", "."), error["code"], error["detail"])
        for error in problem["errors"]
    ]
    known = {"type", "title", "status", "detail", "reason", "errors", "request_id"}
    metadata = {name: value for name, value in problem.items() if name not in known}
    return Failed(problem["reason"], problem["detail"], violations, metadata)


class GrpcTransport(Transport):
    name = "grpc"

    def __init__(self) -> None:
        super().__init__()
        self.handlers = _handlers()

    def _send(self, operation: Operation, request: Any, headers: dict[str, str], exact_count: bool) -> Answer:
        if exact_count:
            headers = headers | {"x-total-count": "exact"}
        context = CallContext(tuple(headers.items()))
        # The interceptor takes a unary call's message as a stream of one, and as bytes.
        sent = iter([one.SerializeToString() for one in (request if operation.takes_stream else [request])])
        handler = self.handlers[f"/{operation.name}"]
        serve = handler.stream_stream if operation.answers_stream else handler.stream_unary
        answer = serve(sent, context)
        if operation.answers_stream:
            answer = list(answer)
        metadata = dict(context.sent_metadata)
        if context.code() is not grpc.StatusCode.OK:
            raise _failed_over_grpc(context, metadata)
        if operation.answers_stream:
            return Answer(list(map(operation.response_class.FromString, answer)), request_id=metadata["x-request-id"])
        message = operation.response_class.FromString(answer)
        return Answer(
            message,
            version=_version(operation, message),
            replayed=metadata.get("idempotent-replayed") == "true",
            request_id=metadata["x-request-id"],
        )

    def _watch(self, operation: Operation, request: Any, headers: dict[str, str]) -> Watched:
        context = CallContext(tuple(headers.items()))
        watched = Watched(context.end)

        def send(encoded: bytes | None) -> None:
            if encoded is not None:
                watched.put(operation.response_class.FromString(encoded))
                return
            failed = context.code() is not grpc.StatusCode.OK
            watched.put(_failed_over_grpc(context, dict(context.sent_metadata)) if failed else None)
            context.end()

        handler: Any = self.handlers[f"/{operation.name}"]
        handler.stream_stream(iter([request.SerializeToString()]), context, send)
        if context.code() is not grpc.StatusCode.OK:
            raise _failed_over_grpc(context, dict(context.sent_metadata))
        return watched


def _failed_over_grpc(context: "CallContext", metadata: Mapping[str, Any]) -> Failed:
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    assert status.code == context.code().value[0]
    assert status.message == context.details()
    details: dict[type[Message], Message] = {}
    for packed in status.details:
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest, error_details_pb2.RetryInfo):
            if packed.Is(kind.DESCRIPTOR):
                assert kind not in details
                details[kind] = kind.FromString(packed.value)
    info: Any = details[error_details_pb2.ErrorInfo]
    assert info.domain == "tandem"
    assert TABLE[info.reason].grpc_code == status.code
    bad: Any = details.get(error_details_pb2.BadRequest, error_details_pb2.BadRequest())
    violations = [(v.field, v.reason.lower(), v.description) for v in bad.field_violations]
    return Failed(info.reason, status.message, violations, dict(info.metadata))


def _version(operation: Operation, message: Any) -> int | None:
    """The version that REST answers as ETag."""
    resource = getattr(message, operation.http.response_body) if operation.http.response_body else message
    audit = getattr(resource, "audit", None)
    return (audit.version if audit is not None else getattr(resource, "version", 0)) or None


def _handlers() -> dict[str, grpc.RpcMethodHandler]:
    """Every method's handler, wrapped as the server wraps it."""
    generic: list[grpc.GenericRpcHandler] = []

    class Collector:
        def add_generic_rpc_handlers(self, handlers: Any) -> None:
            generic.extend(handlers)

    for service in services:
        service.add_to_server(service.servicer, Collector())
    interceptor = Interceptor()

    def registered(details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return next(filter(None, (handler.service(details) for handler in generic)), None)

    methods = [f"/{operation.name}" for operation in OPERATIONS.values()]
    return {method: interceptor.intercept_service(registered, _Details(method)) for method in methods}


@dataclass
class _Details(grpc.HandlerCallDetails):
    method: str
    invocation_metadata: Any = ()


@dataclass
class CallContext(grpc.ServicerContext):
    """The transport's side of one call, without the transport."""

    metadata: tuple[tuple[str, str], ...]
    sent_metadata: list[tuple[str, Any]] = field(default_factory=list)
    _code: grpc.StatusCode = grpc.StatusCode.OK
    _details: str = ""
    _callbacks: list[Callable[[], None]] = field(default_factory=list)

    def invocation_metadata(self) -> Any:
        return self.metadata

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1234"

    def time_remaining(self) -> float:
        return 9.2e18  # What grpcio says when the caller set no deadline.

    def is_active(self) -> bool:
        return True

    def add_callback(self, callback: Any) -> bool:
        self._callbacks.append(callback)
        return True

    def end(self) -> None:
        """The call is over."""
        for callback in self._callbacks:
            callback()

    def send_initial_metadata(self, initial_metadata: Any) -> None:
        self.sent_metadata += initial_metadata

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        self.sent_metadata += trailing_metadata

    def set_code(self, code: grpc.StatusCode) -> None:
        self._code = code

    def set_details(self, details: str) -> None:
        self._details = details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> Any:
        return self.sent_metadata

    def cancel(self) -> None:
        raise AssertionError("a call that is answered is not cancelled")

    def peer_identities(self) -> Any:
        return None

    def peer_identity_key(self) -> Any:
        return None

    def auth_context(self) -> Any:
        return {}

    def abort(self, code: Any, details: str) -> Any:
        raise AssertionError("servicers never abort")

    def abort_with_status(self, status: Any) -> Any:
        raise AssertionError("servicers never abort")

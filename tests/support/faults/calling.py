"""Calls over both transports, as other programs make them."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from config.rpc import services
from core import protojson as messages

ANSWER_SECONDS = 20
#: How the titles of tasks begin that writers do not choose, because their callers read them again.
OF_A_CALLER = "By a caller"
_OPERATIONS = [operation for service in services for operation in service.operations]
#: By rpc; of several services with this rpc, by the whole name.
OPERATIONS = {operation.rpc: operation for operation in _OPERATIONS} | {one.name: one for one in _OPERATIONS}


class NotDoneError(Exception):
    """A call that failed; with the reason of the server, or UNAVAILABLE without an answer."""

    @property
    def may_be_done(self) -> bool:
        """True if it was neither acknowledged nor rejected, and so may have happened or not."""
        return str(self) in ("UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED", "REQUEST_IN_PROGRESS")

    @property
    def was_refused(self) -> bool:
        """True if the server was too busy for it."""
        return str(self) == "RATE_LIMITED"


class TaskClient:
    """Both servers, called from any thread.

    Attributes:
        bearer: the value of `Authorization`; empty = the call is the administrator's.
    """

    def __init__(self, http_url: str, grpc_address: str, bearer: str = "") -> None:
        self.bearer = bearer
        # A process that was killed restarts soon.
        options = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 300)]
        self._http_url = http_url
        self.channel = grpc.insecure_channel(grpc_address, options=options)

    def over_grpc(self, rpc: str, request: Message) -> Any:
        """Make the call, and return its answer.

        Raises:
            NotDoneError
        """
        operation = OPERATIONS[rpc]
        call = self.channel.unary_unary(
            f"/{operation.name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=operation.response_class.FromString,
        )
        try:
            metadata = [(name.lower(), value) for name, value in self._authorization().items()]
            return call(request, timeout=ANSWER_SECONDS, metadata=metadata)
        except grpc.RpcError as exc:
            raise NotDoneError(_reason(exc)) from exc

    def over_http(self, rpc: str, request: Message) -> Any:
        """Make the same call over HTTP."""
        operation = OPERATIONS[rpc]
        call = messages.write_request(operation, request)
        sent = urllib.request.Request(
            self._http_url + call.path + ("?" + urllib.parse.urlencode(call.query) if call.query else ""),
            None if call.body is None else json.dumps(call.body).encode(),
            {"Content-Type": "application/json", **call.headers, **self._authorization()},
            method=operation.http.verb,
        )
        try:
            with urllib.request.urlopen(sent, timeout=ANSWER_SECONDS) as response:
                body = response.read()
        except urllib.error.HTTPError as exc:
            # A proxy without a server answers by itself, in plain text.
            is_ours = exc.headers.get_content_type().endswith("json")
            assert is_ours or exc.code in (502, 503, 504), exc
            raise NotDoneError(json.load(exc)["reason"] if is_ours else "UNAVAILABLE") from exc
        except (OSError, HTTPException) as exc:
            raise NotDoneError("UNAVAILABLE") from exc
        return messages.read_answer(operation, json.loads(body) if body else None)

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": self.bearer} if self.bearer else {}


def until_admitted(call: Callable[[str, Message], Any], rpc: str, request: Message) -> Any:
    """Make a call, and repeat it after a second, as the answer asks, while the server is too busy for it.

    Raises:
        NotDoneError: for another reason, or because the server stays busy for a minute.
    """
    for _ in range(60):
        try:
            return call(rpc, request)
        except NotDoneError as exc:
            if not exc.was_refused:
                raise
            time.sleep(1)
    return call(rpc, request)


def _reason(exc: Any) -> str:
    details = dict(exc.trailing_metadata() or ()).get("grpc-status-details-bin")
    info = error_details_pb2.ErrorInfo()
    for detail in status_pb2.Status.FromString(details).details if details else ():
        if detail.Unpack(info):
            return info.reason
    return str(exc.code().name)

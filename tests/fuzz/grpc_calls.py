"""Hostile calls over gRPC: by grpcio, and as bytes of HTTP/2 whose messages end too early."""

import socket
import struct
from contextlib import suppress
from itertools import islice
from random import Random
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message

from core.operations import Operation
from tests.fuzz.findings import Findings, fault_of
from tests.fuzz.headers import headers
from tests.fuzz.known import Known
from tests.fuzz.messages import Maker

TRANSPORT = "gRPC"
#: What the longest calls of the product take on a busy machine; then the call has not ended.
_PATIENCE_SECONDS = 60
#: A stream of events ends by its deadline.
_WATCH_SECONDS = 0.2
_MAX_RESPONSES = 50
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS, _DATA, _HEADERS = 0x4, 0x0, 0x1
_END_STREAM, _END_HEADERS = 0x1, 0x4


class GrpcCaller:
    """Makes calls on one connection."""

    def __init__(self, address: str, operations: list[Operation], known: Known, findings: Findings) -> None:
        self._address = address
        # A connection of its own; channels to one address would share one.
        self._channel = grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
        self._operations = operations
        self._known = known
        self._findings = findings

    def call(self, rng: Random, case: str) -> None:
        operation = rng.choice(self._operations)
        if rng.random() < 0.02:
            self._cut_message(operation, rng)
            return
        watches = operation.is_feed
        messages = self._messages(operation, rng)
        metadata = [(name, text) for name, text in headers(rng, self._known).items() if text.isprintable()]
        short = rng.random() < 0.01
        timeout = 0.001 if short else _WATCH_SECONDS if watches else _PATIENCE_SECONDS
        try:
            answers = self._answers(operation, messages, metadata, timeout)
        except grpc.RpcError as error:
            self._judge(operation, error, f"case {case}: {_shown(messages)}", own_deadline=short or watches)
            return
        self._findings.count(TRANSPORT, "OK")
        for data in answers:
            try:
                note_tokens(self._known, operation.response_class.FromString(data))
            except DecodeError:
                self._findings.fault(f"{operation.name}: the response cannot be decoded", f"case {case}")

    def close(self) -> None:
        self._channel.close()

    def _messages(self, operation: Operation, rng: Random) -> list[bytes]:
        maker = Maker(rng, self._known)
        count = rng.choice((0, 1, 2, 5)) if operation.takes_stream else 1
        return [maker.encoded(operation.method.input_type) for _ in range(count)]

    def _answers(
        self, operation: Operation, messages: list[bytes], metadata: list[tuple[str, str]], timeout: float
    ) -> list[bytes]:
        path = f"/{operation.name}"
        options: dict[str, Any] = {"metadata": metadata, "timeout": timeout}
        if operation.takes_stream and operation.answers_stream:
            return list(islice(self._channel.stream_stream(path)(iter(messages), **options), _MAX_RESPONSES))
        if operation.takes_stream:
            return [self._channel.stream_unary(path)(iter(messages), **options)]
        if not operation.answers_stream:
            return [self._channel.unary_unary(path)(messages[0], **options)]
        answers = self._channel.unary_stream(path)(messages[0], **options)
        found = list(islice(answers, _MAX_RESPONSES))
        answers.cancel()
        return found

    def _judge(self, operation: Operation, error: Any, example: str, *, own_deadline: bool) -> None:
        code = error.code()
        self._findings.count(TRANSPORT, code.name)
        trailing = dict(error.trailing_metadata() or ())
        packed = trailing.get("grpc-status-details-bin", b"")
        if what := fault_of(code.value[0], packed, own_deadline=own_deadline):
            self._findings.fault(f"{TRANSPORT} {operation.name}: {what}", f"{example}: {error.details()}")

    def _cut_message(self, operation: Operation, rng: Random) -> None:
        """Send frames whose message ends too early, or is announced falsely; the server may do as it likes but die."""
        self._findings.count(TRANSPORT, "(cut)")
        data = Maker(rng, self._known).encoded(operation.method.input_type)
        host, _, port = self._address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=_PATIENCE_SECONDS) as connection, suppress(OSError):
            connection.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, b"") + _request(f"/{operation.name}", self._known))
            flags = rng.choice((0, 0, 1, 2, 0x80, 0xFF))
            length = rng.choice((len(data), len(data) + 1, 2**31, 2**32 - 1, 0))
            message = struct.pack(">BI", flags, length) + data[:8000]
            cut = message[: rng.randint(0, len(message))]
            connection.sendall(_frame(_DATA, rng.choice((0, _END_STREAM)), 1, cut))
            if rng.random() < 0.3:
                connection.sendall(rng.randbytes(30))
            if rng.random() < 0.5:
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    pass


def note_tokens(known: Known, message: Message) -> None:
    """Keep the page tokens and cursors in a response."""
    for field, value in message.ListFields():
        if field.name in ("next_page_token", "cursor"):
            known.note(value)
        elif field.message_type and not field.is_repeated and field.name in ("pagination", "page"):
            note_tokens(known, value)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _request(path: str, known: Known) -> bytes:
    """Return a frame of headers, as literals without an index or Huffman's code."""
    fields = {
        ":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost", "te": "trailers",
        "content-type": "application/grpc", "authorization": known.bearers[0],
    }  # fmt: skip
    block = b"".join(b"\x00" + _literal(name) + _literal(value) for name, value in fields.items())
    return _frame(_HEADERS, _END_HEADERS, 1, block)


def _literal(text: str) -> bytes:
    """Return a text in the form of RFC 7541, section 5.2."""
    data, length = text.encode(), len(text)
    if length < 127:
        return bytes((length,)) + data
    rest, prefix = length - 127, bytearray((127,))
    while rest >= 128:
        prefix.append(rest % 128 + 128)
        rest //= 128
    prefix.append(rest)
    return bytes(prefix) + data


def _shown(messages: list[bytes]) -> str:
    return " ".join(repr(message[:300]) for message in messages[:3])

"""The connection: keepalive, how fast it is made anew, and which calls are tried again by themselves."""

from __future__ import annotations

import json
from typing import Any, Iterable, Iterator

import grpc
from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from tandem.auth.v1 import auth_pb2
from tandem.change.v1 import change_pb2
from tandem.example.v1 import example_pb2
from tandem.meeting.v1 import meeting_pb2
from tandem.task.v1 import task_pb2
from tandem.user.v1 import user_pb2

#: Writes whose answers the server never keeps, because they hold secrets: a second one is a second effect.
NEVER_REPEATED = frozenset(
    {
        "/auth.v1.AuthService/Login",
        "/auth.v1.AuthService/RefreshToken",
        "/auth.v1.AuthService/Logout",
        "/auth.v1.AuthService/CreateApiKey",
        "/auth.v1.AuthService/CreateStreamTicket",
        "/user.v1.UserService/ChangePassword",
        "/user.v1.UserService/ResetPassword",
    }
)

_CONTRACTS = (auth_pb2, change_pb2, example_pb2, meeting_pb2, task_pb2, user_pb2)
_RETRY_POLICY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


def _unary_calls() -> Iterator[tuple[str, bool]]:
    """The path of each unary rpc, and whether it only reads."""
    for contract in _CONTRACTS:
        # Read off the file as it was generated: protobuf in pure Python cannot copy a service or a method.
        file = FileDescriptorProto.FromString(contract.DESCRIPTOR.serialized_pb)
        for service in file.service:
            for method in service.method:
                if not (method.client_streaming or method.server_streaming):
                    reads = bool(method.options.Extensions[annotations_pb2.http].get)
                    yield f"/{file.package}.{service.name}/{method.name}", reads


_UNARY = dict(_unary_calls())
#: Writes that happen once however often they are sent, because the client gives each an idempotency key.
KEYED = frozenset(path for path, reads in _UNARY.items() if not reads) - NEVER_REPEATED
#: What may be sent again when nobody answered.
REPEATABLE = KEYED | frozenset(path for path, reads in _UNARY.items() if reads)


def service_config(repeatable: Iterable[str]) -> str:
    """gRPC's service config: these methods are tried up to four times while the server is not there.

    A tenth of a token for each success, one for each failure: when half of them are used up, nothing is repeated.
    """
    names = [dict(zip(("service", "method"), path[1:].split("/"))) for path in sorted(repeatable)]
    return json.dumps(
        {
            "methodConfig": [{"name": names, "retryPolicy": _RETRY_POLICY}],
            "retryThrottling": {"maxTokens": 20, "tokenRatio": 0.1},
        }
    )


OPTIONS: tuple[tuple[str, Any], ...] = (
    # As the server does, and as often as it lets clients: a dead connection is noticed within 15 seconds.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # grpcio's own: up to two minutes after the server is back. Each waiter backs off by itself anyway.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 3_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # The server takes as much.
    ("grpc.max_receive_message_length", 50 * 1024 * 1024),
    ("grpc.max_send_message_length", 50 * 1024 * 1024),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.enable_retries", 1),
    ("grpc.service_config", service_config(REPEATABLE)),
)


def connect(address: str, tls: bool | grpc.ChannelCredentials, options: Iterable[tuple[str, Any]] = ()) -> grpc.Channel:
    """A channel, which connects when it is first used.

    Args:
        tls: with the system's root certificates, or with these credentials.
        options: beside and over `OPTIONS`.
    """
    together = [*{**dict(OPTIONS), **dict(options)}.items()]
    if tls is False:
        return grpc.insecure_channel(address, options=together)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials() if tls is True else tls, options=together)

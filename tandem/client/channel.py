"""The connection: keepalive, reconnection, and automatic retries."""

from __future__ import annotations

import json
from typing import Any, Iterable, Iterator, Sequence

import grpc
from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc import aio

from tandem import keepalive
from tandem.auth.v1 import auth_pb2
from tandem.change.v1 import change_pb2
from tandem.client.certificates import ClientCertificate, RenewedAsyncChannel, RenewedChannel
from tandem.drawing.v1 import drawing_pb2
from tandem.example.v1 import example_pb2
from tandem.meeting.v1 import meeting_pb2
from tandem.project.v1 import project_pb2
from tandem.task.v1 import task_pb2
from tandem.user.v1 import user_pb2

#: Writes whose responses the server never stores, because they contain secrets. A repeated call takes effect twice.
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

_CONTRACTS = (auth_pb2, change_pb2, drawing_pb2, example_pb2, meeting_pb2, project_pb2, task_pb2, user_pb2)
_RETRY_POLICY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    # A server that shuts down resets calls that arrive at that moment, which grpcio reports as CANCELLED.
    # A server that is busy refuses calls as RESOURCE_EXHAUSTED, with the time after which to repeat them; those that
    # would fail again soon (a spent budget, a full disk) it marks as not to be repeated.
    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED", "RESOURCE_EXHAUSTED"],
}


def _unary_calls() -> Iterator[tuple[str, bool]]:
    """Yield the path of each unary rpc, and whether it only reads."""
    for contract in _CONTRACTS:
        # Parsed from the serialized file, because protobuf in pure Python cannot copy service or method descriptors.
        file = FileDescriptorProto.FromString(contract.DESCRIPTOR.serialized_pb)
        for service in file.service:
            for method in service.method:
                if not (method.client_streaming or method.server_streaming):
                    reads = bool(method.options.Extensions[annotations_pb2.http].get)
                    yield f"/{file.package}.{service.name}/{method.name}", reads


_UNARY = dict(_unary_calls())
#: Writes that the client may repeat, because it sends an idempotency key with each.
KEYED = frozenset(path for path, reads in _UNARY.items() if not reads) - NEVER_REPEATED
#: Calls that may be sent again if there was no response.
REPEATABLE = KEYED | frozenset(path for path, reads in _UNARY.items() if reads)


def service_config(repeatable: Iterable[str]) -> str:
    """Return a gRPC service config that attempts these methods up to four times while the server is unavailable.

    Each failure takes a token and each success returns a tenth; retries stop while half of the tokens are used up.
    """
    names = [dict(zip(("service", "method"), path[1:].split("/"))) for path in sorted(repeatable)]
    return json.dumps(
        {
            "methodConfig": [{"name": names, "retryPolicy": _RETRY_POLICY}],
            "retryThrottling": {"maxTokens": 20, "tokenRatio": 0.1},
        }
    )


OPTIONS: tuple[tuple[str, Any], ...] = (
    *keepalive.CLIENT_OPTIONS,
    # By default, grpcio reconnects up to two minutes after the server has returned. Watches back off by themselves.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 3_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # The same limit as the server's.
    ("grpc.max_receive_message_length", 50 * 1024 * 1024),
    ("grpc.max_send_message_length", 50 * 1024 * 1024),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.enable_retries", 1),
    ("grpc.service_config", service_config(REPEATABLE)),
)


def connect(
    address: str, tls: bool | grpc.ChannelCredentials | ClientCertificate, options: Iterable[tuple[str, Any]] = ()
) -> grpc.Channel:
    """Return a channel, which connects when it is first used.

    Args:
        tls: True = with the system's root certificates; a client certificate; or the credentials to use; False =
            without encryption.
        options: added to `OPTIONS`, and overriding them.

    Raises:
        ValueError: the address is a URL, or the client certificate is not one.
        OSError: a file of the client certificate cannot be read.
    """
    _check(address)
    merged = _merged(options)
    if tls is False:
        return grpc.insecure_channel(address, options=merged)
    if isinstance(tls, ClientCertificate):
        return RenewedChannel(tls, lambda credentials: grpc.secure_channel(address, credentials, options=merged))
    return grpc.secure_channel(address, _credentials(tls), options=merged)


def connect_async(
    address: str,
    tls: bool | grpc.ChannelCredentials | ClientCertificate,
    options: Iterable[tuple[str, Any]] = (),
    interceptors: Sequence[Any] = (),
) -> aio.Channel:
    """Return a channel for the running event loop, as `connect` does."""
    _check(address)
    merged = _merged(options)
    if tls is False:
        return aio.insecure_channel(address, options=merged, interceptors=interceptors)

    def secure(credentials: grpc.ChannelCredentials) -> aio.Channel:
        return aio.secure_channel(address, credentials, options=merged, interceptors=interceptors)

    return RenewedAsyncChannel(tls, secure) if isinstance(tls, ClientCertificate) else secure(_credentials(tls))


def _check(address: str) -> None:
    """Refuse a URL, for which gRPC would look up a host of that name.

    Raises:
        ValueError
    """
    if address.lower().startswith(("http://", "https://")):
        raise ValueError(
            f"{address} is a URL. Pass the host and port of the gRPC server, such as tandem.example.com:443; "
            "`tls=True` encrypts the connection, and `http=` takes the URL of the web server."
        )


def _merged(options: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    return [*{**dict(OPTIONS), **dict(options)}.items()]


def _credentials(tls: bool | grpc.ChannelCredentials) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials() if isinstance(tls, bool) else tls

"""Details of a gRPC error: a `google.rpc.Status` in the trailing metadata, packed by servers and read by clients.

grpcio-status is not used, because it overwrites trailing metadata that was set before.
"""

from __future__ import annotations

from typing import Any, Iterable

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

METADATA_KEY = "grpc-status-details-bin"


def pack(code: int, message: str, details: Iterable[Message]) -> bytes:
    """Serialize a Status, the value of the metadatum `METADATA_KEY`.

    Args:
        code: a google.rpc.Code.
    """
    status = Status(code=code, message=message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return bytes(status.SerializeToString())


def read(trailing_metadata: Iterable[Any] | None, *details: Message) -> None:
    """Fill each of these messages from the detail of its type; a message without such a detail stays empty."""
    packed_status = dict(trailing_metadata or ()).get(METADATA_KEY, b"")
    for packed in Status.FromString(packed_status).details:
        for detail in details:
            if packed.Is(detail.DESCRIPTOR):
                packed.Unpack(detail)

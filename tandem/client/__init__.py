"""A client for services that use Tandem, with typed errors, token renewal and feeds that resume by themselves.

    from tandem.client import Client

    with Client("localhost:50051", api_key="tdm_...") as client:
        client.users.GetUser(GetUserRequest(user_id="..."))

`AsyncClient` is the same for asyncio.

It depends on grpcio, protobuf and googleapis-common-protos, as the stubs do, and not on the server.
"""

from tandem.client.aio.client import AsyncClient
from tandem.client.aio.watching import AsyncWatch
from tandem.client.certificates import ClientCertificate
from tandem.client.circuit import Circuit, CircuitState
from tandem.client.client import Client
from tandem.client.errors import (
    AlreadyExists,
    Cancelled,
    ChecksumMismatch,
    Conflict,
    CursorExpired,
    CursorInvalid,
    DeadlineExceeded,
    EpochChanged,
    FieldError,
    Forbidden,
    IdempotencyKeyReused,
    InsufficientStorage,
    Internal,
    Invalid,
    Locked,
    NotFound,
    NotServed,
    QuotaExceeded,
    RangeNotSatisfiable,
    RateLimited,
    RequestInProgress,
    Stale,
    TandemError,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
    UnsupportedVersion,
)
from tandem.client.following import Patience, Resync, SnapshotEnd
from tandem.client.watching import Watch

__all__ = [
    "AlreadyExists",
    "AsyncClient",
    "AsyncWatch",
    "Cancelled",
    "ChecksumMismatch",
    "Circuit",
    "CircuitState",
    "Client",
    "ClientCertificate",
    "Conflict",
    "CursorExpired",
    "CursorInvalid",
    "DeadlineExceeded",
    "EpochChanged",
    "FieldError",
    "Forbidden",
    "IdempotencyKeyReused",
    "InsufficientStorage",
    "Internal",
    "Invalid",
    "Locked",
    "NotFound",
    "NotServed",
    "Patience",
    "QuotaExceeded",
    "RangeNotSatisfiable",
    "RateLimited",
    "RequestInProgress",
    "Resync",
    "SnapshotEnd",
    "Stale",
    "TandemError",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "UnsupportedMediaType",
    "UnsupportedVersion",
    "Watch",
]

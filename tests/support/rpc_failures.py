"""Failures of gRPC calls, as their clients see them."""

from collections.abc import Callable, Mapping
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2


class RpcFailure:
    """A failed call.

    Attributes:
        details: the unpacked details of its `google.rpc.Status`.
    """

    def __init__(self, error: Any) -> None:
        self.code: grpc.StatusCode = error.code()
        self.message: str = error.details() or ""
        self.trailing: Mapping[str, Any] = dict(error.trailing_metadata() or ())
        self.details: list[Any] = []
        if raw := self.trailing.get("grpc-status-details-bin"):
            status = status_pb2.Status.FromString(raw)
            assert (status.code, status.message) == (self.code.value[0], self.message)
            for packed in status.details:
                kind = getattr(error_details_pb2, packed.TypeName().rpartition(".")[2])
                self.details.append(kind.FromString(packed.value))

    def __repr__(self) -> str:
        return f"{self.code} {self.reason}: {self.message}"

    @property
    def reason(self) -> str:
        """Reason of its ErrorInfo; empty without one."""
        infos = [detail for detail in self.details if isinstance(detail, error_details_pb2.ErrorInfo)]
        return infos[0].reason if infos else ""

    def only(self, kind: Any) -> Any:
        """Return the one detail of this kind."""
        (found,) = [detail for detail in self.details if isinstance(detail, kind)]
        return found


def failure_of(call: Callable[..., Any], *args: Any, **kwargs: Any) -> RpcFailure:
    """Make a call that must fail, and return its failure."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*args, **kwargs)
    return RpcFailure(caught.value)

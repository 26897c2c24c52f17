"""What the steps of `try_grpc.py` are made of."""

from typing import Any

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

UNKNOWN_ID = "00000000-0000-7000-8000-000000000000"


class AnswerError(Exception):
    """The server answered, but not as the contract says."""


def expect(what: str, actual: object, expected: object) -> None:
    """Raises AnswerError unless both are equal."""
    if actual != expected:
        raise AnswerError(f"{what} should be {expected!r} and is {actual!r}.")


def show(what: str, value: object) -> None:
    print(f"  {what}: {value}")


def explain(error: grpc.RpcError) -> str:
    """Code, reason and message of a gRPC error, and what is wrong with which field."""
    told = f"{error.code().name}: {error.details()}"
    for item in error.trailing_metadata() or ():
        if item.key == "grpc-status-details-bin":
            for detail in Status.FromString(item.value).details:
                told += _explain_detail(detail)
    return told


def _explain_detail(detail: Any) -> str:
    info, bad_request = ErrorInfo(), BadRequest()
    if detail.Unpack(info):
        return f" [{info.reason}]"
    if detail.Unpack(bad_request):
        return "".join(f"\n    {v.field}: {v.description}" for v in bad_request.field_violations)
    return ""

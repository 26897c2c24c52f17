"""GetUser with an empty handler, to measure the cost of the call handling around it."""

from dataclasses import replace

from core.operations import Call
from core.rpc.servicers import service_of
from tandem.user.v1.user_pb2 import GetUserRequest, GetUserResponse
from users.rpc import UserService


def nothing(call: Call, request: GetUserRequest) -> GetUserResponse:
    return GetUserResponse()


_get_user = next(operation for operation in UserService.operations if operation.rpc == "GetUser")

services = [service_of([replace(_get_user, function=nothing)])]

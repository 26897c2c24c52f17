"""GetUser with an empty handler, to measure the cost of the call handling around it."""

from dataclasses import replace

from core.operations import Call
from core.rpc.servicers import Service, servicer
from tandem.user.v1.user_pb2 import GetUserRequest, GetUserResponse
from tandem.user.v1.user_pb2_grpc import UserServiceServicer, add_UserServiceServicer_to_server
from users.rpc import UserService


def nothing(call: Call, request: GetUserRequest) -> GetUserResponse:
    return GetUserResponse()


_get_user = next(operation for operation in UserService.operations if operation.rpc == "GetUser")

services = [
    Service(
        "user.v1.UserService",
        add_UserServiceServicer_to_server,
        servicer(UserServiceServicer, [replace(_get_user, function=nothing)]),
    )
]

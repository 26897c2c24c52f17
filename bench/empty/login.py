"""A gRPC server that only reads the account and verifies its password with argon2-cffi. It gives out no token."""

from typing import Any

import django
import grpc
from argon2 import PasswordHasher

django.setup()

from bench.empty.serving import serve  # noqa: E402
from tandem.auth.v1 import auth_pb2  # noqa: E402
from users.models import User  # noqa: E402


class Plain(grpc.GenericRpcHandler):
    """Handles every method as Login."""

    def __init__(self) -> None:
        self._verify = PasswordHasher().verify
        self._handler = grpc.unary_unary_rpc_method_handler(
            self._login, auth_pb2.LoginRequest.FromString, auth_pb2.TokenPair.SerializeToString
        )

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        return self._handler

    def _login(self, request: auth_pb2.LoginRequest, context: grpc.ServicerContext) -> auth_pb2.TokenPair:
        user = User.objects.get(email=request.email)
        self._verify(user.password.removeprefix("argon2"), request.password)
        return auth_pb2.TokenPair(access_token=str(user.pk))


if __name__ == "__main__":
    serve(Plain(), __doc__)

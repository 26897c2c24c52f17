"""auth.v1.AuthService, an rpc a function."""

from google.protobuf.empty_pb2 import Empty

from access import services
from access.messages import token_pair
from core.operations import Call, open_to
from tandem.auth.v1 import auth_pb2


@open_to(anyone=True, secret=True)
def login(call: Call, request: auth_pb2.LoginRequest) -> auth_pb2.TokenPair:
    grant = services.login(
        email=request.email, password=request.password, address=call.address, user_agent=call.user_agent
    )
    return token_pair(grant)


@open_to(anyone=True, secret=True)
def refresh_token(call: Call, request: auth_pb2.RefreshTokenRequest) -> auth_pb2.TokenPair:
    return token_pair(services.refresh(request.refresh_token, address=call.address))


@open_to(anyone=True, secret=True)
def logout(call: Call, request: auth_pb2.LogoutRequest) -> Empty:
    services.logout(request.refresh_token)
    return Empty()

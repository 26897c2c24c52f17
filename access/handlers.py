"""Handlers of auth.v1.AuthService, one per rpc.

There is no `AREA`: API keys may call only the public operations and those that need the scope `users:credentials`.
"""

from google.protobuf.empty_pb2 import Empty

from access import queries, services
from access.messages import api_key_message, session_message, token_pair
from core.conversions import read_timestamp
from core.limits import costs
from core.operations import Call, operation
from tandem.auth.v1 import auth_pb2
from users.policies import CREDENTIALS


@operation(public=True, secret=True, cost=costs.PASSWORD_HASH)
def login(call: Call, request: auth_pb2.LoginRequest) -> auth_pb2.TokenPair:
    grant = services.login(
        email=request.email, password=request.password, address=call.address, user_agent=call.user_agent
    )
    return token_pair(grant)


@operation(public=True, secret=True)
def refresh_token(call: Call, request: auth_pb2.RefreshTokenRequest) -> auth_pb2.TokenPair:
    return token_pair(services.refresh(request.refresh_token))


@operation(public=True, secret=True)
def logout(call: Call, request: auth_pb2.LogoutRequest) -> Empty:
    services.logout(request.refresh_token)
    return Empty()


def list_sessions(call: Call, request: auth_pb2.ListSessionsRequest) -> auth_pb2.ListSessionsResponse:
    current = call.credential.session_id
    sessions = queries.list_sessions(call.actor)
    return auth_pb2.ListSessionsResponse(sessions=[session_message(session, current) for session in sessions])


@operation(scope=CREDENTIALS)
def revoke_session(call: Call, request: auth_pb2.RevokeSessionRequest) -> Empty:
    services.revoke_session(call.actor, request.session_id, current=call.credential.session_id)
    return Empty()


@operation(secret=True, scope=CREDENTIALS)
def create_api_key(call: Call, request: auth_pb2.CreateApiKeyRequest) -> auth_pb2.CreateApiKeyResponse:
    key, secret = services.create_api_key(
        call.actor,
        user_id=request.user_id,
        name=request.name,
        scopes=list(request.scopes),
        expires_at=read_timestamp(request, "expires_at"),
        made_with=call.credential.key_id,
    )
    return auth_pb2.CreateApiKeyResponse(api_key=api_key_message(key), secret=secret)


def list_api_keys(call: Call, request: auth_pb2.ListApiKeysRequest) -> auth_pb2.ListApiKeysResponse:
    return auth_pb2.ListApiKeysResponse(api_keys=[api_key_message(key) for key in queries.list_api_keys(call.actor)])


@operation(scope=CREDENTIALS)
def revoke_api_key(call: Call, request: auth_pb2.RevokeApiKeyRequest) -> Empty:
    services.revoke_api_key(call.actor, request.id)
    return Empty()


@operation(secret=True)
def create_stream_ticket(
    call: Call, request: auth_pb2.CreateStreamTicketRequest
) -> auth_pb2.CreateStreamTicketResponse:
    ticket = services.create_ticket(call.actor, request.path, session_id=call.credential.session_id)
    return auth_pb2.CreateStreamTicketResponse(ticket=ticket, expires_in=services.TICKET_SECONDS)

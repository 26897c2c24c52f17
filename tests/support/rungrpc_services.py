"""The services of the servers that `tests/core/test_rungrpc.py` starts."""

import logging
import os
import time
from types import ModuleType, SimpleNamespace
from typing import cast

from django.db import connection

from core.operations import Call, operation
from core.rpc.servicers import service
from tandem.example.v1.example_pb2 import (
    DESCRIPTOR,
    CreateUserRequest,
    CreateUserResponse,
    GetUserRequest,
    GetUserResponse,
    ListUsersRequest,
    ListUsersResponse,
    User,
)

logger = logging.getLogger(__name__)


@operation(public=True)
def get_user(call: Call, request: GetUserRequest) -> GetUserResponse:
    """Wait for as many milliseconds as the id."""
    logger.warning("GetUser has begun.")
    time.sleep(request.user_id / 1000)
    return GetUserResponse(user=User(id=request.user_id))


@operation(public=True)
def create_user(call: Call, request: CreateUserRequest) -> CreateUserResponse:
    """Answer with the process id of the server."""
    return CreateUserResponse(user=User(id=os.getpid(), name=request.name))


@operation(public=True)
def list_users(call: Call, request: ListUsersRequest) -> ListUsersResponse:
    """Answer with the process id of the database connection, which it keeps busy for a moment."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), pg_sleep(0.02)")
        return ListUsersResponse(total_count=cursor.fetchone()[0])


_calls = SimpleNamespace(__name__=__name__, get_user=get_user, create_user=create_user, list_users=list_users)
services = [service(DESCRIPTOR.services_by_name["ExampleService"], cast(ModuleType, _calls))]

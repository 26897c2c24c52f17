"""Handlers of example.ExampleService, one per rpc."""

from django.core.exceptions import ValidationError

from core.db.pagination import page_size
from core.field_paths import rename_fields
from core.limits import costs
from core.operations import Call, operation
from tandem.example.v1 import example_pb2
from users import queries, services
from users.handlers.replays import CREATED_BY_NUMBER
from users.messages import example_user_message

#: API keys need the same scopes as in user.v1, because these are the same users.
AREA = "users"


def get_user(call: Call, request: example_pb2.GetUserRequest) -> example_pb2.GetUserResponse:
    user = queries.get_user_by_number(call.actor, request.user_id)
    return example_pb2.GetUserResponse(user=example_user_message(user, call.actor))


@operation(public=True, replay=CREATED_BY_NUMBER, cost=costs.PASSWORD_HASH)
def create_user(call: Call, request: example_pb2.CreateUserRequest) -> example_pb2.CreateUserResponse:
    _require(name=request.name, email=request.email)
    with rename_fields({"display_name": "name"}):
        user = services.create_user(call.actor, address=call.address, email=request.email, display_name=request.name)
    return example_pb2.CreateUserResponse(user=example_user_message(user, user))


def list_users(call: Call, request: example_pb2.ListUsersRequest) -> example_pb2.ListUsersResponse:
    size = page_size(max(request.page_size, 0), default=10)
    users, total = queries.list_users_by_number(call.actor, max(request.page, 1), size)
    return example_pb2.ListUsersResponse(
        users=[example_user_message(user, call.actor) for user in users], total_count=total
    )


def _require(**fields: str) -> None:
    errors = {
        name: ValidationError("Name and email are required", code="required")
        for name, value in fields.items()
        if not value.strip()
    }
    if errors:
        raise ValidationError(errors)

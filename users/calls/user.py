"""user.v1.UserService, an rpc a function."""

from typing import Any

from django.conf import settings
from django.utils import timezone
from google.protobuf.empty_pb2 import Empty

from core import health
from core.errors import renamed
from core.masks import written_paths
from core.messages import asked_order, asked_page, checked_numbers, pagination, read_range, set_timestamp
from core.operations import Call, open_to
from tandem.common.v1 import common_pb2
from tandem.user.v1 import user_pb2
from users import messages, queries, services
from users.messages import user_message
from users.queries import Filter


@open_to(anyone=True)
def create_user(call: Call, request: user_pb2.CreateUserRequest) -> user_pb2.CreateUserResponse:
    user = services.create_user(call.actor, address=call.address, **messages.new_user_fields(request))
    # Whoever made the account may see it whole, signed in or not.
    return user_pb2.CreateUserResponse(user=user_message(user, user))


def get_user(call: Call, request: user_pb2.GetUserRequest) -> user_pb2.GetUserResponse:
    user = queries.get_user(call.actor, request.user_id)
    return user_pb2.GetUserResponse(user=user_message(user, call.actor))


def get_user_by_email(call: Call, request: user_pb2.GetUserByEmailRequest) -> user_pb2.GetUserByEmailResponse:
    user = queries.get_user_by_email(call.actor, request.email)
    return user_pb2.GetUserByEmailResponse(user=user_message(user, call.actor))


def update_user(call: Call, request: user_pb2.UpdateUserRequest) -> user_pb2.UpdateUserResponse:
    mask = request.update_mask if request.HasField("update_mask") else None
    paths = written_paths(request.user, mask, messages.WRITABLE)
    with renamed(messages.PATHS):
        fields = messages.user_fields(request.user, paths)
        user = services.update_user(call.actor, request.user_id, fields, expected_version=call.expected_version)
    return user_pb2.UpdateUserResponse(user=user_message(user, call.actor))


def update_user_profile(call: Call, request: user_pb2.UpdateUserProfileRequest) -> user_pb2.UpdateUserProfileResponse:
    mask = request.update_mask if request.HasField("update_mask") else None
    fields = messages.profile_fields(request.profile, written_paths(request.profile, mask, messages.PROFILE))
    user = services.update_user(call.actor, request.user_id, fields, expected_version=call.expected_version)
    return user_pb2.UpdateUserProfileResponse(user=user_message(user, call.actor))


def delete_user(call: Call, request: user_pb2.DeleteUserRequest) -> Empty:
    services.delete_user(call.actor, request.user_id, reason=request.reason, expected_version=call.expected_version)
    return Empty()


def deactivate_user(call: Call, request: user_pb2.DeactivateUserRequest) -> user_pb2.DeactivateUserResponse:
    user = services.deactivate_user(
        call.actor, request.user_id, reason=request.reason, expected_version=call.expected_version
    )
    return user_pb2.DeactivateUserResponse(user=user_message(user, call.actor))


def reactivate_user(call: Call, request: user_pb2.ReactivateUserRequest) -> user_pb2.ReactivateUserResponse:
    user = services.reactivate_user(call.actor, request.user_id, expected_version=call.expected_version)
    return user_pb2.ReactivateUserResponse(user=user_message(user, call.actor))


def list_users(call: Call, request: user_pb2.ListUsersRequest) -> user_pb2.ListUsersResponse:
    page = queries.list_users(
        call.actor, asked_page(call, request.pagination), asked_order(request.sort), Filter(**_choices(request))
    )
    return user_pb2.ListUsersResponse(
        users=[user_message(user, call.actor) for user in page.rows], pagination=pagination(page)
    )


def search_users(call: Call, request: user_pb2.SearchUsersRequest) -> user_pb2.SearchUsersResponse:
    created_from, created_until = read_range(request, "created_at")
    only = Filter(**_choices(request), created_from=created_from, created_until=created_until)
    page = queries.search_users(call.actor, request.query, asked_page(call, request.pagination), only)
    return user_pb2.SearchUsersResponse(
        users=[user_message(user, call.actor) for user in page.rows], pagination=pagination(page)
    )


@open_to(anyone=True, survives_database=True)
def health_check(call: Call, request: Empty) -> common_pb2.HealthCheckResponse:
    status = {True: common_pb2.HEALTH_STATUS_HEALTHY, False: common_pb2.HEALTH_STATUS_UNHEALTHY}
    components = health.components()
    response = common_pb2.HealthCheckResponse(
        status=status[all(components.values())],
        components={name: status[works] for name, works in components.items()},
        version=settings.VERSION,
    )
    set_timestamp(response.checked_at, timezone.now())
    return response


def _choices(request: user_pb2.ListUsersRequest | user_pb2.SearchUsersRequest) -> dict[str, Any]:
    return {
        "statuses": checked_numbers(user_pb2.UserStatus.DESCRIPTOR, request.statuses, "statuses"),
        "roles": checked_numbers(user_pb2.UserRole.DESCRIPTOR, request.roles, "roles"),
    }

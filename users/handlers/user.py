"""Handlers of user.v1.UserService, one per rpc."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from core import bulk, health
from core.conversions import checked_numbers, page_request, pagination, read_range, requested_order, set_timestamp
from core.db.pagination import PageRequest, fitting
from core.errors import invalid
from core.field_paths import rename_fields
from core.limits import costs
from core.operations import Call, operation
from core.protojson.field_masks import written_paths
from core.replays import NOTHING_TO_HIDE
from tandem.common.v1 import common_pb2
from tandem.user.v1 import user_pb2
from users import messages, queries, services
from users.handlers import replays
from users.messages import address_message, user_message
from users.models import PREFERENCES
from users.policies import CREDENTIALS, PROFILE
from users.queries import Filter

#: API keys need `users:read` and `users:write`, and `users:credentials` for changes of an account's credentials.
AREA = "users"


@operation(public=True, replay=replays.CREATED, cost=costs.PASSWORD_HASH)
def create_user(call: Call, request: user_pb2.CreateUserRequest) -> user_pb2.CreateUserResponse:
    fields = messages.new_user_fields(request)
    user = services.create_user(
        call.actor, address=call.address, with_credentials=may_change_credentials(call), **fields
    )
    # The caller that created the account sees all of it, even if anonymous.
    return user_pb2.CreateUserResponse(user=user_message(user, user))


def get_user(call: Call, request: user_pb2.GetUserRequest) -> user_pb2.GetUserResponse:
    user = queries.get_user(call.actor, request.user_id)
    return user_pb2.GetUserResponse(user=user_message(user, call.actor))


def batch_get_users(call: Call, request: user_pb2.BatchGetUsersRequest) -> user_pb2.BatchGetUsersResponse:
    users, missing = queries.batch_get_users(call.actor, request.user_ids)
    shown = fitting(user_message(user, call.actor) for user in users)
    return user_pb2.BatchGetUsersResponse(users=shown, missing_ids=missing)


@operation(scope=CREDENTIALS)
def bulk_import_users(
    call: Call, items: Iterator[user_pb2.BulkImportUsersRequest | ValidationError]
) -> user_pb2.BulkImportUsersResponse:
    services.check_may_import(call.actor)
    outcome = bulk.write(
        call,
        items,
        messages.imported_fields,
        services.build_imported_users,
        services.import_users,
        answer=services.import_answer,
        paths=messages.IMPORT_PATHS,
    )
    return user_pb2.BulkImportUsersResponse(
        imported=outcome.written,
        skipped=outcome.replayed,
        errors=[user_pb2.ImportError(**bulk.error_fields(*error)) for error in outcome.errors],
        committed_through=outcome.through,
    )


def get_user_by_email(call: Call, request: user_pb2.GetUserByEmailRequest) -> user_pb2.GetUserByEmailResponse:
    user = queries.get_user_by_email(call.actor, request.email)
    return user_pb2.GetUserByEmailResponse(user=user_message(user, call.actor))


@operation(other_scope=CREDENTIALS, replay=replays.USER)
def update_user(call: Call, request: user_pb2.UpdateUserRequest) -> user_pb2.UpdateUserResponse:
    paths = _written_paths(request, request.user, messages.WRITABLE)
    with rename_fields(messages.PATHS):
        fields = messages.user_fields(request.user, paths) | call.map_changes
        user = services.update_user(
            call.actor,
            request.user_id,
            fields,
            expected_version=call.expected_version,
            with_profile=call.has_scope(PROFILE),
            with_credentials=may_change_credentials(call),
        )
    return user_pb2.UpdateUserResponse(user=user_message(user, call.actor))


@operation(replay=replays.USER)
def update_user_profile(call: Call, request: user_pb2.UpdateUserProfileRequest) -> user_pb2.UpdateUserProfileResponse:
    fields = messages.profile_fields(request.profile, _written_paths(request, request.profile, messages.PROFILE))
    fields |= call.map_changes
    user = services.update_user(call.actor, request.user_id, fields, expected_version=call.expected_version)
    return user_pb2.UpdateUserProfileResponse(user=user_message(user, call.actor))


@operation(scope=CREDENTIALS)
def delete_user(call: Call, request: user_pb2.DeleteUserRequest) -> Empty:
    services.delete_user(call.actor, request.user_id, reason=request.reason, expected_version=call.expected_version)
    return Empty()


@operation(scope=CREDENTIALS, replay=replays.USER)
def deactivate_user(call: Call, request: user_pb2.DeactivateUserRequest) -> user_pb2.DeactivateUserResponse:
    user = services.deactivate_user(
        call.actor, request.user_id, reason=request.reason, expected_version=call.expected_version
    )
    return user_pb2.DeactivateUserResponse(user=user_message(user, call.actor))


@operation(scope=CREDENTIALS, replay=replays.USER)
def reactivate_user(call: Call, request: user_pb2.ReactivateUserRequest) -> user_pb2.ReactivateUserResponse:
    user = services.reactivate_user(call.actor, request.user_id, expected_version=call.expected_version)
    return user_pb2.ReactivateUserResponse(user=user_message(user, call.actor))


def list_users(call: Call, request: user_pb2.ListUsersRequest) -> user_pb2.ListUsersResponse:
    page = queries.list_users(
        call.actor, _page_request(call, request.pagination), requested_order(request.sort), Filter(**_choices(request))
    )
    return user_pb2.ListUsersResponse(users=page.messages, pagination=pagination(page))


@operation(cost=costs.SEARCH)
def search_users(call: Call, request: user_pb2.SearchUsersRequest) -> user_pb2.SearchUsersResponse:
    created_from, created_until = read_range(request, "created_at")
    only = Filter(**_choices(request), created_from=created_from, created_until=created_until)
    page = queries.search_users(call.actor, request.query, _page_request(call, request.pagination), only)
    return user_pb2.SearchUsersResponse(users=page.messages, pagination=pagination(page))


@operation(replay=replays.SENT)
def verify_email(call: Call, request: user_pb2.VerifyEmailRequest) -> user_pb2.VerifyEmailResponse:
    sent = services.verify_email(call.actor, request.user_id)
    return user_pb2.VerifyEmailResponse(sent=sent, message=messages.VERIFY_EMAIL[sent])


@operation(public=True, replay=replays.CONFIRMED)
def confirm_email_verification(
    call: Call, request: user_pb2.ConfirmEmailVerificationRequest
) -> user_pb2.ConfirmEmailVerificationResponse:
    user = services.confirm_email_verification(request.token)
    return user_pb2.ConfirmEmailVerificationResponse(verified=True, user_id=str(user.pk))


@operation(secret=True, scope=CREDENTIALS, cost=costs.PASSWORD_HASH)
def change_password(call: Call, request: user_pb2.ChangePasswordRequest) -> Empty:
    services.change_password(
        call.actor,
        request.user_id,
        current_password=request.current_password,
        new_password=request.new_password,
        expected_version=call.expected_version,
    )
    return Empty()


@operation(public=True, replay=NOTHING_TO_HIDE)
def request_password_reset(
    call: Call, request: user_pb2.RequestPasswordResetRequest
) -> user_pb2.RequestPasswordResetResponse:
    services.request_password_reset(email=request.email, address=call.address)
    return user_pb2.RequestPasswordResetResponse(sent=True, message=messages.RESET_REQUESTED)


@operation(public=True, secret=True, cost=costs.PASSWORD_HASH)
def reset_password(call: Call, request: user_pb2.ResetPasswordRequest) -> Empty:
    services.reset_password(token=request.token, new_password=request.new_password)
    return Empty()


def get_user_preferences(
    call: Call, request: user_pb2.GetUserPreferencesRequest
) -> user_pb2.GetUserPreferencesResponse:
    user = queries.get_private(call.actor, request.user_id)
    return user_pb2.GetUserPreferencesResponse(preferences=messages.preferences_message(user))


@operation(replay=replays.PREFERENCES)
def update_user_preferences(
    call: Call, request: user_pb2.UpdateUserPreferencesRequest
) -> user_pb2.UpdateUserPreferencesResponse:
    fields = messages.preference_fields(
        request.preferences, _written_paths(request, request.preferences, tuple(PREFERENCES))
    )
    user = services.update_preferences(call.actor, request.user_id, fields, expected_version=call.expected_version)
    return user_pb2.UpdateUserPreferencesResponse(preferences=messages.preferences_message(user))


@operation(replay=replays.ADDRESS)
def add_user_address(call: Call, request: user_pb2.AddUserAddressRequest) -> user_pb2.AddUserAddressResponse:
    with rename_fields(messages.ADDRESS_PATHS):
        fields = messages.address_fields(request.address, messages.WRITABLE_OF_ADDRESS)
        address = services.add_address(call.actor, request.user_id, **fields)
    return user_pb2.AddUserAddressResponse(address=address_message(address))


@operation(replay=replays.ADDRESS)
def update_user_address(call: Call, request: user_pb2.UpdateUserAddressRequest) -> user_pb2.UpdateUserAddressResponse:
    paths = _written_paths(request, request.address, messages.WRITABLE_OF_ADDRESS)
    with rename_fields(messages.ADDRESS_PATHS):
        address = services.update_address(
            call.actor,
            request.user_id,
            request.address_id,
            messages.address_fields(request.address, paths),
            expected_version=call.expected_version,
        )
    return user_pb2.UpdateUserAddressResponse(address=address_message(address))


def delete_user_address(call: Call, request: user_pb2.DeleteUserAddressRequest) -> Empty:
    services.delete_address(call.actor, request.user_id, request.address_id, expected_version=call.expected_version)
    return Empty()


def list_user_addresses(call: Call, request: user_pb2.ListUserAddressesRequest) -> user_pb2.ListUserAddressesResponse:
    addresses = queries.list_addresses(call.actor, request.user_id, messages.read_address_type(request))
    return user_pb2.ListUserAddressesResponse(addresses=[address_message(address) for address in addresses])


@operation(replay=replays.ADDRESS)
def set_default_address(call: Call, request: user_pb2.SetDefaultAddressRequest) -> user_pb2.SetDefaultAddressResponse:
    use = messages.read_address_type(request)
    if not use:
        raise invalid("type", "required", "Choose a use: shipping, billing or both.")
    address = services.set_default_address(
        call.actor, request.user_id, request.address_id, use, expected_version=call.expected_version
    )
    return user_pb2.SetDefaultAddressResponse(address=address_message(address))


@operation(public=True, works_without_database=True)
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


def may_change_credentials(call: Call) -> bool:
    """Return whether the credential of the call permits changes of an account's credentials.

    A call without an API key has no scopes and is not limited by them (`core.execution.authorize`), so that anonymous
    callers can sign up with a password.
    """
    return call.has_scope(CREDENTIALS)


def _page_request(call: Call, pagination: common_pb2.PaginationRequest) -> PageRequest:
    return page_request(call, pagination, lambda user: user_message(user, call.actor))


def _written_paths(request: Any, resource: Message, writable: Sequence[str]) -> list[str]:
    """Return the paths that a request with an `update_mask` writes."""
    return written_paths(resource, request.update_mask if request.HasField("update_mask") else None, writable)


def _choices(request: user_pb2.ListUsersRequest | user_pb2.SearchUsersRequest) -> dict[str, Any]:
    return {
        "statuses": checked_numbers(user_pb2.UserStatus.DESCRIPTOR, request.statuses, "statuses"),
        "roles": checked_numbers(user_pb2.UserRole.DESCRIPTOR, request.roles, "roles"),
    }

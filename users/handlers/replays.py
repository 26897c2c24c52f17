"""Replays of stored responses about users, reduced to what the caller may see of the user now."""

from typing import Any
from uuid import UUID

from core.auth import scope_lacking
from core.db import ids
from core.operations import Call
from core.replays import Replay
from tandem.example.v1 import example_pb2
from tandem.user.v1 import user_pb2
from users import messages, policies, queries, services
from users.models import User, UserAddress


def _show_user(call: Call, request: Any, answer: Any) -> Any:
    user = queries.get_user(call.actor, answer.user.id)
    if policies.may_read_everything(call.actor, user):
        return answer
    return type(answer)(user=messages.reduced_user(answer.user))


def _show_created(call: Call, request: Any, answer: user_pb2.CreateUserResponse) -> Any:
    """Return the response unchanged to an anonymous caller, who must repeat the whole request with its password."""
    if (request.password or request.roles) and not call.has_scope(policies.CREDENTIALS):
        raise scope_lacking(policies.CREDENTIALS)
    if call.actor.is_authenticated:
        return _show_user(call, request, answer)
    return answer


def _show_created_by_number(call: Call, request: Any, answer: example_pb2.CreateUserResponse) -> Any:
    if not call.actor.is_authenticated:
        return answer
    user = queries.get_user_by_number(call.actor, answer.user.id)
    if policies.may_read_everything(call.actor, user):
        return answer
    return example_pb2.CreateUserResponse(user=example_pb2.User(id=answer.user.id, name=answer.user.name))


def _id_by_number(call: Call, request: Any, answer: example_pb2.CreateUserResponse) -> UUID:
    return User.objects.values_list("pk", flat=True).get(number=answer.user.id)


def _show_address(call: Call, request: Any, answer: Any) -> Any:
    user = queries.get_private(call.actor, answer.address.user_id)
    if not user.addresses.filter(pk=answer.address.id).exists():
        raise UserAddress.DoesNotExist(f"Address not found: {answer.address.id}")
    return answer


def _show_preferences(call: Call, request: user_pb2.UpdateUserPreferencesRequest, answer: Any) -> Any:
    queries.get_private(call.actor, request.user_id)
    return answer


def _show_sent(call: Call, request: user_pb2.VerifyEmailRequest, answer: Any) -> Any:
    services.get_user_to_verify(call.actor, request.user_id)
    return answer


def _id_in_request(call: Call, request: Any, answer: Any) -> UUID | None:
    return queries.resolve_id(call.actor, request.user_id)


USER = Replay(subject=lambda call, request, answer: answer.user.id, show=_show_user)
CREATED = Replay(subject=lambda call, request, answer: answer.user.id, show=_show_created)
CREATED_BY_NUMBER = Replay(subject=_id_by_number, show=_show_created_by_number)
ADDRESS = Replay(subject=lambda call, request, answer: answer.address.user_id, show=_show_address)
PREFERENCES = Replay(subject=_id_in_request, show=_show_preferences)
SENT = Replay(subject=_id_in_request, show=_show_sent)
#: The caller is the holder of the mailed token.
CONFIRMED = Replay(
    subject=lambda call, request, answer: ids.parsed(answer.user_id), show=lambda call, request, answer: answer
)

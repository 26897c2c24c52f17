import uuid

import pytest

from tandem.user.v1.user_pb2 import BatchGetUsersRequest
from tests.support.factories import UserFactory
from tests.support.transports import Failed, Transport
from users.models import Status, User


def test_users_are_returned_in_requested_order_without_repetition(api: Transport, ann: User, bob: User) -> None:
    asked = [str(bob.pk), "me", str(bob.pk).upper(), str(ann.pk)]
    answer = api("UserService/BatchGetUsers", BatchGetUsersRequest(user_ids=asked), actor=ann)
    assert [user.id for user in answer.users] == [str(bob.pk), str(ann.pk)]
    assert list(answer.missing_ids) == []


def test_users_are_returned_as_by_get_user(api: Transport, ann: User, bob: User) -> None:
    answer = api("UserService/BatchGetUsers", BatchGetUsersRequest(user_ids=[str(bob.pk), "me"]), actor=ann)
    assert [user.email for user in answer.users] == ["", ann.email]


def test_unknown_and_invisible_users_are_missing(api: Transport, ann: User) -> None:
    closed, nobody = UserFactory(status=Status.DEACTIVATED), str(uuid.uuid4())
    asked = [str(closed.pk), nobody, "no id", "\0"]
    answer = api("UserService/BatchGetUsers", BatchGetUsersRequest(user_ids=asked), actor=ann)
    assert (list(answer.users), list(answer.missing_ids)) == ([], asked)


def test_empty_request_returns_no_users(api: Transport, ann: User) -> None:
    answer = api("UserService/BatchGetUsers", BatchGetUsersRequest(), actor=ann)
    assert (len(answer.users), len(answer.missing_ids)) == (0, 0)


def test_at_most_a_hundred_ids_are_accepted(api: Transport, ann: User) -> None:
    api("UserService/BatchGetUsers", BatchGetUsersRequest(user_ids=["me"] * 100), actor=ann)
    with pytest.raises(Failed) as failed:
        api("UserService/BatchGetUsers", BatchGetUsersRequest(user_ids=["me"] * 101), actor=ann)
    assert failed.value.fields == {"user_ids": "max_items"}


def test_batch_is_read_in_one_query(api: Transport, ann: User, django_assert_num_queries: object) -> None:
    users = UserFactory.create_batch(5)
    asked = BatchGetUsersRequest(user_ids=[str(user.pk) for user in users])
    api("UserService/BatchGetUsers", asked, actor=ann)  # The credential is known from now on.
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert len(api("UserService/BatchGetUsers", asked, actor=ann).users) == 5

import pytest

from access.models import Session
from changes.models import Change
from tandem.user.v1.user_pb2 import CreateUserRequest, DeleteUserRequest
from tests.support.factories import TaskFactory
from tests.support.transports import Failed, Transport
from users.models import User

DELETE = "UserService/DeleteUser"


def test_deleted_user_is_not_found(api: Transport, ann: User, administrator: User) -> None:
    request = DeleteUserRequest(user_id=str(ann.pk))
    api(DELETE, request, actor=administrator)
    assert not User.objects.filter(pk=ann.pk).exists()
    with pytest.raises(Failed) as failed:
        api(DELETE, request, actor=administrator)
    assert (failed.value.reason, failed.value.message) == ("NOT_FOUND", f"User not found: {ann.pk}")


def test_the_log_keeps_only_the_id(api: Transport, administrator: User) -> None:
    user = api("UserService/CreateUser", CreateUserRequest(email="new@example.com"), actor=administrator).user
    api(DELETE, DeleteUserRequest(user_id=user.id, reason="asked for it"), actor=administrator)
    changes = Change.objects.filter(subject_type="user", subject_id=user.id).order_by("id")
    assert [change.operation for change in changes] == ["created", "deleted"]
    assert all(change.old is None and change.new is None for change in changes)


def test_sessions_go_with_it(api: Transport, ann: User, administrator: User) -> None:
    Session.objects.create(user=ann)
    api(DELETE, DeleteUserRequest(user_id=str(ann.pk)), actor=administrator)
    assert not Session.objects.filter(user_id=ann.pk).exists()


def test_rows_of_a_deleted_user_remain_without_author(
    api: Transport, ann: User, bob: User, administrator: User
) -> None:
    User.objects.filter(pk=bob.pk).update(created_by=ann)
    api(DELETE, DeleteUserRequest(user_id=str(ann.pk)), actor=administrator)
    bob.refresh_from_db()
    assert bob.created_by_id is None


def test_tasks_remain_and_the_log_names_the_deleting_actor(
    api: Transport, ann: User, bob: User, administrator: User
) -> None:
    made, assigned = TaskFactory(created_by=ann, assigned_to=bob), TaskFactory(created_by=bob, assigned_to=ann)
    api(DELETE, DeleteUserRequest(user_id=str(ann.pk)), actor=administrator)
    for task, field in ((made, "created_by_id"), (assigned, "assigned_to_id")):
        task.refresh_from_db()
        assert (getattr(task, field), task.version) == (None, 2)
        change = Change.objects.filter(subject_id=task.pk).latest("id")
        assert (change.actor, change.changed_fields) == (str(administrator.pk), [field])


def test_user_may_delete_the_own_account(api: Transport, ann: User) -> None:
    api(DELETE, DeleteUserRequest(user_id="me"), actor=ann)
    assert not User.objects.filter(pk=ann.pk).exists()


def test_colleagues_may_not(api: Transport, ann: User, bob: User, support: User) -> None:
    for actor in (bob, support):
        with pytest.raises(Failed) as failed:
            api(DELETE, DeleteUserRequest(user_id=str(ann.pk)), actor=actor)
        assert failed.value.reason == "FORBIDDEN"


def test_the_last_administrator_stays(api: Transport, administrator: User) -> None:
    with pytest.raises(Failed) as failed:
        api(DELETE, DeleteUserRequest(user_id="me"), actor=administrator)
    assert failed.value.reason == "CONFLICT"


def test_a_stale_version_deletes_nothing(api: Transport, ann: User, administrator: User) -> None:
    with pytest.raises(Failed) as failed:
        api(DELETE, DeleteUserRequest(user_id=str(ann.pk)), actor=administrator, if_match='"2"')
    assert failed.value.reason == "STALE"
    assert User.objects.filter(pk=ann.pk).exists()

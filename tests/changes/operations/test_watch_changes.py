"""WatchChanges below the transports: the results of its handler, from the threads of a real process."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from changes import feed, handlers
from changes.services import acting
from core.auth import Credential
from core.errors import CursorInvalid, EpochChanged, Unavailable
from core.operations import Call
from tandem.change.v1 import change_pb2
from tandem.change.v1.change_pb2 import WatchChangesRequest
from tests.support.factories import AdministratorFactory, UserFactory
from tests.support.servers import until
from tests.support.streams import Stream
from tests.support.transports import OPERATIONS
from users.models import Role, Status, User
from users.services import delete_user


@pytest.fixture
def serving(transactional_db: None) -> Iterator[None]:
    feed.start()
    feed.start()
    until(lambda: feed.live.known_head is not None)
    yield
    feed.stop()
    feed.stop()
    assert not {thread.name for thread in threading.enumerate()} & {"numberer", "tailer"}


def watch(actor: User, **request: Any) -> Stream:
    operation = replace(OPERATIONS["ChangeService/ListChanges"], name="change.v1.ChangeService/WatchChanges")
    call = Call(operation, credential=Credential(actor))
    return Stream(handlers.watch_changes(call, WatchChangesRequest(**request)))


def test_a_copy_of_all_users_is_kept(serving: None) -> None:
    root = AdministratorFactory()
    UserFactory.create_batch(3)
    stream = watch(root, include_initial=True, bookmarks=True)
    stream.take_until(lambda stream: stream.outline[-1:] == [("snapshot_end", "")])
    assert {change.subject_id for change in stream.changes[:-1]} == {str(user.pk) for user in User.objects.all()}
    assert {(change.kind, change.actor_id) for change in stream.changes[:-1]} == {
        (change_pb2.CHANGE_KIND_CREATED, "system")
    }
    with acting(root, "because"):
        new = UserFactory(first_name="New")
    User.objects.filter(pk=new.pk).update(roles=[Role.SUPPORT])
    # A subject that is forgotten before it is read is only sent as deleted.
    stream.take_until(lambda stream: stream.outline[-1][0] == "updated")
    delete_user(root, str(new.pk), reason="gone")
    stream.take_until(lambda stream: stream.outline[-1][0] == "deleted")
    created, updated, deleted = stream.changes[-3:]
    assert created.user.first_name == "New"
    assert created.actor_id == str(root.pk)
    assert created.reason == "because"
    assert list(updated.changed_fields) == ["roles"]
    assert (deleted.kind, deleted.HasField("user")) == (change_pb2.CHANGE_KIND_DELETED, False)
    stream.close()


def test_an_account_that_is_closed_leaves_the_view(serving: None) -> None:
    ann, bob = UserFactory(), UserFactory()
    streams = [watch(who) for who in (ann, bob, AdministratorFactory())]
    User.objects.filter(pk=bob.pk).update(status=Status.DEACTIVATED)
    for stream, received in zip(streams, [("deleted", "left"), ("updated", ""), ("updated", "")], strict=True):
        stream.take_until(lambda stream: any(change.subject_id == str(bob.pk) for change in stream.changes))
        assert stream.outline[-1] == received
        stream.close()


def test_stream_resumes_from_a_cursor(serving: None) -> None:
    root = AdministratorFactory()
    stream = watch(root)
    UserFactory(first_name="one")
    # What was written before the watch may get its number after it, and is received as well.
    stream.take_until(lambda stream: any(change.user.first_name == "one" for change in stream.changes))
    stream.close()
    UserFactory(first_name="two")
    again = watch(root, cursor=stream.cursor).take_until(lambda stream: bool(stream.events))
    assert again.changes[0].user.first_name == "two"
    again.close()
    with pytest.raises(CursorInvalid):
        watch(root, cursor="x" * 64)


def test_changed_rights_end_the_stream_with_a_new_epoch(serving: None) -> None:
    root = AdministratorFactory()
    stream = watch(root)
    User.objects.filter(pk=root.pk).update(roles=[Role.CUSTOMER])
    stream.watch.authorize(User.objects.get(pk=root.pk))
    stream.take_all()
    assert isinstance(stream.ended, EpochChanged)
    stream.close()


def test_bad_requests(serving: None) -> None:
    root = AdministratorFactory()
    with pytest.raises(ValidationError) as refused:
        watch(root, subject_types=["moon"])
    assert list(refused.value.message_dict) == ["subject_types.0"]
    with pytest.raises(ValidationError) as refused:
        watch(root, cursor="x", include_initial=True)
    assert list(refused.value.message_dict) == ["cursor"]


def test_process_without_streams_is_unavailable(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "live", type(feed.live)())
    with pytest.raises(Unavailable):
        watch(AdministratorFactory())

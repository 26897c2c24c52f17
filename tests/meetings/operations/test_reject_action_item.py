import pytest

from changes.models import Change
from meetings.models import ActionItem, ActionItemStatus
from tandem.meeting.v1 import meeting_pb2
from tandem.meeting.v1.meeting_pb2 import AcceptActionItemRequest, RejectActionItemRequest
from tandem.task.v1.task_pb2 import DeleteTaskRequest
from tasks.models import Task
from tests.support.factories import ActionItemFactory, TranscribedMeetingFactory
from tests.support.transports import Failed, Transport
from users.models import User

REJECT = "MeetingService/RejectActionItem"


def rejected(item: ActionItem) -> RejectActionItemRequest:
    return RejectActionItemRequest(meeting_id=str(item.meeting_id), item_id=str(item.pk))


@pytest.fixture
def item(ann: User, bob: User) -> ActionItem:
    meeting = TranscribedMeetingFactory(owner=ann, participants=[bob.pk])
    return ActionItemFactory(meeting=meeting)  # type: ignore[no-any-return]


def test_every_participant_may_reject(api: Transport, item: ActionItem, bob: User) -> None:
    answer = api.answer(REJECT, rejected(item), actor=bob)
    received = answer.message.action_item
    assert (received.status, received.decided_by) == (meeting_pb2.ACTION_ITEM_STATUS_REJECTED, str(bob.pk))
    assert received.HasField("decided_at")
    assert received.task_id == ""
    assert received.version == 2
    assert answer.version == 2
    assert not Task.objects.exists()
    assert Change.objects.filter(subject_type="meeting.action_item").latest("id").actor == str(bob.pk)


def test_rejecting_it_again_is_harmless(api: Transport, item: ActionItem, ann: User, bob: User) -> None:
    first = api(REJECT, rejected(item), actor=bob, if_match='"1"').action_item
    assert api(REJECT, rejected(item), actor=ann, if_match='"1"').action_item == first


def test_rejected_item_can_still_be_accepted(api: Transport, item: ActionItem, ann: User) -> None:
    api(REJECT, rejected(item), actor=ann)
    request = AcceptActionItemRequest(meeting_id=str(item.meeting_id), item_id=str(item.pk))
    received = api("MeetingService/AcceptActionItem", request, actor=ann).action_item
    assert (received.status, received.version) == (meeting_pb2.ACTION_ITEM_STATUS_ACCEPTED, 3)
    assert Task.objects.filter(pk=received.task_id).exists()


def test_accepted_item_cannot_be_rejected(api: Transport, item: ActionItem, ann: User) -> None:
    request = AcceptActionItemRequest(meeting_id=str(item.meeting_id), item_id=str(item.pk))
    api("MeetingService/AcceptActionItem", request, actor=ann)
    with pytest.raises(Failed) as failed:
        api(REJECT, rejected(item), actor=ann)
    assert failed.value.reason == "CONFLICT"
    assert failed.value.message == "This action item is accepted; delete its task first."
    item.refresh_from_db()
    assert (item.status, item.version) == (ActionItemStatus.ACCEPTED, 2)


def test_once_its_task_is_deleted_it_is_rejected(api: Transport, item: ActionItem, ann: User, bob: User) -> None:
    request = AcceptActionItemRequest(meeting_id=str(item.meeting_id), item_id=str(item.pk))
    task_id = api("MeetingService/AcceptActionItem", request, actor=ann).action_item.task_id
    api("TaskService/DeleteTask", DeleteTaskRequest(id=task_id), actor=ann)
    received = api(REJECT, rejected(item), actor=bob, if_match='"2"').action_item
    assert (received.status, received.task_id) == (meeting_pb2.ACTION_ITEM_STATUS_REJECTED, "")
    assert (received.decided_by, received.version) == (str(bob.pk), 3)


def test_a_stale_version_changes_nothing(api: Transport, item: ActionItem, ann: User) -> None:
    with pytest.raises(Failed) as failed:
        api(REJECT, rejected(item), actor=ann, if_match='"2"')
    assert (failed.value.reason, failed.value.metadata) == ("STALE", {"current_version": "1"})


def test_unknown_ids_are_not_found(api: Transport, item: ActionItem, ann: User, support: User) -> None:
    elsewhere, malformed = rejected(item), rejected(item)
    elsewhere.meeting_id = str(TranscribedMeetingFactory(owner=ann).pk)
    malformed.item_id = "a\0b"
    for request, actor in ((elsewhere, ann), (malformed, ann), (rejected(item), support)):
        with pytest.raises(Failed) as failed:
            api(REJECT, request, actor=actor)
        assert failed.value.reason == "NOT_FOUND"


def test_a_key_rejects_once(api: Transport, item: ActionItem, ann: User) -> None:
    answers = [api.answer(REJECT, rejected(item), actor=ann, idempotency_key="one") for _ in range(2)]
    assert [answer.replayed for answer in answers] == [False, True]

import threading
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from google.protobuf.timestamp_pb2 import Timestamp
from prometheus_client import REGISTRY

from changes.models import Change
from core.db.ids import uuid7
from meetings.models import ActionItem, ActionItemStatus
from tandem.meeting.v1 import meeting_pb2
from tandem.meeting.v1.meeting_pb2 import AcceptActionItemRequest
from tandem.task.v1.task_pb2 import DeleteTaskRequest, GetTaskRequest
from tandem.user.v1.user_pb2 import DeleteUserRequest
from tasks.models import Task
from tests.support.factories import (
    ActionItemFactory,
    SegmentFactory,
    SpeakerFactory,
    TranscribedMeetingFactory,
    UserFactory,
)
from tests.support.grpc_transport import GrpcTransport
from tests.support.servers import until
from tests.support.transports import Failed, Transport
from users.models import Status, User

ACCEPT = "MeetingService/AcceptActionItem"


def accepted(item: ActionItem, **fields: Any) -> AcceptActionItemRequest:
    return AcceptActionItemRequest(meeting_id=str(item.meeting_id), item_id=str(item.pk), **fields)


def made_of(owner: User, *participants: User, **fields: Any) -> ActionItem:
    meeting = TranscribedMeetingFactory(
        owner=owner, participants=[participant.pk for participant in participants], title="Weekly planning"
    )
    return ActionItemFactory(meeting=meeting, **fields)  # type: ignore[no-any-return]


@pytest.fixture
def item(ann: User, bob: User) -> ActionItem:
    return made_of(ann, bob, text="send the report")


def test_accepting_creates_the_task(api: Transport, item: ActionItem, ann: User) -> None:
    before = REGISTRY.get_sample_value("tandem_tasks_created_total") or 0
    answer = api.answer(ACCEPT, accepted(item), actor=ann)
    received = answer.message.action_item
    assert (received.status, received.decided_by) == (meeting_pb2.ACTION_ITEM_STATUS_ACCEPTED, str(ann.pk))
    assert received.HasField("decided_at")
    assert received.version == 2
    assert answer.version == 2
    task = api("TaskService/GetTask", GetTaskRequest(id=received.task_id), actor=ann)
    assert (task.title, task.source) == ("send the report", f"meetings/{item.meeting_id}")
    assert task.created_by == str(ann.pk)
    assert task.assigned_to == str(ann.pk)
    assert not task.HasField("due_date")
    assert dict(task.metadata) == {"action_item_id": str(item.pk)}
    logged = Change.objects.filter(subject_type="meeting.action_item").latest("id")
    assert logged.actor == str(ann.pk)
    assert logged.xid == Change.objects.get(subject_type="task").xid
    assert REGISTRY.get_sample_value("tandem_tasks_created_total") == before + 1


def test_every_participant_may_accept(api: Transport, item: ActionItem, bob: User) -> None:
    received = api(ACCEPT, accepted(item), actor=bob).action_item
    task = Task.objects.get(pk=received.task_id)
    assert received.decided_by == str(bob.pk)
    assert task.created_by == bob
    assert task.assigned_to == bob


def test_task_is_assigned_to_the_named_person(api: Transport, ann: User, bob: User) -> None:
    api(ACCEPT, accepted(made_of(ann, bob, assigned_to=bob)), actor=ann)
    assert Task.objects.get().assigned_to == bob


def test_closed_account_is_assigned_no_task(api: Transport, ann: User) -> None:
    closed = UserFactory(status=Status.DEACTIVATED)
    api(ACCEPT, accepted(made_of(ann, closed, assigned_to=closed)), actor=ann)
    assert Task.objects.get().assigned_to == ann


def test_assignee_deleted_in_between_is_ignored(api: Transport, ann: User, administrator: User) -> None:
    carl = UserFactory()
    item = made_of(ann, carl, assigned_to=carl, owner_name="Carl")
    api("UserService/DeleteUser", DeleteUserRequest(user_id=str(carl.pk)), actor=administrator)
    received = api(ACCEPT, accepted(item), actor=ann).action_item
    assert (received.assigned_to, received.owner_name) == ("", "Carl")
    assert Task.objects.get().assigned_to == ann


def test_sent_fields_override_the_item(api: Transport, ann: User, bob: User) -> None:
    item = made_of(ann, bob, assigned_to=bob, due_on=date(2027, 1, 8))
    due = datetime(2027, 1, 7, 12, 0, tzinfo=UTC)
    api(ACCEPT, accepted(item, title=" Report ", assigned_to="me", due_date=due), actor=ann)
    task = Task.objects.get()
    assert task.title == "Report"
    assert task.assigned_to == ann
    assert task.due_date == due


def test_task_is_due_at_the_end_of_the_day(api: Transport, ann: User) -> None:
    api(ACCEPT, accepted(made_of(ann, due="by friday", due_on=date(2027, 1, 8))), actor=ann)
    assert Task.objects.get().due_date == datetime(2027, 1, 8, 23, 59, 59, tzinfo=UTC)


def test_the_last_day_of_the_calendar_ends_in_utc(api: Transport, ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(timezone="America/Los_Angeles")
    api(ACCEPT, accepted(made_of(ann, due_on=date(9999, 12, 31))), actor=ann)
    assert Task.objects.get().due_date == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_day_of_a_task_ends_in_the_time_zone_of_the_owner(api: Transport, ann: User, bob: User) -> None:
    User.objects.filter(pk=ann.pk).update(timezone="America/Los_Angeles")
    User.objects.filter(pk=bob.pk).update(timezone="Asia/Tokyo")
    api(ACCEPT, accepted(made_of(ann, bob, due="by friday", due_on=date(2027, 1, 8))), actor=bob)
    assert Task.objects.get().due_date == datetime(2027, 1, 9, 7, 59, 59, tzinfo=UTC)


def test_description_names_the_place_in_the_transcript(api: Transport, ann: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann, title="Weekly planning")
    speaker = SpeakerFactory(meeting=meeting, name="Bob")
    later = SegmentFactory(meeting=meeting, start_ms=3_725_900, text="Until Friday.")
    sooner = SegmentFactory(meeting=meeting, start_ms=65_000, text="I send it.", speaker_id=speaker.pk)
    item = ActionItemFactory(meeting=meeting, text="send it\nto all", segment_ids=[later.pk, sooner.pk, uuid7()])
    api(ACCEPT, accepted(item), actor=ann)
    task = Task.objects.get()
    assert task.title == "send it to all"
    assert task.description == (
        "send it\nto all\n\nSaid in the meeting “Weekly planning”:\n01:05 Bob: I send it.\n62:05 Until Friday."
    )


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("word " * 60, "word " * 39 + "…"),
        ("x" * 201, "x" * 199 + "…"),
        ("x" * 200, "x" * 200),
    ],
)
def test_a_long_text_is_cut_at_a_word(api: Transport, ann: User, text: str, title: str) -> None:
    api(ACCEPT, accepted(made_of(ann, text=text.strip())), actor=ann)
    task = Task.objects.get()
    assert (task.title, task.description) == (title, text.strip())


def test_a_description_ends_where_a_task_ends(api: Transport, ann: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann)
    segment = SegmentFactory(meeting=meeting, recognized_text="y" * 9_000)
    api(ACCEPT, accepted(ActionItemFactory(meeting=meeting, text="x" * 9_000, segment_ids=[segment.pk])), actor=ann)
    assert len(Task.objects.get().description) == 10_000


def test_accepting_it_again_answers_the_same(api: Transport, item: ActionItem, ann: User, bob: User) -> None:
    first = api(ACCEPT, accepted(item), actor=ann, if_match='"1"').action_item
    assert api(ACCEPT, accepted(item), actor=ann, if_match='"1"').action_item == first
    assert api(ACCEPT, accepted(item, title="Another"), actor=bob).action_item == first
    assert Task.objects.get().title == "send the report"


def test_item_whose_task_was_deleted_can_be_accepted_again(
    api: Transport, item: ActionItem, ann: User, bob: User
) -> None:
    first = api(ACCEPT, accepted(item), actor=ann).action_item
    api("TaskService/DeleteTask", DeleteTaskRequest(id=first.task_id), actor=ann)
    with pytest.raises(Failed) as failed:
        api(ACCEPT, accepted(item), actor=bob, if_match='"1"')
    assert failed.value.reason == "STALE"
    second = api(ACCEPT, accepted(item), actor=bob, if_match='"2"').action_item
    assert second.status == first.status
    assert second.decided_by == str(bob.pk)
    assert second.version == 3
    assert second.task_id == str(Task.objects.get().pk) != first.task_id
    assert api(ACCEPT, accepted(item), actor=ann, if_match='"2"').action_item == second


def test_a_key_accepts_once(api: Transport, item: ActionItem, ann: User) -> None:
    answers = [api.answer(ACCEPT, accepted(item), actor=ann, idempotency_key="one") for _ in range(2)]
    assert [answer.replayed for answer in answers] == [False, True]
    assert answers[0].message == answers[1].message
    other = api.answer(ACCEPT, accepted(item), actor=ann, idempotency_key="two")
    assert (other.replayed, other.message) == (False, answers[0].message)
    assert Task.objects.count() == 1


@pytest.mark.parametrize("keys", [(None, None), ("one", "one"), ("one", "two")])
def test_two_at_once_make_one_task(committing_api: Transport, keys: tuple[str | None, str | None]) -> None:
    """Both calls wait for the row, which a third connection holds, and continue together."""
    ann = UserFactory()
    item = made_of(ann, text="send the report")
    committing_api.bearer(ann)
    answers: list[Any] = []

    def accept(key: str | None) -> None:
        try:
            answers.append(committing_api(ACCEPT, accepted(item), actor=ann, idempotency_key=key).action_item)
        finally:
            connection.close()

    threads = [threading.Thread(target=accept, args=(key,)) for key in keys]
    with transaction.atomic():
        ActionItem.objects.select_for_update().get(pk=item.pk)
        for thread in threads:
            thread.start()
        until(lambda: waiting() == 2, "both wait")
    for thread in threads:
        thread.join()
    assert answers[0] == answers[1]
    assert answers[0].task_id == str(Task.objects.get().pk)


def waiting() -> int:
    with connection.cursor() as cursor:
        # Within a transaction PostgreSQL keeps returning the connections of the first query.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE NOT granted AND datname = current_database()"
        )
        return int(cursor.fetchone()[0])


def test_invalid_fields_are_named_as_in_the_request(api: Transport, item: ActionItem, ann: User) -> None:
    banned = str(UserFactory(status=Status.BANNED).pk)
    for assigned_to in ("nonsense", "a\0b", str(uuid4()), banned):
        with pytest.raises(Failed) as failed:
            api(ACCEPT, accepted(item, title="x" * 201, assigned_to=assigned_to), actor=ann)
        assert failed.value.fields == {"title": "max_length", "assigned_to": "unknown"}
    with pytest.raises(Failed) as failed:
        api(ACCEPT, accepted(item, title="a\0b"), actor=ann)
    assert failed.value.fields == {"title": "control_characters"}
    item.refresh_from_db()
    assert (item.status, item.version) == (ActionItemStatus.PROPOSED, 1)
    assert not Task.objects.exists()


def test_a_time_that_cannot_be(item: ActionItem, ann: User) -> None:
    with pytest.raises(Failed) as failed:
        GrpcTransport()(ACCEPT, accepted(item, due_date=Timestamp(seconds=10**15)), actor=ann)
    assert failed.value.fields == {"due_date": "range"}


def test_a_stale_version_makes_no_task(api: Transport, item: ActionItem, ann: User) -> None:
    with pytest.raises(Failed) as failed:
        api(ACCEPT, accepted(item), actor=ann, if_match='"2"')
    assert (failed.value.reason, failed.value.metadata) == ("STALE", {"current_version": "1"})
    assert not Task.objects.exists()


@pytest.mark.parametrize("item_id", ["nonsense", "a\0b", "01a22400-0000-7000-8000-000000000000"])
def test_unknown_ids(api: Transport, item: ActionItem, ann: User, item_id: str) -> None:
    request = accepted(item)
    request.item_id = item_id
    with pytest.raises(Failed) as failed:
        api(ACCEPT, request, actor=ann)
    assert failed.value.reason == "NOT_FOUND"


def test_an_item_is_known_in_its_own_meeting_only(api: Transport, item: ActionItem, ann: User, support: User) -> None:
    elsewhere = accepted(item)
    elsewhere.meeting_id = str(TranscribedMeetingFactory(owner=ann).pk)
    for request, actor in ((elsewhere, ann), (accepted(item), support)):
        with pytest.raises(Failed) as failed:
            api(ACCEPT, request, actor=actor)
        assert failed.value.reason == "NOT_FOUND"
    assert not Task.objects.exists()

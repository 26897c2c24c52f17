"""ListChanges: the log in pages, as the caller may see it."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from changes.feed import log, numbering, subjects
from changes.models import Change, Head
from changes.services import acting
from tandem.change.v1 import change_pb2
from tandem.change.v1.change_pb2 import ListChangesRequest
from tasks.models import Task
from tests.support.credentials import forget_credentials
from tests.support.factories import AdministratorFactory, UserFactory
from tests.support.transports import Failed, Transport
from users.models import Role, Status, User
from users.services import delete_user


def list_changes(api: Transport, actor: User | None, **request: Any) -> change_pb2.ListChangesResponse:
    """After everything was numbered."""
    numbering.begin()
    numbering.number()
    answer: change_pb2.ListChangesResponse = api(
        "ChangeService/ListChanges", ListChangesRequest(**request), actor=actor
    )
    return answer


def all_of(api: Transport, actor: User, **request: Any) -> list[change_pb2.Change]:
    found: list[change_pb2.Change] = []
    while answer := list_changes(api, actor, page_size=100, **request):
        if not answer.changes:
            return found
        found += answer.changes
        request["cursor"] = answer.next_cursor
    raise AssertionError


@pytest.fixture
def cursor(api: Transport, administrator: User, ann: User) -> str:
    """The head of the log before the writes of a test."""
    return str(list_changes(api, administrator, page_size=100).next_cursor)


def test_changes_come_in_order_with_their_state(api: Transport, administrator: User, cursor: str) -> None:
    with acting(administrator, "typing error"):
        user = UserFactory(first_name="An")
        User.objects.filter(pk=user.pk).update(first_name="Ann", company="ACME")
        User.objects.filter(pk=user.pk).delete()
    created, updated, deleted = list_changes(api, administrator, cursor=cursor).changes
    assert [change.kind for change in (created, updated, deleted)] == [
        change_pb2.CHANGE_KIND_CREATED,
        change_pb2.CHANGE_KIND_UPDATED,
        change_pb2.CHANGE_KIND_DELETED,
    ]
    assert {(c.subject_type, c.subject_id) for c in (created, updated, deleted)} == {("user", str(user.pk))}
    assert [change.subject_version for change in (created, updated, deleted)] == [1, 2, 3]
    assert created.user.first_name == "An"
    assert updated.user.first_name == "Ann"
    assert updated.user.profile.company == "ACME"
    assert list(updated.changed_fields) == ["first_name", "profile.company"]
    assert (updated.actor_id, updated.reason) == (str(administrator.pk), "typing error")
    assert not deleted.HasField("user") and not deleted.left_view


def test_user_is_shown_as_by_get_user(api: Transport, administrator: User, cursor: str) -> None:
    from tandem.user.v1.user_pb2 import GetUserRequest

    user = UserFactory(phone="+14155551234", date_of_birth="1990-02-28", social_links={"x": "https://x.example"})
    (change,) = list_changes(api, administrator, cursor=cursor).changes
    got = api("UserService/GetUser", GetUserRequest(user_id=str(user.pk)), actor=administrator).user
    assert change.user == got


def test_strangers_see_only_the_public_part(api: Transport, administrator: User, ann: User, bob: User) -> None:
    mark = list_changes(api, ann, page_size=100).next_cursor
    with acting(administrator, "private"):
        User.objects.filter(pk=bob.pk).update(company="ACME")
        User.objects.filter(pk=bob.pk).update(first_name="Robert", company="Umbrella")
    (change,) = all_of(api, ann, cursor=mark)
    assert {field.name for field, _ in change.user.ListFields()} <= {
        "id", "display_name", "first_name", "last_name", "avatar_url", "status",
    }  # fmt: skip
    assert list(change.changed_fields) == ["first_name"]
    assert (change.actor_id, change.reason) == ("", "")
    own = all_of(api, bob)
    assert own[-1].user.profile.company == "Umbrella"


def test_changes_carry_the_trace_of_their_call(api: Transport, administrator: User, ann: User, bob: User) -> None:
    mark, of_ann = (list_changes(api, actor, page_size=100).next_cursor for actor in (administrator, ann))
    traced = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with acting(administrator), connection.cursor() as cursor:
        # As `acting` does within a span.
        cursor.execute("SELECT set_config('tandem.traceparent', %s, true)", [traced])
        User.objects.filter(pk=bob.pk).update(first_name="Robert")
        cursor.execute("SELECT set_config('tandem.traceparent', '', true)")
        User.objects.filter(pk=bob.pk).update(first_name="Bob")
    found = all_of(api, administrator, cursor=mark)
    assert [(change.user.first_name, change.traceparent) for change in found] == [("Robert", traced), ("Bob", "")]
    # A caller who sees a part of the subject does not learn which changes belong to one call.
    seen = all_of(api, ann, cursor=of_ann)
    assert [(change.user.first_name, change.traceparent) for change in seen] == [("Robert", ""), ("Bob", "")]


def test_an_account_that_is_closed_leaves_the_view_of_strangers(api: Transport, ann: User, bob: User) -> None:
    mark = list_changes(api, ann, page_size=100).next_cursor
    User.objects.filter(pk=bob.pk).update(status=Status.BANNED)
    User.objects.filter(pk=bob.pk).update(first_name="Nobody")
    User.objects.filter(pk=bob.pk).update(status=Status.ACTIVE)
    left, back = all_of(api, ann, cursor=mark)
    assert left.kind == change_pb2.CHANGE_KIND_DELETED
    assert left.left_view
    assert left.subject_id == str(bob.pk)
    assert not left.HasField("user")
    assert (back.left_view, back.user.first_name) == (False, "Nobody")


def test_deleted_account_leaves_only_its_id(api: Transport, administrator: User, ann: User, bob: User) -> None:
    delete_user(bob, str(bob.pk), reason="bye")
    received = [change for change in all_of(api, administrator) if change.subject_id == str(bob.pk)]
    assert [(change.kind, change.HasField("user")) for change in received] == [(change_pb2.CHANGE_KIND_DELETED, False)]


def test_pages_follow_each_other(api: Transport, administrator: User, cursor: str) -> None:
    users = UserFactory.create_batch(7)
    found, after = [], cursor
    for size in (3, 3, 3):
        page = list_changes(api, administrator, cursor=after, page_size=size)
        found.append([change.subject_id for change in page.changes])
        after = page.next_cursor
        assert after == (page.changes[-1].cursor if len(page.changes) == size else after)
    assert [subject_id for page in found for subject_id in page] == [str(user.pk) for user in users]
    assert [len(page) for page in found] == [3, 3, 1]
    assert not list_changes(api, administrator, cursor=after).changes


def test_list_begins_with_the_oldest_kept_change(api: Transport, administrator: User) -> None:
    first = list_changes(api, administrator).changes[0]
    assert first.subject_id == str(Change.objects.filter(subject_type="user").order_by("seq")[0].subject_id)


def test_changes_that_only_others_may_see_are_skipped(
    api: Transport, ann: User, monkeypatch: pytest.MonkeyPatch, administrator: User
) -> None:
    mark = list_changes(api, ann, page_size=100).next_cursor
    closed = UserFactory(status=Status.BANNED)
    for number in range(8):
        User.objects.filter(pk=closed.pk).update(first_name=str(number))
    UserFactory(first_name="open")
    monkeypatch.setattr(log, "PAGE_SIZE", 3)
    found = list_changes(api, ann, cursor=mark, page_size=2).changes
    assert [change.user.first_name for change in found] == ["open"]


def test_unknown_types_are_rejected(api: Transport, ann: User) -> None:
    assert list_changes(api, ann, subject_types=["user"]).changes
    with pytest.raises(Failed) as failed:
        list_changes(api, ann, subject_types=["user", "moon", "User"])
    assert failed.value.fields == {"subject_types.1": "choice", "subject_types.2": "choice"}


def test_a_negative_size_is_refused(api: Transport, ann: User) -> None:
    with pytest.raises(Failed) as failed:
        list_changes(api, ann, page_size=-1)
    assert failed.value.fields == {"page_size": "range"}


class TestCursors:
    @pytest.mark.parametrize("sent", ["x", "AAAA", "%20", "ä", "A" * 64, "A" * 5000])
    def test_malformed_token_is_rejected(self, api: Transport, ann: User, sent: str) -> None:
        with pytest.raises(Failed) as failed:
            list_changes(api, ann, cursor=sent)
        assert (failed.value.reason, failed.value.fields) == ("CURSOR_INVALID", {"cursor": "invalid"})

    def test_token_of_another_filter_is_rejected(self, api: Transport, administrator: User, cursor: str) -> None:
        with pytest.raises(Failed) as failed:
            list_changes(api, administrator, cursor=cursor, subject_types=["user"])
        assert failed.value.reason == "CURSOR_INVALID"
        filtered = list_changes(api, administrator, subject_types=["user"]).next_cursor
        assert list_changes(api, administrator, cursor=filtered, subject_types=["user", "user"])
        with pytest.raises(Failed) as failed:
            list_changes(api, administrator, cursor=of_another_operation(administrator))
        assert failed.value.reason == "CURSOR_INVALID"

    def test_pruned(self, api: Transport, administrator: User, cursor: str) -> None:
        UserFactory.create_batch(2)
        numbering.number()
        Head.objects.update(oldest=log.read_head().seq)
        with pytest.raises(Failed) as failed:
            list_changes(api, administrator, cursor=cursor)
        assert failed.value.reason == "CURSOR_EXPIRED"

    def test_ahead(self, api: Transport, administrator: User, cursor: str) -> None:
        Head.objects.update(seq=0, oldest=1)
        Change.objects.all().delete()
        with pytest.raises(Failed) as failed:
            list_changes(api, administrator, cursor=cursor)
        assert failed.value.reason == "CURSOR_INVALID"

    def test_token_of_another_epoch_is_rejected(self, api: Transport, administrator: User, cursor: str) -> None:
        numbering.new_epoch()
        with pytest.raises(Failed) as failed:
            list_changes(api, administrator, cursor=cursor)
        assert failed.value.reason == "EPOCH_CHANGED"

    def test_token_from_before_a_new_type_is_rejected(
        self, api: Transport, administrator: User, cursor: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delitem(subjects.registered, "user")
        with pytest.raises(Failed) as failed:
            list_changes(api, administrator, cursor=cursor)
        assert failed.value.reason == "EPOCH_CHANGED"

    def test_token_of_other_rights_is_rejected(self, api: Transport, administrator: User, cursor: str) -> None:
        other = AdministratorFactory()
        assert list_changes(api, other, cursor=cursor)
        User.objects.filter(pk=administrator.pk).update(roles=[Role.CUSTOMER])
        forget_credentials()
        with pytest.raises(Failed) as failed:
            list_changes(api, administrator, cursor=cursor)
        assert failed.value.reason == "EPOCH_CHANGED"


def of_another_operation(actor: User) -> str:
    from changes.feed import cursors
    from changes.feed.cursors import stamp_of
    from changes.feed.view import Subscription
    from changes.messages import change_message

    stamp = stamp_of(Subscription("change.v1.ChangeService/WatchChanges", change_message, ("user",)), actor)
    head = log.read_head()
    return cursors.write(stamp, head.epoch, head.seq)


def test_before_anything_was_numbered_it_is_unavailable(api: Transport, ann: User) -> None:
    Head.objects.all().delete()
    with pytest.raises(Failed) as failed:
        api("ChangeService/ListChanges", ListChangesRequest(), actor=ann)
    assert failed.value.reason == "UNAVAILABLE"


def test_list_takes_two_queries_for_any_number_of_changes(api: Transport, administrator: User, cursor: str) -> None:
    api.bearer(administrator)
    for count in (1, 30):
        UserFactory.create_batch(count)
        numbering.number()
        list_changes(api, administrator, cursor=cursor, page_size=100)
        with CaptureQueriesContext(connection) as captured:
            api("ChangeService/ListChanges", ListChangesRequest(cursor=cursor, page_size=100), actor=administrator)
        assert len([query for query in captured.captured_queries if "changes_" in query["sql"]]) == 2


def test_caller_with_few_visible_changes_gets_empty_pages_with_a_token(
    api: Transport, administrator: User, ann: User, cursor: str
) -> None:
    """A call looks at 2,000 changes at most, however many there are that its caller may not see."""
    with acting(administrator):
        Task.objects.bulk_create(Task(title=f"{number}", created_by=administrator) for number in range(4_500))
        Task.objects.create(title="hers", created_by=ann)
    mark = list_changes(api, ann, subject_types=["user"], page_size=1).next_cursor
    assert mark
    pages, sent = [], list_changes(api, ann, subject_types=["task"]).next_cursor
    while True:
        with CaptureQueriesContext(connection) as queries:
            answer = list_changes(api, ann, subject_types=["task"], cursor=sent)
        assert len(queries) < 25
        if answer.next_cursor == sent:
            break
        pages.append([change.task.title for change in answer.changes])
        sent = answer.next_cursor
    assert pages[0] == []
    assert [title for page in pages for title in page] == ["hers"]
    assert len(pages) <= 3

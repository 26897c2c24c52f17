from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tandem.common.v1.common_pb2 import SORT_ORDER_ASC, SORT_ORDER_DESC, PaginationRequest, SortSpec
from tandem.user.v1 import user_pb2
from tandem.user.v1.user_pb2 import ListUsersRequest
from tests.support.factories import UserFactory
from tests.support.transports import Failed, Transport
from users.models import Role, Status, User

LIST = "UserService/ListUsers"


def pages(api: Transport, actor: User, size: int, **fields: Any) -> list[list[str]]:
    """Return the e-mail addresses of all pages."""
    found, token = [], ""
    while True:
        request = ListUsersRequest(pagination=PaginationRequest(page_size=size, page_token=token), **fields)
        response = api(LIST, request, actor=actor)
        found.append([user.email for user in response.users])
        token = response.pagination.next_page_token
        assert response.pagination.has_more == bool(token)
        if not token:
            return found


def test_newest_first_to_the_last_page(api: Transport, administrator: User) -> None:
    made = [UserFactory().email for _ in range(7)]
    expected = [*reversed(made), administrator.email]
    assert pages(api, administrator, 3) == [expected[0:3], expected[3:6], expected[6:8]]


def test_a_page_that_is_just_full_is_the_last(api: Transport, administrator: User) -> None:
    UserFactory.create_batch(3)
    assert [len(page) for page in pages(api, administrator, 2)] == [2, 2]


def test_users_of_one_moment_are_neither_lost_nor_doubled(api: Transport, administrator: User) -> None:
    UserFactory.create_batch(5, created_at=datetime(2026, 1, 1, tzinfo=UTC))
    found = [email for page in pages(api, administrator, 2) for email in page]
    assert len(found) == len(set(found)) == 6


@pytest.mark.parametrize(
    ("field", "order", "expected"),
    [
        ("email", SORT_ORDER_ASC, ["a", "b", "c", "d"]),
        ("email", SORT_ORDER_DESC, ["d", "c", "b", "a"]),
        ("display_name", SORT_ORDER_ASC, ["d", "c", "b", "a"]),
        ("created_at", SORT_ORDER_ASC, ["b", "a", "d", "c"]),
        # c and d have never logged in: they come last, whichever the direction.
        ("last_login_at", SORT_ORDER_ASC, ["b", "a", "d", "c"]),
        ("last_login_at", SORT_ORDER_DESC, ["a", "b", "c", "d"]),
    ],
)
def test_sort_order_spans_all_pages(
    api: Transport, administrator: User, field: str, order: int, expected: list[str]
) -> None:
    now = datetime.now(UTC)
    logins = {"a": now, "b": now - timedelta(days=1), "c": None, "d": None}
    for number, name in enumerate("badc"):
        UserFactory(
            email=f"{name}@example.com", display_name=f"{ord('z') - ord(name)} name", last_login_at=logins[name],
            created_at=now + timedelta(minutes=number), roles=[Role.SELLER],
        )  # fmt: skip
    found = pages(api, administrator, 1, roles=[Role.SELLER], sort=SortSpec(field=field, order=order))
    assert [page[0][0] for page in found] == expected


def test_filters_are_applied(api: Transport, administrator: User) -> None:
    UserFactory(email="one@example.com", status=Status.DEACTIVATED, roles=[Role.SELLER])
    UserFactory(email="two@example.com", status=Status.PENDING_VERIFICATION, roles=[Role.SELLER, Role.SUPPORT])
    UserFactory(email="three@example.com")
    assert pages(api, administrator, 9, statuses=[Status.PENDING_VERIFICATION]) == [["two@example.com"]]
    both = [Status.PENDING_VERIFICATION, Status.DEACTIVATED]
    assert pages(api, administrator, 9, statuses=both) == [["two@example.com", "one@example.com"]]
    assert pages(api, administrator, 9, roles=[Role.SUPPORT, Role.ADMIN]) == [["two@example.com", administrator.email]]
    assert pages(api, administrator, 9, roles=[Role.SELLER], statuses=[Status.DEACTIVATED]) == [["one@example.com"]]


def test_matching_users_are_counted(api: Transport, administrator: User, monkeypatch: pytest.MonkeyPatch) -> None:
    UserFactory.create_batch(4)
    assert api(LIST, ListUsersRequest(), actor=administrator).pagination.total_count == 5
    monkeypatch.setattr("core.db.pagination.COUNT_LIMIT", 4)
    assert api(LIST, ListUsersRequest(), actor=administrator).pagination.total_count == -1
    assert api(LIST, ListUsersRequest(), actor=administrator, exact_count=True).pagination.total_count == 5


def test_sizes(api: Transport, administrator: User) -> None:
    UserFactory.create_batch(101)
    for asked, given in ((0, 20), (1, 1), (100, 100), (2_000_000_000, 100)):
        request = ListUsersRequest(pagination=PaginationRequest(page_size=asked))
        assert len(api(LIST, request, actor=administrator).users) == given


def test_a_negative_size_is_refused(api: Transport, administrator: User) -> None:
    with pytest.raises(Failed) as failed:
        api(LIST, ListUsersRequest(pagination=PaginationRequest(page_size=-1)), actor=administrator)
    assert failed.value.fields == {"page_size": "range"}


def a_token(api: Transport, actor: User, **fields: Any) -> str:
    request = ListUsersRequest(pagination=PaginationRequest(page_size=1), **fields)
    token = api(LIST, request, actor=actor).pagination.next_page_token
    assert token
    return str(token)


def assert_invalid_page_token(api: Transport, actor: User, token: str, **fields: Any) -> None:
    request = ListUsersRequest(pagination=PaginationRequest(page_token=token), **fields)
    failed = api.failure(LIST, request, actor=actor)
    assert failed.fields == {"page_token": "invalid"}
    assert failed.messages == {"page_token": "Invalid page token"}


def test_page_token_is_valid_for_one_list_of_one_caller(
    api: Transport, ann: User, bob: User, administrator: User
) -> None:
    token = a_token(api, administrator)
    assert_invalid_page_token(api, ann, token)
    assert_invalid_page_token(api, administrator, token, statuses=[Status.ACTIVE])
    assert_invalid_page_token(api, administrator, token, sort=SortSpec(field="email"))
    with pytest.raises(Failed) as failed:
        request = user_pb2.SearchUsersRequest(pagination=PaginationRequest(page_token=token))
        api("UserService/SearchUsers", request, actor=administrator)
    assert failed.value.fields == {"page_token": "invalid"}


@pytest.mark.parametrize("token", ["nonsense", "a:b:c", "é", "\0", "x" * 5000])
def test_a_malformed_token_is_refused(api: Transport, administrator: User, token: str) -> None:
    assert_invalid_page_token(api, administrator, token)


def test_a_forged_token_is_refused(api: Transport, ann: User, administrator: User) -> None:
    token = a_token(api, administrator)
    assert_invalid_page_token(api, administrator, token[:-1] + ("a" if token[-1] != "a" else "b"))
    assert_invalid_page_token(api, administrator, "a" + token)


def test_a_token_expires(api: Transport, ann: User, administrator: User, monkeypatch: pytest.MonkeyPatch) -> None:
    token = a_token(api, administrator)
    monkeypatch.setattr("core.db.pagination.TOKEN_LIFETIME", timedelta(seconds=-1))
    assert_invalid_page_token(api, administrator, token)


def test_only_the_named_orders_exist(api: Transport, administrator: User) -> None:
    for sort, code in ((SortSpec(field="password"), "choice"), (SortSpec(order=SORT_ORDER_DESC), "required")):
        with pytest.raises(Failed) as failed:
            api(LIST, ListUsersRequest(sort=sort), actor=administrator)
        assert failed.value.fields == {"order_by": code}


def test_colleagues_see_open_accounts_and_cannot_ask_for_more(api: Transport, ann: User, bob: User) -> None:
    UserFactory(status=Status.BANNED)
    users = api(LIST, ListUsersRequest(), actor=ann).users
    assert [(user.id, user.email) for user in users] == [(str(bob.pk), ""), (str(ann.pk), "ann@example.com")]
    for fields in (
        {"sort": SortSpec(field="email")},
        {"sort": SortSpec(field="last_login_at")},
        {"roles": [Role.ADMIN]},
    ):
        with pytest.raises(Failed) as failed:
            api(LIST, ListUsersRequest(**fields), actor=ann)
        assert failed.value.reason == "FORBIDDEN"


def test_colleagues_do_not_see_closed_accounts(api: Transport, ann: User, bob: User) -> None:
    UserFactory(status=Status.BANNED)
    assert pages(api, ann, 9, statuses=[Status.BANNED, Status.DEACTIVATED]) == [[]]
    request = ListUsersRequest(statuses=[Status.BANNED, Status.ACTIVE])
    assert [user.id for user in api(LIST, request, actor=ann).users] == [str(bob.pk), str(ann.pk)]


@pytest.mark.parametrize("field", ["created_at", "display_name"])
def test_list_takes_two_queries_for_any_number_of_rows(
    api: Transport, administrator: User, field: str, django_assert_num_queries: Any
) -> None:
    UserFactory.create_batch(30, created_by=administrator, updated_by=administrator)
    order = SortSpec(field=field, order=SORT_ORDER_ASC)
    request = ListUsersRequest(pagination=PaginationRequest(page_size=25), sort=order)
    api(LIST, request, actor=administrator)
    with django_assert_num_queries(2):
        api(LIST, request, actor=administrator)

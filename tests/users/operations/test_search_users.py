from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.conversions import set_timestamp
from tandem.common.v1.common_pb2 import PaginationRequest, TimeRange
from tandem.user.v1.user_pb2 import SearchUsersRequest
from tests.support.factories import UserFactory
from tests.support.transports import Failed, Transport
from users.models import Role, Status, User

SEARCH = "UserService/SearchUsers"


def found(api: Transport, actor: User, query: str, **fields: Any) -> list[str]:
    return [user.display_name for user in api(SEARCH, SearchUsersRequest(query=query, **fields), actor=actor).users]


@pytest.fixture
def jose(administrator: User) -> User:
    return UserFactory(
        email="jose.maria_lopez+work@mail-host.example.org",
        first_name="José",
        last_name="O'Brien",
        display_name="Pepe 42/a",
    )


@pytest.mark.parametrize(
    "query",
    ["jos", "JOSÉ", "bri", "o'brien", "pepe", "42", "pepe jos", "lopez", "work", "host", "mail-host", "jose.maria",
     "exam", "jose.maria_lopez+work@mail-host.example.org"],
)  # fmt: skip
def test_search_matches_the_beginning_of_any_word(api: Transport, jose: User, administrator: User, query: str) -> None:
    UserFactory(email="other@elsewhere.net", display_name="Somebody else")
    assert found(api, administrator, query)[0] == "Pepe 42/a"


@pytest.mark.parametrize("query", ["epe", "zzz", "pepe zzz", "---", "'", ":*", "\\", "!", "& |", "pepe:*"])
def test_search_matches_nothing_else(api: Transport, jose: User, administrator: User, query: str) -> None:
    assert found(api, administrator, query) == (["Pepe 42/a"] if query == "pepe:*" else [])


def test_an_empty_query_finds_all(api: Transport, jose: User, administrator: User) -> None:
    assert found(api, administrator, " ") == ["Pepe 42/a", "Administrator"]


@pytest.fixture(params=[1_000, 0], ids=["few", "many"])
def _few_or_many(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few matches are fetched and then put in order, many are met along the order."""
    monkeypatch.setattr("core.db.pagination.SMALL_RESULT", request.param)


@pytest.mark.usefixtures("_few_or_many")
def test_an_exact_email_comes_first_and_once(api: Transport, administrator: User) -> None:
    UserFactory(email="sam@example.com", display_name="exact")
    for number in range(3):
        UserFactory(email=f"sam@example.com.{number}.org", display_name=f"later {number}")
    names, token = [], ""
    while True:
        pagination = PaginationRequest(page_size=2, page_token=token)
        response = api(SEARCH, SearchUsersRequest(query="Sam@example.com", pagination=pagination), actor=administrator)
        assert response.pagination.total_count == 4
        names += [user.display_name for user in response.users]
        token = response.pagination.next_page_token
        if not token:
            break
    assert names == ["exact", "later 2", "later 1", "later 0"]


def test_a_page_of_one_holds_the_exact_email_alone(api: Transport, administrator: User) -> None:
    UserFactory(email="sam@example.com", display_name="exact")
    UserFactory(email="sam@example.com.org", display_name="later")
    first = api(
        SEARCH,
        SearchUsersRequest(query="sam@example.com", pagination=PaginationRequest(page_size=1)),
        actor=administrator,
    )
    assert [user.display_name for user in first.users] == ["exact"]
    pagination = PaginationRequest(page_size=1, page_token=first.pagination.next_page_token)
    second = api(SEARCH, SearchUsersRequest(query="sam@example.com", pagination=pagination), actor=administrator)
    assert [user.display_name for user in second.users] == ["later"]
    assert not second.pagination.has_more


def test_filters_are_applied(api: Transport, administrator: User) -> None:
    now = datetime.now(UTC)
    UserFactory(display_name="sam old", created_at=now - timedelta(days=2))
    UserFactory(display_name="sam banned", status=Status.BANNED, created_at=now - timedelta(days=1))
    UserFactory(display_name="sam seller", roles=[Role.SELLER])
    assert found(api, administrator, "sam", statuses=[Status.BANNED]) == ["sam banned"]
    assert found(api, administrator, "sam", roles=[Role.SELLER]) == ["sam seller"]
    span = TimeRange()
    set_timestamp(span.start_time, now - timedelta(days=1))
    assert found(api, administrator, "sam", created_at=span) == ["sam seller", "sam banned"]
    set_timestamp(span.end_time, now - timedelta(hours=1))
    assert found(api, administrator, "sam", created_at=span) == ["sam banned"]
    span.ClearField("start_time")
    assert found(api, administrator, "sam", created_at=span) == ["sam banned", "sam old"]


def test_a_span_that_ends_before_it_starts_is_refused(api: Transport, administrator: User) -> None:
    span = TimeRange()
    set_timestamp(span.start_time, datetime(2026, 1, 2, tzinfo=UTC))
    set_timestamp(span.end_time, datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(Failed) as failed:
        found(api, administrator, "", created_at=span)
    assert failed.value.fields == {"created_at_to": "range"}


def test_colleagues_search_names_only(api: Transport, jose: User, ann: User) -> None:
    assert found(api, ann, "jos") == ["Pepe 42/a"]
    assert found(api, ann, "lopez") == []
    assert found(api, ann, "jose.maria_lopez+work@mail-host.example.org") == []


def test_a_picker_shows_names_of_open_accounts_and_nothing_else(api: Transport, jose: User, ann: User) -> None:
    UserFactory(first_name="Josefine", status=Status.DEACTIVATED)
    request = SearchUsersRequest(query="jos", pagination=PaginationRequest(page_size=8))
    (shown,) = api(SEARCH, request, actor=ann).users
    assert {field.name for field, _ in shown.ListFields()} == {
        "id", "display_name", "first_name", "last_name", "status",
    }  # fmt: skip
    assert (shown.id, shown.display_name) == (str(jose.pk), "Pepe 42/a")


@pytest.mark.parametrize(("query", "code"), [("x" * 201, "max_length"), ("a\0b", "control_characters")])
def test_a_bad_query_is_refused(api: Transport, administrator: User, query: str, code: str) -> None:
    with pytest.raises(Failed) as failed:
        found(api, administrator, query)
    assert failed.value.fields == {"query": code}

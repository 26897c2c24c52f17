"""Names are sorted as people sort them, on every server."""

from typing import Any

import pytest
from django.db import connection

from tandem.common.v1.common_pb2 import SORT_ORDER_ASC, SORT_ORDER_DESC, PaginationRequest, SortSpec
from tandem.user.v1.user_pb2 import ListUsersRequest
from tests.support.factories import AdministratorFactory, UserFactory
from tests.support.transports import Failed, Transport
from users.models import User

#: In their order, that of Unicode's root collation.
SORTED = [
    "_ada", "- Ada", "(Ada)", "7 Ada", "Ägir", "Åke", "alice", "Alice", "Bob", "de Souza", "De Souza", "Desmond",
    "Łukasz", "Lz", "O'Brien", "O’Brien", "Obrien", "oz", "resume", "Resume", "résumé", "Straße", "Strasse B",
    "Zed", "Ζωή", "Ярослав", "اسامة", "ひろ", "ヒロミ", "東京", "🎉 party",
]  # fmt: skip


def names(api: Transport, actor: User, descending: bool = False, size: int = 4) -> list[str]:
    sort = SortSpec(field="display_name", order=SORT_ORDER_DESC if descending else SORT_ORDER_ASC)
    found: list[str] = []
    token = ""
    while True:
        asked = PaginationRequest(page_size=size, page_token=token)
        answer = api("UserService/ListUsers", ListUsersRequest(pagination=asked, sort=sort), actor=actor)
        found += [user.display_name for user in answer.users]
        token = answer.pagination.next_page_token
        if not token:
            return found


@pytest.fixture
def actor(db: Any) -> User:
    return AdministratorFactory(display_name="zzz the caller")


def test_case_and_accents_do_not_come_first(api: Transport, actor: User) -> None:
    for name in ("Zed", "Bob", "Ägir", "alice"):
        UserFactory(display_name=name)
    assert names(api, actor) == ["Ägir", "alice", "Bob", "Zed", "zzz the caller"]


@pytest.mark.parametrize("descending", [False, True])
def test_pages_hold_each_name_once_in_its_order(api: Transport, actor: User, descending: bool) -> None:
    for name in reversed(SORTED):
        UserFactory(display_name=name)
    found = names(api, actor, descending)
    found.remove("zzz the caller")
    assert found == (SORTED[::-1] if descending else SORTED)


@pytest.mark.parametrize("descending", [False, True])
def test_equal_names_are_in_the_order_of_their_ids(api: Transport, actor: User, descending: bool) -> None:
    users = [UserFactory(display_name=name) for name in ["Ann"] * 5 + ["x" * 200] * 5]
    sort = SortSpec(field="display_name", order=SORT_ORDER_DESC if descending else SORT_ORDER_ASC)
    found: list[str] = []
    token = ""
    while not found or token:
        asked = PaginationRequest(page_size=3, page_token=token)
        answer = api("UserService/ListUsers", ListUsersRequest(pagination=asked, sort=sort), actor=actor)
        found += [user.id for user in answer.users if user.id != str(actor.pk)]
        token = answer.pagination.next_page_token
    expected = [str(user.pk) for user in users]
    assert found == (expected[::-1] if descending else expected)


def test_page_token_of_another_order_is_rejected(api: Transport, actor: User) -> None:
    UserFactory.create_batch(3)
    sort = SortSpec(field="display_name", order=SORT_ORDER_ASC)
    first = ListUsersRequest(pagination=PaginationRequest(page_size=1), sort=sort)
    token = api("UserService/ListUsers", first, actor=actor).pagination.next_page_token
    sort = SortSpec(field="display_name", order=SORT_ORDER_DESC)
    with pytest.raises(Failed, match="Invalid page token"):
        asked = PaginationRequest(page_size=1, page_token=token)
        api("UserService/ListUsers", ListUsersRequest(pagination=asked, sort=sort), actor=actor)


@pytest.mark.parametrize("name", ["ﷺ" * 200, "\U00020000" * 200, "㌖" * 200, "é" * 200])
def test_the_longest_names_have_a_place(api: Transport, actor: User, name: str) -> None:
    UserFactory(display_name=name)
    assert sorted(names(api, actor)) == sorted([name, "zzz the caller"])


def test_a_page_of_names_is_read_along_an_index(actor: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("EXPLAIN SELECT id FROM users_user WHERE sort_name >= 'b' ORDER BY sort_name, id LIMIT 20")
        assert "users_by_sort_name" in "\n".join(line for (line,) in cursor.fetchall())

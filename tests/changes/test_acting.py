"""The actor, the reason and the call of a change."""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from changes.models import Change
from changes.services import acting
from core import idempotency
from core.context import request_id
from tests.support.notes import Note


class Said(NamedTuple):
    actor: str
    reason: str = ""
    request_id: str = ""


def said_of(title: str) -> Said:
    return Said(*Change.objects.values_list("actor", "reason", "request_id").get(new__title=title))


def create(*titles: str) -> None:
    for title in titles:
        Note.objects.create(title=title)


@pytest.fixture
def call() -> Iterator[str]:
    token = request_id.set("call-1")
    yield "call-1"
    request_id.reset(token)


@pytest.mark.usefixtures("notes")
class TestInATransaction:
    def test_change_without_actor_is_by_the_system(self) -> None:
        create("a")
        assert said_of("a") == Said("system")

    def test_a_user_is_its_id(self, call: str) -> None:
        user = get_user_model()(pk=uuid.uuid4())
        with acting(user, "because"):
            create("a")
        assert said_of("a") == Said(str(user.pk), "because", call)

    def test_anonymous_caller_is_logged_as_anonymous(self) -> None:
        with acting(AnonymousUser()):
            create("a")
        assert said_of("a") == Said("anonymous")

    def test_a_part_of_the_system(self) -> None:
        with acting("retention", "older than 90 days"):
            create("a")
        assert said_of("a") == Said("retention", "older than 90 days")

    def test_texts_are_stored_unchanged(self) -> None:
        reason = "'; DROP TABLE tests_note; -- %s \\ ä\n"
        with acting("importer", reason):
            create("a")
        assert said_of("a").reason == reason

    def test_afterwards_it_is_as_before(self, call: str) -> None:
        with acting("outer", "first"):
            with acting("inner", "second"):
                create("in")
            create("out")
        create("after")
        assert said_of("in") == Said("inner", "second", call)
        assert said_of("out") == Said("outer", "first", call)
        assert said_of("after") == Said("system")

    def test_a_reason_is_not_inherited(self) -> None:
        with acting("outer", "first"), acting("inner"):
            create("a")
        assert said_of("a") == Said("inner")

    def test_after_an_exception_it_is_as_before(self) -> None:
        with acting("outer", "first"):
            create("before")
            with pytest.raises(IntegrityError), acting("inner", "second"):
                create("lost")
                Note.objects.create(title=None)
            create("out")
        assert said_of("out") == Said("outer", "first")
        assert not Change.objects.filter(actor="inner").exists()

    def test_after_a_rollback_without_an_exception_it_is_as_before(self) -> None:
        with acting("outer", "first"):
            with acting("inner", "second"):
                create("lost")
                transaction.set_rollback(True)
            create("out")
        assert said_of("out") == Said("outer", "first")
        assert not Change.objects.filter(actor="inner").exists()

    def test_within_an_idempotency_key_the_actor_costs_one_statement(self, call: str) -> None:
        def effect() -> bytes:
            with acting("one", "first"):
                create("a")
            with acting("other"):
                create("b")
            return b""

        with CaptureQueriesContext(connection) as captured:
            idempotency.once(principal="p", operation="o", key="k", request=b"r", effect=effect)
        assert said_of("a") == Said("one", "first", call)
        assert said_of("b") == Said("other", "", call)
        statements = [query["sql"].split()[0] for query in captured.captured_queries]
        assert statements == ["SAVEPOINT", "SELECT", *["SELECT", "INSERT"] * 2, "UPDATE", "RELEASE"]

    def test_right_inside_a_key_what_fails_fails_as_a_whole(self) -> None:
        def effect() -> bytes:
            create("lost")
            with acting("one"):
                create("lost, too")
                raise ZeroDivisionError

        with acting("outer"):
            with pytest.raises(ZeroDivisionError):
                idempotency.once(principal="p", operation="o", key="k", request=b"r", effect=effect)
            create("out")
        assert said_of("out") == Said("outer")
        assert Change.objects.count() == 1

    def test_deeper_inside_a_key_it_undoes_itself(self) -> None:
        def effect() -> bytes:
            with acting("one"):
                with pytest.raises(IntegrityError), acting("inner"):
                    Note.objects.create(title=None)
                create("out")
            return b""

        idempotency.once(principal="p", operation="o", key="k", request=b"r", effect=effect)
        assert said_of("out") == Said("one")

    def test_inside_a_transaction_inside_a_key_it_undoes_itself(self) -> None:
        def effect() -> bytes:
            with transaction.atomic():
                with pytest.raises(IntegrityError), acting("inner"):
                    Note.objects.create(title=None)
                create("out")
            return b""

        with acting("outer"):
            idempotency.once(principal="p", operation="o", key="k", request=b"r", effect=effect)
        assert said_of("out") == Said("outer")

    @pytest.mark.parametrize("fails", [False, True])
    def test_failed_block_after_a_key_is_rolled_back(self, fails: bool) -> None:
        def effect() -> bytes:
            with acting("one"):
                create("a")
            if fails:
                raise ZeroDivisionError
            return b""

        with acting("outer"):
            with suppress(ZeroDivisionError):
                idempotency.once(principal="p", operation="o", key="k", request=b"r", effect=effect)
            with pytest.raises(IntegrityError), acting("inner"):
                Note.objects.create(title=None)
            create("out")
        assert Change.objects.count() == (1 if fails else 2)

    def test_acting_is_also_a_decorator(self) -> None:
        acting("decorated")(create)("a", "b")
        assert set(Change.objects.values_list("actor", flat=True)) == {"decorated"}


@pytest.mark.usefixtures("committed_notes")
class TestAsATransactionOfItsOwn:
    def test_acting_commits(self) -> None:
        with acting("service", "because"):
            assert connection.in_atomic_block
            create("a")
        assert not connection.in_atomic_block
        assert said_of("a") == Said("service", "because")

    def test_actor_ends_with_the_transaction(self) -> None:
        with acting("service", "because"):
            create("a")
        create("b")
        with transaction.atomic():
            create("c")
        assert said_of("b") == said_of("c") == Said("system")

    def test_a_rollback_leaves_nothing(self) -> None:
        with pytest.raises(IntegrityError), acting("service"):
            create("lost")
            Note.objects.create(title=None)
        create("b")
        assert list(Change.objects.values_list("actor", flat=True)) == ["system"]

    def test_acting_costs_one_statement(self) -> None:
        with CaptureQueriesContext(connection) as captured, acting("service"):
            create("a")
        statements = [query["sql"].split()[0] for query in captured.captured_queries]
        assert statements == ["BEGIN", "SELECT", "INSERT", "COMMIT"]

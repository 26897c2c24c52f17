"""A write that is sent twice happens once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from core import idempotency
from core.errors import IdempotencyKeyReused, RequestInProgress
from core.models import IdempotencyRecord
from tandem.user.v1.user_pb2 import CreateUserRequest
from tests.support.transports import Failed, Transport
from users.models import User

OF = {"principal": "p", "operation": "o", "key": "k", "request": b"r"}


def test_the_second_gets_the_first_answer(db: None) -> None:
    answers = iter([b"one", b"two"])
    assert idempotency.once(**OF, effect=lambda: next(answers)) == (b"one", False)
    assert idempotency.once(**OF, effect=lambda: next(answers)) == (b"one", True)


@pytest.mark.parametrize("part", ["principal", "operation", "key"])
def test_another_caller_operation_or_key_is_another_write(db: None, part: str) -> None:
    idempotency.once(**OF, effect=lambda: b"one")
    assert idempotency.once(**OF | {part: "other"}, effect=lambda: b"two") == (b"two", False)


def test_another_request_is_refused(db: None) -> None:
    idempotency.once(**OF, effect=lambda: b"one")
    with pytest.raises(IdempotencyKeyReused):
        idempotency.once(**OF | {"request": b"other"}, effect=lambda: b"two")


def test_a_failure_keeps_nothing(db: None) -> None:
    with pytest.raises(ZeroDivisionError):
        idempotency.once(**OF, effect=lambda: bytes(1 // 0))
    assert idempotency.once(**OF, effect=lambda: b"two") == (b"two", False)


def test_effect_and_key_are_committed_together(db: None) -> None:
    def effect() -> bytes:
        User.objects.create(email="new@example.com", display_name="New")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        idempotency.once(**OF, effect=effect)
    assert not User.objects.exists()


def test_a_key_past_its_time_counts_as_new(db: None) -> None:
    idempotency.once(**OF, effect=lambda: b"one")
    IdempotencyRecord.objects.update(created_at=timezone.now() - idempotency.RETENTION - timedelta(seconds=1))
    assert idempotency.once(**OF | {"request": b"other"}, effect=lambda: b"two") == (b"two", False)
    assert IdempotencyRecord.objects.count() == 1


def test_concurrent_keys_are_each_kept_once(db: None) -> None:
    rows = [(f"k-{number}", b"r", bytes([number])) for number in (2, 0, 1)]
    idempotency.keep("p", "o", rows)
    asked = ["k-0", "k-1", "k-2", "k-3"]
    found = idempotency.kept("p", "o", asked)
    assert {key: one.answer for key, one in found.items()} == {"k-0": b"\0", "k-1": b"\1", "k-2": b"\2"}
    assert (found["k-1"].is_of(b"r"), found["k-1"].is_of(b"other")) == (True, False)
    assert idempotency.kept("p", "other", asked) == idempotency.kept("other", "o", asked) == {}
    with pytest.raises(IntegrityError), transaction.atomic():
        idempotency.keep("p", "o", [("k-0", b"r", b"again"), ("k-4", b"r", b"new")])
    assert {key: one.answer for key, one in idempotency.kept("p", "o", ["k-0", "k-4"]).items()} == {"k-0": b"\0"}


def test_expired_keys_count_as_new(db: None) -> None:
    idempotency.keep("p", "o", [("k", b"r", b"one")])
    IdempotencyRecord.objects.update(created_at=timezone.now() - idempotency.RETENTION - timedelta(seconds=1))
    assert idempotency.kept("p", "o", ["k"]) == {}
    idempotency.keep("p", "o", [("k", b"other", b"two")])
    found = idempotency.kept("p", "o", ["k"])["k"]
    assert (found.answer, found.is_of(b"other")) == (b"two", True)
    assert IdempotencyRecord.objects.count() == 1


def test_keys_past_their_time_are_pruned(db: None) -> None:
    idempotency.once(**OF, effect=lambda: b"one")
    assert idempotency.prune() == 0
    IdempotencyRecord.objects.update(created_at=timezone.now() - idempotency.RETENTION - timedelta(seconds=1))
    assert idempotency.prune() == 1


def test_the_request_is_not_kept_in_the_clear(db: None) -> None:
    idempotency.once(**OF | {"request": b"password"}, effect=lambda: b"one")
    record = IdempotencyRecord.objects.get()
    assert b"password" not in bytes(record.request_hash)
    assert len(bytes(record.request_hash)) == 32


def test_repeat_during_the_first_call_must_wait(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "WAIT_MS", 50)
    running, received = threading.Event(), threading.Event()

    def effect() -> bytes:
        running.set()
        assert received.wait(10)
        return b"one"

    def first() -> tuple[bytes, bool]:
        try:
            return idempotency.once(**OF, effect=effect)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(first)
        assert running.wait(10)
        with pytest.raises(RequestInProgress):
            idempotency.once(**OF, effect=lambda: b"two")
        received.set()
        assert answer.result(10) == (b"one", False)
    with transaction.atomic():
        assert idempotency.once(**OF, effect=lambda: b"two") == (b"one", True)


def test_many_at_once_make_one(committing_api: Transport, administrator: User) -> None:
    request = CreateUserRequest(email="new@example.com")
    committing_api.bearer(administrator)

    def create(_: int) -> str:
        try:
            answer = committing_api("UserService/CreateUser", request, actor=administrator, idempotency_key="k-1")
            return str(answer.user.id)
        except Failed as failed:
            assert failed.reason == "REQUEST_IN_PROGRESS"
            return ""
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        ids = set(pool.map(create, range(50)))
    assert len(ids - {""}) == 1
    assert User.objects.filter(email="new@example.com").count() == 1

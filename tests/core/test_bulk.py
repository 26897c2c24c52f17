"""Streams of many chunks: one is written while the next is read."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from changes.models import Change
from core import bulk
from core.actors import Actor
from core.auth import Credential, System
from core.bulk import BulkItem, Chunk, Outcome
from core.errors import Failure, Unauthenticated, Unavailable, Violation, problem_of
from core.operations import Call, operations
from tandem.task.v1 import task_pb2
from tandem.task.v1.task_pb2 import CreateTaskRequest
from tandem.task.v1.task_pb2 import Task as TaskMessage
from tasks import handlers
from tasks.models import Task
from tests.support.servers import until
from tests.support.transports import Transport
from users.models import User

PATIENCE = 10
BULK = "TaskService/BulkCreateTasks"


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk.stream, "CHUNK_SIZE", 3)


class Stream:
    """A bulk write of numbers, which are rows of no table.

    Attributes:
        read: how many items were read.
        written: the numbers of each chunk that was written.
    """

    def __init__(self) -> None:
        service = task_pb2.DESCRIPTOR.services_by_name["TaskService"]
        operation = next(one for one in operations(service, handlers) if one.rpc == "BulkCreateTasks")
        self.call = Call(operation, Credential(System("bulk")))
        self.read = threading.Semaphore(0)
        self.written: list[list[int]] = []

    def write(self, items: Iterable[Any]) -> Outcome:
        return bulk.write(self.call, items, self._read, self._build, self.save, answer=lambda made: b"")

    def save(self, actor: Actor, chunk: Chunk) -> None:
        self.written.append(numbers(chunk.rows))

    def _read(self, item: CreateTaskRequest) -> int:
        self.read.release()
        return int(item.title)

    def _build(self, actor: Actor, many: Sequence[int]) -> Sequence[int]:
        return many


def numbers(rows: Sequence[BulkItem]) -> list[int]:
    return [row.instance for row in rows]


def items(count: int) -> Iterator[CreateTaskRequest]:
    return (CreateTaskRequest(title=str(number)) for number in range(count))


def test_the_next_chunk_is_read_while_one_is_written() -> None:
    class Waiting(Stream):
        def save(self, actor: Actor, chunk: Chunk) -> None:
            if not self.written:
                # Three belong to this chunk; the fourth is read ahead.
                assert all(self.read.acquire(timeout=PATIENCE) for _ in range(4))
            super().save(actor, chunk)

    stream = Waiting()
    outcome = stream.write(items(8))
    assert stream.written == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert (outcome.written, outcome.through) == (8, 8)


def test_failure_during_a_pause_is_reported_at_the_next_item(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk.stream, "CHUNK_SIZE", 1_000)
    failed, sent = threading.Event(), []

    class Failing(Stream):
        def save(self, actor: Actor, chunk: Chunk) -> None:
            if self.written:
                failed.set()
                raise Unavailable("The database is away.")
            super().save(actor, chunk)

    def slow() -> Iterator[CreateTaskRequest]:
        yield from items(2_000)
        assert failed.wait(PATIENCE)
        for item in items(999):  # The chunk would be whole with one more.
            sent.append(item)
            threading.Event().wait(PATIENCE / 1_000)
            yield item

    stream = Failing()
    with pytest.raises(Unavailable) as caught:
        stream.write(slow())
    assert caught.value.metadata["committed_through"] == "1000"
    assert len(stream.written) == 1
    assert len(sent) < 999


def test_chunk_begun_before_a_cut_is_written() -> None:
    broken = threading.Event()

    class Waiting(Stream):
        def save(self, actor: Actor, chunk: Chunk) -> None:
            assert broken.wait(PATIENCE)
            super().save(actor, chunk)

    def breaking() -> Iterator[CreateTaskRequest]:
        yield from items(4)
        broken.set()
        raise Unauthenticated("Revoked.")

    stream = Waiting()
    with pytest.raises(Unauthenticated) as caught:
        stream.write(breaking())
    assert caught.value.metadata["committed_through"] == "3"
    assert stream.written == [[0, 1, 2]]


@pytest.mark.parametrize("count", [2, 3])
def test_rights_are_checked_before_each_chunk(count: int) -> None:
    stream = Stream()

    def refuse() -> None:
        raise Unauthenticated("Revoked.")

    stream.call.reauthorize = refuse
    with pytest.raises(Failure):
        stream.write(items(count))
    assert stream.written == []


def test_log_names_the_actor_and_the_call(committing_api: Transport, ann: User) -> None:
    sent = [CreateTaskRequest(title=f"Task {number}") for number in range(7)]
    answer = committing_api.answer(BULK, sent, actor=ann)
    assert answer.message.success_count == 7
    received = set(Change.objects.filter(subject_type="task").values_list("actor", "request_id"))
    assert received == {(str(ann.pk), answer.request_id)}


def test_no_connection_stays_open(committing_api: Transport, ann: User) -> None:
    def sessions() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            return int(cursor.fetchone()[0])

    before = sessions()
    committing_api(BULK, [CreateTaskRequest(title=f"Task {number}") for number in range(7)], actor=ann)
    assert Task.objects.count() == 7
    until(lambda: sessions() == before, "the session of the thread that wrote has ended")


def test_a_service_that_builds_too_few_instances_writes_nothing() -> None:
    class Losing(Stream):
        def _build(self, actor: Actor, many: Sequence[int]) -> Sequence[int]:
            return many[:-1]

    stream = Losing()
    with pytest.raises(ValueError, match="shorter"):
        stream.write(items(2))
    assert stream.written == []


def test_chunks_are_written_in_a_thread_that_does_not_keep_the_process() -> None:
    class Naming(Stream):
        def save(self, actor: Actor, chunk: Chunk) -> None:
            super().save(actor, chunk)
            threads.append(threading.current_thread())

    threads: list[threading.Thread] = []
    Naming().write(items(4))
    # A chunk that is not full is written by the caller's thread.
    assert [(thread.name, thread.daemon) for thread in threads[:-1]] == [("bulk", True)]
    assert threads[-1] is threading.current_thread()


def test_items_without_a_field_for_a_key_are_written() -> None:
    stream = Stream()
    assert stream.write(TaskMessage(title=str(number)) for number in range(2)).written == 2
    assert stream.written == [[0, 1]]


def test_an_atomic_write_reads_one_item_beyond_its_limit(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk.stream, "MAX_ATOMIC", 4)
    stream, many = Stream(), items(9)
    stream.call.atomic = True
    with pytest.raises(ValidationError) as caught:
        stream.write(many)
    assert problem_of(caught.value).violations == (
        Violation("x-bulk-mode", "max_items", "An atomic write has at most 4 items.", ("x-bulk-mode",)),
    )
    assert (len(list(many)), stream.written) == (4, [])
    assert stream.write(items(4)).written == 4
    assert stream.written == [[0, 1, 2], [3]]

"""Feeds through everything that can happen to a stream: no change is lost or repeated, and no call waits for ever."""

import itertools
import logging
import random
import secrets
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from core.db.ids import uuid7
from tandem.client import Client, Invalid, Patience, Resync, SnapshotEnd, Watch
from tandem.task.v1.task_pb2 import (
    EVENT_TYPE_DELETED,
    CreateTaskRequest,
    DeleteTaskRequest,
    Task,
    TaskEvent,
    UpdateTaskRequest,
)
from tests.client.conftest import NewClient
from tests.support.client_server import Server, reaches
from tests.support.proxy import Proxy
from tests.support.servers import until

pytestmark = [pytest.mark.real_server, pytest.mark.django_db]

#: For servers that are away for a moment only.
EAGER = Patience(first_delay_seconds=0.05, longest_delay_seconds=0.2)
LONG_TITLE = "x" * 150


@pytest.fixture
def label() -> str:
    """A label that only the tasks of the test have."""
    return secrets.token_hex(4)


def make(client: Client, label: str, title: str = "Task") -> Task:
    return client.tasks.CreateTask(CreateTaskRequest(title=title, labels=[label]))


def make_many(client: Client, label: str, count: int) -> list[Task]:
    made = client.tasks.BulkCreateTasks(
        CreateTaskRequest(title=f"{LONG_TITLE} {number}", labels=[label]) for number in range(count)
    )
    assert made.success_count == count
    return list(made.tasks)


def state_of(watch: Watch[TaskEvent]) -> list[TaskEvent]:
    """Return the events up to the end of the initial state."""
    events = []
    for event in watch:
        if isinstance(event, SnapshotEnd):
            return events
        assert isinstance(event, TaskEvent)
        events.append(event)
    raise AssertionError("the watch has ended")


def take(watch: Watch[TaskEvent], count: int) -> list[TaskEvent]:
    events = list(itertools.islice(watch, count))
    assert all(isinstance(event, TaskEvent) for event in events)
    return events  # type: ignore[return-value]


def titles(events: Iterable[TaskEvent]) -> list[str]:
    return [event.task.title for event in events]


def test_the_initial_state_then_what_happens(client: Client, label: str) -> None:
    tasks = [make(client, label, f"Task {number}") for number in range(3)]
    with client.watch_tasks(labels=[label], include_initial=True) as watch:
        assert watch.cursor == ""
        initial = state_of(watch)
        assert {event.task.id for event in initial} == {task.id for task in tasks}
        assert watch.cursor
        client.tasks.UpdateTask(UpdateTaskRequest(id=tasks[0].id, title="Other"))
        client.tasks.DeleteTask(DeleteTaskRequest(id=tasks[1].id))
        updated, deleted = take(watch, 2)
    assert (updated.task.title, updated.task.version) == ("Other", 2)
    assert (deleted.event_type, deleted.task.id) == (EVENT_TYPE_DELETED, tasks[1].id)
    assert watch.cursor == deleted.cursor


def test_only_the_tasks_of_a_project(client: Client, label: str) -> None:
    make(client, label)
    with client.watch_tasks(labels=[label], project_id=str(uuid7()), include_initial=True) as watch:
        assert state_of(watch) == []


def test_changes_of_all_kinds_of_subjects_can_be_watched(client: Client, label: str) -> None:
    with client.watch_changes(subject_types=["task", "user"], include_initial=True) as watch:
        seen = set()
        for change in watch:
            if isinstance(change, SnapshotEnd):
                break
            assert not isinstance(change, Resync)
            seen.add(change.subject_type)
        task = make(client, label)
        change = next(watch)
        assert not isinstance(change, (Resync, SnapshotEnd))
    assert seen >= {"user"}
    assert (change.subject_type, change.subject_id, change.subject_version) == ("task", task.id, 1)


def test_stored_cursor_resumes_in_another_process(client: Client, label: str) -> None:
    with client.watch_tasks(labels=[label], include_initial=True) as watch:
        state_of(watch)
        make(client, label, "seen")
        assert titles(take(watch, 1)) == ["seen"]
    make(client, label, "missed")
    with client.watch_tasks(labels=[label], include_initial=True, cursor=watch.cursor) as watch:
        assert titles(take(watch, 1)) == ["missed"]


def test_killed_and_started_again_the_server_owes_nothing(client: Client, server: Server, label: str) -> None:
    watching = client.watch_tasks(labels=[label], include_initial=True, patience=EAGER)
    with ThreadPoolExecutor(1) as pool, watching as watch:
        state_of(watch)
        make(client, label, "before")
        assert titles(take(watch, 1)) == ["before"]
        make(client, label, "unread")
        server.end(signal.SIGKILL)
        waiting = pool.submit(take, watch, 2)
        server.start()
        until(lambda: reaches(client), "calls are made again")
        make(client, label, "after")
        assert titles(waiting.result(30)) == ["unread", "after"]


def test_a_server_that_drains_hands_over(client: Client, server: Server, label: str) -> None:
    watching = client.watch_tasks(labels=[label], include_initial=True, patience=EAGER)
    with ThreadPoolExecutor(1) as pool, watching as watch:
        state_of(watch)
        waiting = pool.submit(take, watch, 2)
        make(client, label, "before")
        server.end(signal.SIGTERM)
        server.start()
        until(lambda: reaches(client), "calls are made again")
        make(client, label, "after")
        assert titles(waiting.result(30)) == ["before", "after"]


def test_twenty_cuts_during_writes_lose_and_repeat_no_event(
    client: Client, proxy: Proxy, label: str, new_client: NewClient
) -> None:
    tasks = make_many(client, label, 40)
    written = {task.id: task.version for task in tasks}
    ended = threading.Event()

    def write() -> None:
        for number in itertools.count():
            task = tasks[number % len(tasks)]
            request = UpdateTaskRequest(id=task.id, title=f"{LONG_TITLE} {number}")
            written[task.id] = client.tasks.UpdateTask(request).version
            if ended.is_set():
                return

    seen: dict[str, list[int]] = {task.id: [] for task in tasks}
    rng = random.Random(4)
    with ThreadPoolExecutor(1) as pool, new_client(proxy.address) as behind:
        watch = behind.watch_tasks(labels=[label], include_initial=True, patience=EAGER)
        writer = pool.submit(write)
        try:
            for event in watch:
                assert not isinstance(event, Resync)
                if not isinstance(event, SnapshotEnd):
                    seen[event.task.id].append(event.task.version)
                if proxy.cuts < 20:
                    # The initial state has more than that: the first cuts are inside it.
                    proxy.cut_after(rng.randrange(200, 4_000))
                elif not ended.is_set():
                    # The writer makes one more write after that, which ends the wait for the last event.
                    ended.set()
                    writer.result(20)
                if ended.is_set() and {task_id: versions[-1] for task_id, versions in seen.items()} == written:
                    break
        finally:
            ended.set()
    assert all(a < b for versions in seen.values() for a, b in itertools.pairwise(versions))


def test_task_deleted_during_a_cut_initial_state_is_reported_deleted(
    client: Client, proxy: Proxy, label: str, new_client: NewClient
) -> None:
    tasks = make_many(client, label, 300)
    with new_client(proxy.address) as behind:
        proxy.cut_after(40_000)
        with behind.watch_tasks(labels=[label], include_initial=True, patience=EAGER) as watch:
            first = take(watch, 1)[0]
            until(lambda: proxy.cuts == 1, "the stream is cut inside its initial state")
            client.tasks.DeleteTask(DeleteTaskRequest(id=first.task.id))
            events = state_of(watch)
    *others, gone = events
    assert {event.task.id for event in others} | {first.task.id} == {task.id for task in tasks}
    assert len(others) == len(tasks) - 1, "what had come before the cut does not come again"
    assert (gone.event_type, gone.left_view, gone.task.id) == (EVENT_TYPE_DELETED, True, first.task.id)


def test_a_change_that_the_initial_state_holds_does_not_come_again(
    client: Client, proxy: Proxy, label: str, new_client: NewClient
) -> None:
    """A stream resumes where the reading of its initial state began; the state itself lies behind this cursor."""
    with new_client(proxy.address) as behind:
        watching = behind.watch_tasks(labels=[label], include_initial=True, patience=EAGER)
        with watching as watch:
            with nothing_numbered():
                tasks = make_many(client, label, 20)
                assert {event.task.id for event in state_of(watch)} == {task.id for task in tasks}
                proxy.cut()
            changed = client.tasks.UpdateTask(UpdateTaskRequest(id=tasks[0].id, title="Changed"))
            assert [event.task for event in take(watch, 1)] == [changed]
            client.tasks.UpdateTask(UpdateTaskRequest(id=tasks[0].id, title="Again"))
            assert titles(take(watch, 1)) == ["Again"]


@contextmanager
def nothing_numbered() -> Iterator[None]:
    """Commit writes that no stream receives."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SAVEPOINT before")
        cursor.execute("SELECT FROM changes_head FOR UPDATE")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK TO before")


def test_a_frozen_server_is_found_out(
    client: Client, server: Server, label: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "tandem.client")
    patience = Patience(silence_seconds=0.3, first_delay_seconds=0.05, longest_delay_seconds=0.1)
    watching = client.watch_tasks(labels=[label], include_initial=True, patience=patience)
    with ThreadPoolExecutor(1) as pool, watching as watch:
        state_of(watch)
        server.send(signal.SIGSTOP)
        try:
            waiting = pool.submit(take, watch, 1)
            until(lambda: len(caplog.records) >= 2, "two streams were given up")
            server.send(signal.SIGCONT)
            make(client, label, "thawed")
            assert titles(waiting.result(20)) == ["thawed"]
        finally:
            server.send(signal.SIGCONT)
    assert {record.message for record in caplog.records} == {"The stream was silent for 0 s."}


def test_slow_handling_of_an_event_does_not_end_the_watch(
    client: Client, label: str, caplog: pytest.LogCaptureFixture
) -> None:
    patience = Patience(silence_seconds=0.2)
    with client.watch_tasks(labels=[label], include_initial=True, patience=patience) as watch:
        state_of(watch)
        held = threading.Event()
        held.wait(0.6)
        make(client, label)
        assert len(take(watch, 1)) == 1
    assert not caplog.records


def test_a_new_epoch_is_a_resync_with_the_initial_state(client: Client, server: Server, label: str) -> None:
    make(client, label, "there")
    with client.watch_tasks(labels=[label], include_initial=True, patience=EAGER) as watch:
        assert titles(state_of(watch)) == ["there"]
        make(client, label, "live")
        assert titles(take(watch, 1)) == ["live"]
        server.manage("changes", "new-epoch")
        assert next(watch) == Resync("EPOCH_CHANGED")
        assert watch.cursor == ""
        assert sorted(titles(state_of(watch))) == ["live", "there"]
        assert watch.cursor


def test_watch_without_initial_state_continues_from_the_present_after_a_resync(
    client: Client, server: Server, label: str
) -> None:
    task = make(client, label, "there")
    with client.watch_tasks(labels=[label], include_initial=True) as watch:
        state_of(watch)
    server.manage("changes", "new-epoch")
    with client.watch_tasks(labels=[label], cursor=watch.cursor, patience=EAGER) as watch:
        assert next(watch) == Resync("EPOCH_CHANGED")
        assert_goes_on(client, watch, task)


def assert_goes_on(client: Client, watch: Watch[TaskEvent], task: Task) -> None:
    """Write until the stream sends a change: a stream without initial state does not announce its beginning."""
    # A stream that could not be opened again, or was cut again before its first cursor, is one more gap.
    changes = (event for event in watch if event != Resync("CUT_WITHOUT_CURSOR"))
    with ThreadPoolExecutor(1) as pool, watch:
        waiting = pool.submit(next, changes)
        numbers = itertools.count()

        def received() -> bool:
            client.tasks.UpdateTask(UpdateTaskRequest(id=task.id, description=f"Again {next(numbers)}"))
            return waiting.done()

        until(received, "a write is received")
        change = waiting.result()
    assert isinstance(change, TaskEvent)
    assert change.task.id == task.id


def test_a_cursor_of_another_filter_is_a_resync(client: Client, label: str) -> None:
    with client.watch_tasks(include_initial=True) as watch:
        state_of(watch)
    with client.watch_tasks(labels=[label], include_initial=True, cursor=watch.cursor) as other:
        assert next(other) == Resync("CURSOR_INVALID")
        assert state_of(other) == []


def test_stream_cut_before_its_first_cursor_is_a_resync(
    client: Client, proxy: Proxy, label: str, new_client: NewClient
) -> None:
    with ThreadPoolExecutor(1) as pool, new_client(proxy.address) as behind:
        watch = behind.watch_tasks(labels=[label], patience=EAGER)
        waiting = pool.submit(next, watch)
        until(lambda: proxy.connections == 1, "it is connected")
        proxy.cut()
        assert waiting.result(20) == Resync("CUT_WITHOUT_CURSOR")
        task = make(client, label)
        assert_goes_on(client, watch, task)


def test_permanent_errors_are_raised(client: Client) -> None:
    watch = client.watch_changes(subject_types=["moon"])
    with pytest.raises(Invalid):
        next(watch)
    assert list(watch) == []


@pytest.mark.parametrize("what", ["watch", "client"])
def test_close_ends_a_waiting_watch(server: Server, label: str, what: str, new_client: NewClient) -> None:
    with ThreadPoolExecutor(1) as pool, new_client(server.address) as client:
        watch = client.watch_tasks(labels=[label], include_initial=True)
        state_of(watch)
        waiting = pool.submit(list, watch)
        with pytest.raises(TimeoutError):
            waiting.result(0.2)
        (watch if what == "watch" else client).close()
        assert waiting.result(5) == []


def test_close_ends_a_watch_that_waits_to_retry(label: str, new_client: NewClient) -> None:
    with ThreadPoolExecutor(1) as pool, new_client("127.0.0.1:1") as client:
        patience = Patience(first_delay_seconds=1_000, longest_delay_seconds=1_000)
        watch = client.watch_tasks(labels=[label], include_initial=True, patience=patience)
        waiting = pool.submit(list, watch)
        with pytest.raises(TimeoutError):
            waiting.result(0.5)
        watch.close()
        assert waiting.result(5) == []

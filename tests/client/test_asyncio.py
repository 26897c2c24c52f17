"""Behaviour of the asyncio client alone: cancellation, many tasks at once, and one event loop."""

import asyncio
import gc
import logging
import secrets
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from tandem.auth.v1.auth_pb2 import TokenPair
from tandem.client import (
    AsyncClient,
    AsyncWatch,
    DeadlineExceeded,
    NotFound,
    Patience,
    SnapshotEnd,
    TandemError,
    Unauthenticated,
)
from tandem.task.v1.task_pb2 import CreateTaskRequest, GetTaskRequest, TaskEvent, WatchTasksRequest
from tandem.user.v1.user_pb2 import CreateUserRequest
from tests.support.client_server import Server
from tests.support.proxy import Proxy

pytestmark = [pytest.mark.real_server, pytest.mark.django_db]

PASSWORD = "A-nanosecond-of-wire"
EAGER = Patience(first_delay_seconds=0.05, longest_delay_seconds=0.2)


async def become(ready: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until a condition holds."""
    for _ in range(1_000):
        result = ready()
        if result if isinstance(result, bool) else await result:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not become true")


async def initial_state(watch: AsyncWatch[Any]) -> list[Any]:
    events = []
    async for event in watch:
        if isinstance(event, SnapshotEnd):
            return events
        events.append(event)
    raise AssertionError("the watch has ended")


def test_client_needs_an_event_loop() -> None:
    with pytest.raises(RuntimeError):
        AsyncClient("127.0.0.1:1")


def test_a_loop_of_its_own_for_each_client(server: Server) -> None:
    async def ask() -> str:
        async with AsyncClient(server.address) as client:
            return str((await client.users.HealthCheck(Empty())).status)

    assert asyncio.run(ask()) == asyncio.run(ask()) != ""


def test_tasks_share_a_client(server: Server) -> None:
    async def ask_at_once() -> None:
        received: list[TokenPair] = []
        async with AsyncClient(server.address) as admin:
            email = f"{secrets.token_hex(6)}@example.com"
            await admin.users.CreateUser(CreateUserRequest(email=email, password=PASSWORD))
        async with AsyncClient(server.address, email=email, password=PASSWORD, on_tokens=received.append) as client:
            requests = [CreateTaskRequest(title=f"Task {number}") for number in range(20)]
            tasks = await asyncio.gather(*(client.tasks.CreateTask(request) for request in requests))
        assert [task.title for task in tasks] == [request.title for request in requests]
        assert len(received) == 1, "one of them has logged in, and the others waited"

    asyncio.run(ask_at_once())


def test_cancelled_call_ends_and_the_client_stays_usable(proxy: Proxy) -> None:
    async def cancel() -> None:
        async with AsyncClient(proxy.address) as client:
            await client.users.HealthCheck(Empty())
            proxy.swallows = True
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.users.HealthCheck(Empty()), 0.3)
            with pytest.raises(DeadlineExceeded):
                await client.users.HealthCheck(Empty(), timeout=0.3)
            assert proxy.swallowed_bytes > 0
            proxy.swallows = False
            proxy.cut()
            assert (await client.users.HealthCheck(Empty())).status

    asyncio.run(cancel())


def test_cancelled_login_completes_for_the_others(server: Server, proxy: Proxy) -> None:
    async def cancel() -> None:
        received: list[TokenPair] = []
        async with AsyncClient(server.address) as admin:
            email = f"{secrets.token_hex(6)}@example.com"
            await admin.users.CreateUser(CreateUserRequest(email=email, password=PASSWORD))
        async with AsyncClient(proxy.address, email=email, password=PASSWORD, on_tokens=received.append) as client:
            first = asyncio.ensure_future(client.tasks.GetTask(GetTaskRequest(id="none")))
            await become(lambda: proxy.connections == 1)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            await become(lambda: len(received) == 1)
            with pytest.raises(NotFound):
                await client.tasks.GetTask(GetTaskRequest(id="none"))
        assert len(received) == 1

    asyncio.run(cancel())


def test_impatient_reader_of_a_watch_loses_and_repeats_nothing(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tandem.client")

    async def poll() -> None:
        label = secrets.token_hex(4)
        async with (
            AsyncClient(server.address) as client,
            client.watch_tasks(labels=[label], include_initial=True, patience=EAGER) as watch,
        ):
            await initial_state(watch)
            writer = asyncio.ensure_future(write(client, label))
            seen: list[str] = []
            waits = 0
            while len(seen) < 20:
                try:
                    event = await asyncio.wait_for(watch.__anext__(), 0.01)
                except TimeoutError:
                    waits += 1
                    continue
                assert isinstance(event, TaskEvent)
                seen.append(event.task.title)
            await writer
            assert seen == [f"Task {number}" for number in range(20)]
            assert waits > 0
            assert not caplog.messages, "the watch had one stream"

    async def write(client: AsyncClient, label: str) -> None:
        for number in range(20):
            await client.tasks.CreateTask(CreateTaskRequest(title=f"Task {number}", labels=[label]))
            await asyncio.sleep(0.03)

    asyncio.run(poll())


@pytest.mark.parametrize("left_by", ["cancellation", "close", "the end of the client"])
def test_left_watch_closes_its_stream(server: Server, proxy: Proxy, left_by: str) -> None:
    async def leave() -> None:
        begun = asyncio.Event()
        watches: list[AsyncWatch[Any]] = []

        async def follow(client: AsyncClient) -> list[Any]:
            async with client.watch_tasks(include_initial=True) as watch:
                watches.append(watch)
                await initial_state(watch)
                begun.set()
                return [event async for event in watch]

        client = AsyncClient(proxy.address)
        follower = asyncio.ensure_future(follow(client))
        await begun.wait()
        if left_by == "cancellation":
            follower.cancel()
            with pytest.raises(asyncio.CancelledError):
                await follower
        elif left_by == "close":
            await watches[0].close()
            assert await asyncio.wait_for(follower, 5) == []
        else:
            await client.close()
            assert await asyncio.wait_for(follower, 5) == []
        with pytest.raises(StopAsyncIteration):
            await watches[0].__anext__()
        await client.close()
        await become(lambda: asyncio.all_tasks() == {asyncio.current_task()})

    asyncio.run(leave())


def test_unreferenced_watch_leaves_nothing(server: Server) -> None:
    async def forget() -> None:
        async with AsyncClient(server.address) as client:
            watch = client.watch_tasks(include_initial=True)
            await initial_state(watch)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(watch.__anext__(), 0.1)
            gone = weakref.ref(watch)
            del watch
            await asyncio.sleep(0)  # Since Python 3.12, asyncio keeps a step that ran out of time until its next turn.
            gc.collect()
            assert gone() is None
            await become(lambda: asyncio.all_tasks() == {asyncio.current_task()})

    asyncio.run(forget())


def test_streams_of_stubs_can_be_cancelled(server: Server) -> None:
    async def cancel() -> None:
        async with AsyncClient(server.address) as client:
            stream = client.tasks.WatchTasks(WatchTasksRequest(include_initial=True))
            async for _ in stream:
                break
            assert stream.cancel()
            async with client.watch_tasks(include_initial=True) as watch:
                await initial_state(watch)
        async with AsyncClient(server.address, token="forged") as client:
            with pytest.raises(Unauthenticated):
                async for _ in client.tasks.WatchTasks(WatchTasksRequest()):
                    pass

    asyncio.run(cancel())


def test_failed_call_has_its_status(server: Server) -> None:
    async def fail() -> None:
        async with AsyncClient(server.address) as client:
            call = client.tasks.GetTask(GetTaskRequest(id="none"))
            with pytest.raises(NotFound):
                await call
            assert (await call.code(), await call.details()) == (
                grpc.StatusCode.NOT_FOUND,
                "Task with ID 'none' not found",
            )
            assert call.done()

    asyncio.run(fail())


def test_stream_that_is_refused_while_it_sends_has_the_server_s_error(server: Server) -> None:
    async def sent(pause: float) -> AsyncIterator[CreateTaskRequest]:
        for _ in range(40):
            yield CreateTaskRequest(title="Sow", description="x" * 5_000)
            await asyncio.sleep(pause)

    async def refuse() -> None:
        errors: set[type[BaseException]] = set()
        async with AsyncClient(server.address, token="forged") as client:
            # The moments at which a refusal meets a message that is being sent.
            for number in range(200):
                try:
                    await client.tasks.BulkCreateTasks(sent(number / 100_000))
                except TandemError as error:
                    errors.add(type(error))
        assert errors == {Unauthenticated}

    asyncio.run(refuse())

"""Clients that watch tasks over either transport, are cut off again and again, and record what they received.

The cuts are planned from a seed: after this many events or this much time, by ending the call or by dropping
the connection, resuming from the last cursor or starting over.
"""

import asyncio
import json
import random
import threading
import urllib.parse
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import grpc

from core import protojson as messages
from core.operations import Operation
from tandem.change.v1.change_pb2 import Change, WatchChangesRequest
from tandem.task.v1.task_pb2 import Task, TaskEvent, WatchTasksRequest
from tests.support.promises import MARKS, Received, Run, seq_of
from tests.support.transports import OPERATIONS

#: A title that all watchers see: after it nothing is written.
LAST = "the last one"
#: Failures of a client that was not cut, when its server was killed or is busy, or the database is away.
CLOSED = "the connection was closed"
#: What a client reports as INTERNAL if a proxy has lost the server of an open stream.
RESET = "the stream was reset"
#: What a server in an overload answers.
BUSY = "RESOURCE_EXHAUSTED"
AWAY = ("UNAVAILABLE", "CANCELLED", CLOSED, RESET, BUSY)
PATIENCE_SECONDS = 120
#: How often an initial state may be cut; then one is let through to its first cursor, and cut there. (With more tasks
#: than events per stream, no client would ever have a cursor to resume from.)
MAX_IN_VAIN = 2
#: Both contracts number them alike.
_NAMES = {1: "created", 2: "updated", 3: "deleted", 4: "bookmark", 5: "snapshot_end"}
_WATCH = {"tasks": "TaskService/WatchTasks", "changes": "ChangeService/WatchChanges"}


class EndedError(Exception):
    """The failure of a stream that ended without a cut."""


@dataclass(frozen=True)
class Look:
    """One way to watch tasks.

    Attributes:
        transport: `grpc` or `sse`.
        through: `tasks` or `changes`.
        person: the user that watches; empty = the administrator.
    """

    transport: str
    through: str
    person: str = ""
    statuses: frozenset[int] = frozenset()
    labels: frozenset[str] = frozenset()

    @property
    def operation(self) -> Operation:
        return OPERATIONS[_WATCH[self.through]]

    @property
    def name(self) -> str:
        return f"{self.through} by {self.transport}, {self.person or 'all'}{', filtered' if self.labels else ''}"

    def sees(self, image: Mapping[str, Any], person_id: str, projects: Collection[str]) -> bool:
        """Return whether a task whose row has this image is shown, computed here, not by the feed.

        Args:
            projects: those of which the person is a member.
        """
        mine = not self.person or person_id in (image["created_by_id"], image["assigned_to_id"])
        mine = mine or image["project_id"] in projects
        fits = not self.statuses or image["status"] in self.statuses
        return mine and fits and (not self.labels or bool(self.labels & set(image["labels"])))

    def received(self, message: TaskEvent | Change) -> Received:
        return received(message)

    def is_last(self, event: Received) -> bool:
        return bool(event.state) and event.state[0] == LAST

    def request(self, cursor: str) -> WatchTasksRequest | WatchChangesRequest:
        """Return the request; the first one of a client includes the initial state."""
        asked: dict[str, Any] = {"cursor": cursor, "include_initial": not cursor, "bookmarks": True}
        if self.through == "changes":
            return WatchChangesRequest(subject_types=["task"], **asked)
        return WatchTasksRequest(statuses=sorted(self.statuses), labels=sorted(self.labels), **asked)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Cut:
    """The time and the kind of a cut."""

    events: int
    seconds: float
    abruptly: bool
    starts_over: bool


def plan(seed: str, longest: float, most_events: int) -> Iterator[Cut]:
    """Yield cuts without end, the same ones for the same seed.

    Args:
        longest: time that a stream is given, in seconds.
        most_events: after which it is cut.
    """
    chance = random.Random(seed)
    while True:
        yield Cut(
            chance.randint(1, most_events), chance.uniform(0, longest), chance.random() < 0.5, chance.random() < 0.02
        )


def shown(task: Task) -> tuple[Any, ...]:
    """Return the values of a task that are compared."""
    return task.title, task.status, tuple(task.labels), task.created_by, task.assigned_to


def received(message: TaskEvent | Change) -> Received:
    """Return the event as it is compared. WatchTasks sends no version of a task that has left the view: 0."""
    if isinstance(message, Change):
        subject_id, version, kind = message.subject_id, message.subject_version, message.kind
    else:
        subject_id, version, kind = message.task.id, message.task.version, message.event_type
    state: Any = shown(message.task) if message.HasField("task") else None
    if _NAMES[kind] == "deleted":
        hidden = not message.left_view or message.task in (Task(), Task(id=subject_id))
        state = None if hidden else "it shows more than its id"
    seq = 0 if _NAMES[kind] in MARKS else seq_of(message.cursor)
    return Received(_NAMES[kind], subject_id, version, message.cursor, state, asyncio.get_running_loop().time(), seq)


@asynccontextmanager
async def over_grpc(
    address: str, look: Any, bearer: str, cursor: str, abruptly: bool, *, connection: int | None = None
) -> AsyncIterator[Any]:
    """Yield the messages of a stream.

    Args:
        connection: number of a connection that streams share, which a cut leaves open; None = one of its own.
    """
    operation = look.operation
    # Channels of equal options share a connection.
    option = ("grpc.use_local_subchannel_pool", 1) if connection is None else ("tests.connection", connection)
    async with grpc.aio.insecure_channel(address, options=[option]) as channel:
        method = channel.unary_stream(
            f"/{operation.name}",
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=operation.response_class.FromString,
        )
        call = method(look.request(cursor), metadata=(("authorization", bearer),))
        try:
            yield _of_call(call)
        finally:
            if not abruptly:
                call.cancel()


async def _of_call(call: Any) -> AsyncIterator[Any]:
    try:
        async for message in call:
            yield message
    except grpc.aio.AioRpcError as exc:
        raise EndedError(RESET if "RST_STREAM" in (exc.details() or "") else exc.code().name) from exc
    raise EndedError("OK")


@asynccontextmanager
async def over_sse(address: str, look: Any, bearer: str, cursor: str, abruptly: bool) -> AsyncIterator[Any]:
    """Yield the messages of a stream of server-sent events."""
    operation = look.operation
    call = messages.write_request(operation, look.request(cursor))
    target = f"{call.path}?{urllib.parse.urlencode(call.query)}"
    try:
        reader, writer = await asyncio.open_connection(*address.split(":"))
    except OSError as exc:
        raise EndedError(CLOSED) from exc
    try:
        writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {bearer}\r\n\r\n".encode())
        yield _of_blocks(_blocks(reader), operation.response_class)
    finally:
        if abruptly:
            writer.transport.abort()
        writer.close()


_REFUSALS = {"HTTP/1.1 429": BUSY, "HTTP/1.1 503": "UNAVAILABLE"}


async def _blocks(reader: asyncio.StreamReader) -> AsyncIterator[str]:
    """Yield the blocks between empty lines; the first is the head of the answer."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if not head.startswith("HTTP/1.1 200 "):
            raise EndedError(_REFUSALS.get(head[: len("HTTP/1.1 503")], head))
        text = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            text += await reader.readexactly(size)
            await reader.readexactly(2)
            *blocks, text = text.split(b"\n\n")
            for block in blocks:
                yield block.decode()
    except (OSError, asyncio.IncompleteReadError) as exc:
        raise EndedError(CLOSED) from exc
    raise EndedError("OK")


async def _of_blocks(blocks: AsyncIterator[str], message_type: Any) -> AsyncIterator[Any]:
    async for block in blocks:
        lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if lines.get("event") == "resync":
            raise EndedError(lines["data"])
        if "data" in lines:
            yield messages.from_json(message_type, json.loads(lines["data"]))
        elif "" in lines:
            raise EndedError(lines[""].partition(":")[0])


class Watcher:
    """One client, which keeps its cursor.

    Attributes:
        lives: its streams, grouped by initial states.
        in_vain: streams that were cut before they sent a cursor.
        cuts: how many streams it has cut.
        cut_off: how many others have ended.
    """

    def __init__(self, look: Any, bearer: str, connect: Callable[..., Any], cuts: Iterable[Cut]) -> None:
        self.look = look
        self.lives: list[list[Run]] = [[]]
        self.in_vain: list[Run] = []
        self.cuts = self.cut_off = 0
        self.cutting = True
        self._bearer = bearer
        self._connect = connect
        self._plan = cuts
        self._cursor = ""
        self._in_vain_again = 0
        self._was_cut_off = False

    async def watch(self, finishing: asyncio.Event) -> None:
        """Run until it has seen the last change, which is written after its cuts, or until `finish`."""
        for cut in self._plan:
            if finishing.is_set():
                break
            # A client that was cut off resumes: otherwise few would keep a cursor while a server is away.
            if cut.starts_over and not self._was_cut_off:
                self._start_over()
            await self._follow(cut)
        self.cutting = False
        await finishing.wait()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not any(self.look.is_last(event) for run in self.lives[-1] for event in run.received):
                await self._follow(None)

    def _start_over(self) -> None:
        self._cursor = ""
        self.lives.append([])

    async def _follow(self, cut: Cut | None) -> None:
        """Read one stream up to the cut; None = up to the last change."""
        run = Run(self._cursor, not self._cursor)
        let_through = self._in_vain_again >= MAX_IN_VAIN
        self._was_cut_off = False
        try:
            async with asyncio.timeout(cut.seconds if cut and not let_through else None):
                await self._receive(run, cut, let_through)
            self.cuts += cut is not None
        except TimeoutError:
            self.cuts += 1
        except EndedError as exc:
            if str(exc) not in AWAY:
                raise
            run.ended = exc
            self.cut_off += 1
            self._was_cut_off = True
            await asyncio.sleep(1 if str(exc) == BUSY else 0.1)  # As any client: not again at once.
        last = next((event.cursor for event in reversed(run.received) if event.cursor), "")
        if not last and not self._cursor:
            self.in_vain.append(run)
            self._in_vain_again += 1
            return
        self._in_vain_again = 0
        self._cursor = last or self._cursor
        self.lives[-1].append(run)

    async def _receive(self, run: Run, cut: Cut | None, let_through: bool) -> None:
        abruptly, complete = cut is not None and cut.abruptly, False
        async with self._connect(self.look, self._bearer, self._cursor, abruptly) as stream:
            async for message in stream:
                event = self.look.received(message)
                run.received.append(event)
                complete = complete or self.look.is_last(event)
                # If the initial state has the last change, its end is waited for.
                enough = cut and (event.cursor if let_through else len(run.received) >= cut.events)
                if enough or (complete and event.cursor):
                    return


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """Return the event loop of the whole run, in its own thread: grpc.aio does not support a second one."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="watchers", daemon=True).start()
    return loop


class Crowd:
    """All watchers of a test."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self.watchers = watchers
        self._finishing = asyncio.Event()

    def start(self) -> None:
        self._ended = asyncio.run_coroutine_threadsafe(self._watch(), _loop())

    @property
    def done_cutting(self) -> bool:
        """True when all have made their cuts; raises the failure of any."""
        if self._ended.done():
            self._ended.result()
        return not any(watcher.cutting for watcher in self.watchers)

    @property
    def cuts(self) -> int:
        return sum(watcher.cuts for watcher in self.watchers)

    @property
    def in_vain(self) -> int:
        return sum(len(watcher.in_vain) for watcher in self.watchers)

    @property
    def runs(self) -> list[Run]:
        return [run for watcher in self.watchers for life in watcher.lives for run in life]

    def finish(self) -> None:
        """Let them read up to the last change, which is written; raise the failure of any."""
        _loop().call_soon_threadsafe(self._finishing.set)
        self._ended.result()

    def stop(self) -> None:
        """End all of them at once."""
        self._ended.cancel()

    async def _watch(self) -> None:
        async with asyncio.TaskGroup() as group:
            for watcher in self.watchers:
                group.create_task(watcher.watch(self._finishing))

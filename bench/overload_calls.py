"""The calls of `bench.overload`: as many as the server can take, or at a fixed rate."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import grpc

#: Connections over gRPC; over REST, each call at a time has one, at most so many.
_CHANNELS, _MAX_CONNECTIONS = 4, 1_000
_TIMEOUT_SECONDS = 20
#: Calls start in groups, so that the generator's own work is small.
_TICK_SECONDS = 0.005
ADMITTED, REFUSED = "admitted", "refused"


@dataclass(frozen=True)
class Plan:
    """Calls of ListUsers with a page of this size, by callers in turn."""

    transport: str
    address: str
    bearers: list[str]
    page_size: int


@dataclass
class Outcome:
    """Results of the calls.

    Attributes:
        failed: what else they ended with → their number.
        cpu_seconds: what the calls cost this process.
        late_ms: how late its event loop was, at each tick: every time above includes as much of its own delay.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    admitted_ms: list[float] = field(default_factory=list)
    refused_ms: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    late_ms: list[float] = field(default_factory=list)


def both(one: Outcome, other: Outcome) -> Outcome:
    """Return the results of two runs as one."""
    return Outcome(
        seconds=one.seconds + other.seconds,
        cpu_seconds=one.cpu_seconds + other.cpu_seconds,
        admitted_ms=one.admitted_ms + other.admitted_ms,
        refused_ms=one.refused_ms + other.refused_ms,
        failed=one.failed + other.failed,
        late_ms=one.late_ms + other.late_ms,
    )


def run(plan: Plan, seconds: float, rate: float, at_once: int) -> Outcome:
    """Make calls for so long.

    Args:
        rate: calls in a second; 0 = always `at_once` calls.
    """
    return asyncio.run(_run(plan, seconds, rate, at_once))


async def _run(plan: Plan, seconds: float, rate: float, at_once: int) -> Outcome:
    caller: _GrpcCaller | _RestCaller = _GrpcCaller(plan) if plan.transport == "gRPC" else _RestCaller(plan)
    outcome = Outcome()
    bearers = itertools.cycle(plan.bearers)

    async def call() -> None:
        begun = time.perf_counter()
        ended = await caller.call(next(bearers))
        took = (time.perf_counter() - begun) * 1000
        if ended == ADMITTED:
            outcome.admitted_ms.append(took)
        elif ended == REFUSED:
            outcome.refused_ms.append(took)
        else:
            outcome.failed[ended] += 1

    began, cpu = time.perf_counter(), time.process_time()
    watching = asyncio.ensure_future(_watch_loop(outcome.late_ms))
    if rate:
        await _at_rate(call, rate, seconds)
    else:
        await asyncio.gather(*(_again(call, began + seconds) for _ in range(at_once)))
    outcome.seconds, outcome.cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    watching.cancel()
    await caller.close()
    return outcome


async def _watch_loop(late_ms: list[float]) -> None:
    while True:
        due = time.perf_counter() + _TICK_SECONDS
        await asyncio.sleep(_TICK_SECONDS)
        late_ms.append((time.perf_counter() - due) * 1000)


async def _again(call: Callable[[], Awaitable[None]], until: float) -> None:
    while time.perf_counter() < until:
        await call()


async def _at_rate(call: Callable[[], Awaitable[None]], rate: float, seconds: float) -> None:
    began, made, running = time.perf_counter(), 0, set[asyncio.Task[None]]()
    while (now := time.perf_counter() - began) < seconds:
        for _ in range(int(now * rate) - made):
            task = asyncio.ensure_future(call())
            running.add(task)
            task.add_done_callback(running.discard)
            made += 1
        await asyncio.sleep(_TICK_SECONDS)
    await asyncio.gather(*running)


class _GrpcCaller:
    def __init__(self, plan: Plan) -> None:
        from tandem.common.v1.common_pb2 import PaginationRequest
        from tandem.user.v1.user_pb2 import ListUsersRequest

        options = [("grpc.use_local_subchannel_pool", 1)]
        self._channels = [grpc.aio.insecure_channel(plan.address, options=options) for _ in range(_CHANNELS)]
        calls = [channel.unary_unary("/user.v1.UserService/ListUsers") for channel in self._channels]
        self._calls = itertools.cycle(calls)
        self._request = ListUsersRequest(pagination=PaginationRequest(page_size=plan.page_size)).SerializeToString()

    async def call(self, bearer: str) -> str:
        try:
            await next(self._calls)(self._request, metadata=(("authorization", bearer),), timeout=_TIMEOUT_SECONDS)
        except grpc.aio.AioRpcError as exc:
            is_refusal = exc.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            details = dict(exc.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
            return REFUSED if is_refusal and b"google.rpc.RetryInfo" in details else exc.code().name
        return ADMITTED

    async def close(self) -> None:
        for channel in self._channels:
            await channel.close()


class _RestCaller:
    def __init__(self, plan: Plan) -> None:
        host, _, port = plan.address.removeprefix("http://").partition(":")
        self._place = host, int(port)
        self._head = f"GET /api/v1/users?page_size={plan.page_size} HTTP/1.1\r\nHost: {host}\r\nAuthorization: "
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._places = asyncio.Semaphore(_MAX_CONNECTIONS)

    async def call(self, bearer: str) -> str:
        try:
            async with self._places, asyncio.timeout(_TIMEOUT_SECONDS):
                return await self._call(bearer)
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as exc:
            return type(exc).__name__

    async def _call(self, bearer: str) -> str:
        while self._idle and self._idle[-1][0].at_eof():  # The server has closed it.
            self._idle.pop()[1].close()
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(*self._place)
        try:
            writer.write(f"{self._head}{bearer}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
        except BaseException:
            writer.close()
            raise
        if b"connection: close" in head:
            writer.close()
        else:
            self._idle.append((reader, writer))
        status = int(head[9:12])
        if status == 200:
            return ADMITTED
        return REFUSED if status in (429, 503) and b"retry-after: " in head else f"HTTP {status}"

    async def close(self) -> None:
        for _, writer in self._idle:
            writer.close()

"""Streams of requests (bulk writes, command streams, recordings): their number is limited, and they share resources.

A client that sends nothing holds its slot and a thread, of which there are more than slots, and no shared resource: the
database connection is released while the stream waits for the next message. A silent stream ends with its credential
(`core.streams.STREAMS`). While messages are processed, the streams of one caller take turns.
"""

import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import closing, nullcontext
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from google.protobuf.message import Message

from core.concurrency.pacing import Pace
from core.concurrency.slots import Slot, Slots
from core.concurrency.turns import Turns
from core.db import thread_connections
from core.errors import Failure
from core.execution import authorize, authorize_call, identify, principal
from core.operations import Call
from core.request_pump import Pump
from core.streams import STREAMS

#: The slots of this process.
PLACES = Slots(
    lambda: settings.MAX_REQUEST_STREAMS,
    lambda: settings.MAX_REQUEST_STREAMS_PER_CALLER,
    full="The server has reached its limit of open uploads and command streams; try again later.",
    too_many="You have reached the limit of open uploads and command streams; end some first.",
    retry_after_seconds=5,
)
#: How many messages of one caller are processed at once; more would only compete for the interpreter.
AT_WORK_OF_ONE_CALLER = 2
#: Threads that authenticate the callers of streams that are then rejected.
_REFUSING = 8
_END = object()
_TURNS = Turns(10_000, max_per_caller=AT_WORK_OF_ONE_CALLER)
_PACE = Pace()


def threads() -> dict[str, Any]:
    """Return the arguments of the pool that serves these streams: a thread for each slot, and some to reject others."""
    size = settings.MAX_REQUEST_STREAMS + _REFUSING
    # The caller of a stream is authenticated in its thread, which then takes the slot. So the pool has no limits.
    return {
        "size": size,
        "share": size,
        "share_beside_others": size,
        "lazy": True,
        "at_rest": thread_connections.release_connections,
    }


def serve(
    call: Call,
    authorization: str | None,
    messages: Iterable[Message | ValidationError],
    end: Callable[[Failure], None],
    *,
    by_ticket: bool = False,
    certificate_uris: Collection[str] = (),
) -> Any:
    """Run an operation that takes a stream, in a slot of its caller.

    Args:
        by_ticket: the caller came with a stream ticket, which is valid once: only the check of open streams
            authenticates it again.
        certificate_uris: of the client's certificate, as for `core.execution.identify`.
        end: makes `messages` raise this failure, even while it waits for the client; see `core.streams.RequestStream`.

    Returns:
        The handler's result: a response message, or an iterator over them.

    Raises:
        RateLimited: the caller, or the process, has reached its limit of open streams.
        Exception: as `core.execution.execute`; an iterator raises while it is iterated over.
    """
    authorize_call(call)
    place = PLACES.take(principal(call))
    turn = _Turn(principal(call))
    items = _items(call, authorization, messages, turn, end, by_ticket=by_ticket, certificate_uris=certificate_uris)
    if call.operation.answers_stream:
        return _answers(_begun(call, items, turn, place), items, turn, place)
    with place:
        try:
            return call.operation.function(call, items)
        finally:
            turn.end()
            thread_connections.release_connections()


def _begun(call: Call, items: Generator[Any], turn: "_Turn", place: Slot) -> Iterator[Message]:
    """Return the handler's responses. A handler that fails before the first is refused as a unary call is."""
    try:
        return call.operation.function(call, items)  # type: ignore[no-any-return]
    except BaseException:
        items.close()
        turn.end()
        place.release()
        thread_connections.release_connections()
        raise


def receive(
    call: Call, authorization: str | None, messages: Iterable[Any], end: Callable[[Failure], None]
) -> Iterator[Any]:
    """Return the messages of a client, in a slot of its caller until they end: for uploads that are not operations.

    Args:
        end: as for `serve`.

    Raises:
        RateLimited: the caller, or the process, has reached its limit of open streams.
    """
    place = PLACES.take(principal(call))
    turn = _Turn(principal(call))
    return _in_place(_items(call, authorization, messages, turn, end), turn, place)


def _in_place(items: Iterator[Any], turn: "_Turn", place: Slot) -> Iterator[Any]:
    # A generator that never starts ends without `finally`; the slot is then released with the object.
    with place:
        try:
            yield from items
        finally:
            turn.end()
            thread_connections.release_connections()


def _answers(responses: Iterator[Message], items: Generator[Any], turn: "_Turn", place: Slot) -> Iterator[Message]:
    with place:  # As in `_in_place`.
        try:
            for response in responses:
                # A client that does not read these responses must not block its other streams.
                turn.end()
                thread_connections.release_connections()
                yield response
        finally:
            items.close()  # A failure would keep it until the garbage collector runs.
            turn.end()
            thread_connections.release_connections()


def _items(
    call: Call,
    authorization: str | None,
    messages: Iterable[Message | ValidationError],
    turn: "_Turn",
    end: Callable[[Failure], None],
    *,
    by_ticket: bool = False,
    certificate_uris: Collection[str] = (),
) -> Generator[Any]:
    """Yield the messages of a client's stream; authenticate and authorize its caller again before each. Yield the ticks
    of an operation that has them.

    Raises:
        Unauthenticated, PermissionDenied: the call is no longer permitted.
        Unavailable: the process is draining.
    """

    def look() -> None:
        STREAMS.check_going_on()
        thread_connections.refresh()
        if not by_ticket:
            call.credential = authorize(call.operation, identify(call.operation, authorization, certificate_uris))

    call.reauthorize = look
    waiting: Iterator[Any] = iter(messages)
    pump = Pump(waiting) if call.operation.ticks else None
    if pump is not None:
        waiting, call.wake = pump, pump.wake
    with STREAMS.requests_of(call, end), closing(pump) if pump else nullcontext():
        while True:
            turn.end()
            thread_connections.release_connections()
            message = next(waiting, _END)
            if message is _END:
                return
            turn.begin()
            if message is None:
                thread_connections.refresh()
            else:
                look()
            yield message


class _Turn:
    """The turn of one stream, held while a message is processed."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._held = False
        #: The CPU time of the thread when the last turn began.
        self._seconds = time.thread_time()

    def begin(self) -> None:
        if not self._held:
            seconds = time.thread_time()
            _PACE.worked(self._owner, max(0.0, seconds - self._seconds), streams=PLACES.count_of(self._owner))
            self._seconds = seconds
            _TURNS.take(self._owner)
            self._held = True
            _PACE.rest(self._owner)

    def end(self) -> None:
        if self._held:
            self._held = False
            _TURNS.release(self._owner)

"""Streams of requests (bulk writes, command streams, recordings): how many may be open, and what they hold meanwhile.

A client that sends nothing holds its place and a thread, of which there are more than places, and nothing that others
wait for: the database connection is given back while the next message is awaited. While messages are worked on, the
streams of one caller take turns.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from google.protobuf.message import Message

from core.concurrency.pacing import Pace
from core.concurrency.slots import Slot, Slots
from core.concurrency.turns import Turns
from core.db import thread_connections
from core.operations import Call, authorize, identify, principal
from core.streams import STREAMS

#: Those of this process.
PLACES = Slots(
    lambda: settings.MAX_REQUEST_STREAMS,
    lambda: settings.MAX_REQUEST_STREAMS_PER_CALLER,
    full="The server has as many open uploads and command streams as it takes; try again in a while.",
    too_many="You have as many open uploads and command streams as one caller may have; end some first.",
    retry_after_seconds=5,
)
#: Messages of one caller that are worked on at once; more would only fight for the interpreter.
AT_WORK_OF_ONE_CALLER = 2
#: Threads that find out whose a stream is, and refuse it.
_REFUSING = 8
_TURNS = Turns(10_000, max_per_caller=AT_WORK_OF_ONE_CALLER)
_PACE = Pace()


def threads() -> dict[str, Any]:
    """How a pool is made whose threads serve these streams: one for each place, and some to refuse what is too much."""
    size = settings.MAX_REQUEST_STREAMS + _REFUSING
    # Whose a stream is, is known for certain only in its thread: there its place is taken.
    return {
        "size": size,
        "share": size,
        "share_beside_others": size,
        "lazy": True,
        "at_rest": thread_connections.give_back,
    }


def serve(call: Call, authorization: str | None, messages: Iterable[Message | ValidationError]) -> Any:
    """Run an operation that takes a stream, in a place of its caller's.

    Returns:
        What its function returns: a response message, or an iterator over them.

    Raises:
        RateLimited: the caller, or the process, has as many open as may be.
        Exception: as `core.operations.execute`; an iterator raises while it is iterated over.
    """
    call.credential = authorize(call.operation, call.credential)
    place = PLACES.take(principal(call))
    turn = _Turn(principal(call))
    sent = _items(call, authorization, messages, turn)
    if call.operation.answers_stream:
        return _answers(call.operation.function(call, sent), turn, place)
    with place:
        try:
            return call.operation.function(call, sent)
        finally:
            turn.end()
            thread_connections.give_back()


def received(call: Call, authorization: str | None, messages: Iterable[Any]) -> Iterator[Any]:
    """Return what a client sends, in a place of its caller's until it ends: for uploads that are no operation.

    Raises:
        RateLimited: the caller, or the process, has as many open as may be.
    """
    place = PLACES.take(principal(call))
    turn = _Turn(principal(call))
    return _in_place(_items(call, authorization, messages, turn), turn, place)


def _in_place(sent: Iterator[Any], turn: "_Turn", place: Slot) -> Iterator[Any]:
    # A generator that never begins ends without `finally`: then the place ends with it.
    with place:
        try:
            yield from sent
        finally:
            turn.end()
            thread_connections.give_back()


def _answers(responses: Iterator[Message], turn: "_Turn", place: Slot) -> Iterator[Message]:
    with place:  # As in `_in_place`.
        try:
            for response in responses:
                # A client that does not read its answers must not keep its other streams from theirs.
                turn.end()
                thread_connections.give_back()
                yield response
        finally:
            turn.end()
            thread_connections.give_back()


def _items(
    call: Call, authorization: str | None, messages: Iterable[Message | ValidationError], turn: "_Turn"
) -> Iterator[Message | ValidationError]:
    """The messages of a client's stream, each after a look whether its caller is still let in.

    Raises:
        Unauthenticated, PermissionDenied: no longer.
        Unavailable: the process is ending.
    """

    def look() -> None:
        STREAMS.check_going_on()
        thread_connections.refresh()
        call.credential = authorize(call.operation, identify(call.operation, authorization))

    call.look_again = look
    waiting = iter(messages)
    while True:
        turn.end()
        thread_connections.give_back()
        message = next(waiting, None)
        if message is None:
            return
        turn.begin()
        look()
        yield message


class _Turn:
    """The turn of one stream, which it has while a message is worked on."""

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
            _TURNS.give_back(self._owner)

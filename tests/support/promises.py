"""The promises of docs/integrate/streams.md, each as a function that finds where one is broken.

They compare records of clients with the changes due by the log, offline, so tests of any kind share them: those
that cut streams, kill processes, or only read slowly. The changes due are computed by the test, not by the feed.
"""

import base64
import itertools
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Names of events that are of no subject.
MARKS = ("bookmark", "snapshot_end")
#: A cursor begins with the epoch, and the number after which it resumes. That of a subject that entered or left the
#: view by a change of a membership resumes within that change, and is longer.
_PLACE, _LENGTH = struct.Struct(">16xQ"), 64


def seq_of(cursor: str) -> int:
    """Return the number of the change that the event with this cursor is about; 0 = it has none."""
    if not cursor:
        return 0
    (seq,) = _PLACE.unpack(base64.urlsafe_b64decode(cursor)[: _PLACE.size])
    return int(seq) + (len(cursor) > _LENGTH)


@dataclass(frozen=True, slots=True)
class Received:
    """One event as a client recorded it.

    Attributes:
        state: of the subject; None = deleted or no longer visible.
        at: by the clock of `time.monotonic`.
        seq: number of the change, if the record has it.
    """

    name: str
    subject_id: str
    version: int
    cursor: str
    state: Any = None
    at: float = 0.0
    seq: int = 0


@dataclass(slots=True)
class Run:
    """One stream of a client, from its call to its end.

    Attributes:
        after: the cursor that it resumed from; empty = from the present, or with the initial state.
        ended: how it ended; None = the client closed it.
    """

    after: str = ""
    initial: bool = False
    received: list[Received] = field(default_factory=list)
    ended: BaseException | None = None

    @property
    def live(self) -> list[Received]:
        """Its changes, without the initial state."""
        return [event for event in self.received if event.cursor and event.name not in MARKS]


@dataclass(frozen=True, slots=True)
class Due:
    """One change that the client should receive.

    Attributes:
        state: as in `Received`.
        optional: it may be withheld, because the client has left the group that saw it.
        moved: the subject did not change; a change of a membership moved it into the view, or out of it.
    """

    seq: int
    xid: int
    subject_id: str
    version: int
    name: str
    state: Any = None
    optional: bool = False
    moved: bool = False

    def is_as(self, event: Received) -> bool:
        return (self.name, self.state, self.version) == (event.name, event.state, event.version)


class Truth:
    """The changes due to a client, in the order of the log."""

    def __init__(self, due: Sequence[Due]) -> None:
        self.due = due
        self.place = {(each.subject_id, each.version): number for number, each in enumerate(due)}
        self.place_by_seq = {(each.subject_id, each.seq): number for number, each in enumerate(due)}
        #: Of each subject, in order.
        self.places: dict[str, list[int]] = {}
        for number, each in enumerate(due):
            self.places.setdefault(each.subject_id, []).append(number)

    def of(self, event: Received) -> int | None:
        """Return the position of the event among the changes due."""
        if event.seq:
            return self.place_by_seq.get((event.subject_id, event.seq))
        return self.place.get((event.subject_id, event.version))

    def contained(self, event: Received) -> list[int]:
        """Return the positions of the changes that an event contains whose subject a membership moved in a later state.

        A stream shows a subject in this way with the changes that its initial state contains, and does not send them.
        """
        place = self.of(event)
        if len(event.cursor) <= _LENGTH or event.state is None or (place is not None and self.due[place].is_as(event)):
            return []
        places = self.places.get(event.subject_id, [])
        for number, due in enumerate((self.due[place] for place in places), 1):
            if due.seq > event.seq and (due.version, due.state) == (event.version, event.state):
                return places[:number]
        return []

    def final(self) -> dict[str, Any]:
        """Return the subjects in the client's view at the end, with their states."""
        state = {each.subject_id: each.state for each in self.due}
        return {subject_id: value for subject_id, value in state.items() if value is not None}


def ordered(run: Run, truth: Truth) -> Iterator[str]:
    """1: by the log's number; each transaction's changes together."""
    places = [truth.of(event) for event in run.live]
    known = [place for place in places if place is not None]
    for before, place in itertools.pairwise(known):
        if truth.due[place].seq < truth.due[before].seq:
            yield f"{truth.due[place]} came after {truth.due[before]}"
    transactions = [xid for xid, _ in itertools.groupby(truth.due[place].xid for place in known)]
    if len(transactions) != len(set(transactions)):
        yield "a transaction's changes were torn apart"


def complete(client: Sequence[Run], truth: Truth) -> Iterator[str]:
    """2: from the client's first change to its last, over all its streams, nothing that was due is missing.

    What the initial state accounts for is not missing: of each subject the first changes, up to the version that the
    state held, or, where it held none, up to one by which the subject left the view.
    """
    seen_by = [{place for event in run.live if (place := truth.of(event)) is not None} for run in client]
    if client[0].initial:
        seen_by[0] |= {place for event in client[0].live for place in truth.contained(event)}
    seen = set[int]().union(*seen_by)
    if not seen:
        return
    first_seen, last_seen = min(seen), _last_due(client, truth, max(seen))
    held = {event.subject_id: event.version for run in client for event in run.received if not event.cursor}
    initial = client[0].initial
    first_after_a_cursor = min(set[int]().union(*seen_by[1:]), default=0)
    for subject_id, places in truth.places.items():
        first = next((place for place in places if place in seen), len(truth.due))
        # The changes that were not sent before the first one that was.
        accounted = [place for place in places if place < first] if initial else []
        if subject_id in held:
            accounted = [place for place in accounted if truth.due[place].version <= held[subject_id]]
        elif first not in seen_by[0] and any(truth.due[place].state is None for place in places if place >= first):
            # The state may be newer: the stream that resumes from the state's cursor repeats changes that it held. If
            # it resumed within a change of a membership, what that change moved before is not repeated.
            resumed_at = truth.due[first_after_a_cursor]
            accounted = [
                place
                for place in accounted
                if place < first_after_a_cursor or (truth.due[place].moved and truth.due[place].seq == resumed_at.seq)
            ]
        elif first < len(truth.due) and truth.due[first].moved and truth.due[first].state is None:
            # A change of a membership that the state held is shown again: subjects leave that the state did not hold.
            pass
        else:
            while accounted and truth.due[accounted[-1]].state is not None:
                accounted.pop()
        begin = 0 if initial else bisect_left(places, first_seen)
        missing = set(places[begin : bisect_right(places, last_seen)]) - seen
        for place in sorted(missing.difference(accounted)):
            if not truth.due[place].optional:
                yield f"lost: {truth.due[place]}"


def _last_due(client: Sequence[Run], truth: Truth, last_seen: int) -> int:
    """Return the position up to which everything was due: that of the client's last change.

    What one change of a membership moves comes in any order, and a client that has not seen its end may have any part.
    """
    last = truth.due[last_seen]
    if not last.moved:
        return last_seen
    cursors = (event.cursor for run in client for event in run.received if event.cursor)
    if any(len(cursor) <= _LENGTH and seq_of(cursor) >= last.seq for cursor in cursors):
        return last_seen
    return bisect_left(truth.due, last.seq, key=lambda due: due.seq) - 1


def unique(run: Run) -> Iterator[str]:
    """3: within a stream each change comes once, and a newer version of a subject never before an older one.

    A subject leaves the view and enters it again with the same version, if its client leaves and joins a group.
    """
    newest: dict[str, tuple[int, int]] = {}
    for event in run.received:
        if event.name in MARKS:
            continue
        if (event.version, event.seq) <= newest.get(event.subject_id, (0, 0)):
            yield f"doubled, or after a newer one: {event}"
        newest[event.subject_id] = event.version, event.seq


def resumed(client: Sequence[Run], truth: Truth) -> Iterator[str]:
    """4: a stream resumes right after its cursor."""
    by_cursor = {event.cursor: truth.of(event) for run in client for event in run.live}
    for run in client:
        place = by_cursor.get(run.after)
        if place is None or not run.live:
            continue
        first = truth.of(run.live[0])
        # Subjects that one change moved into the view, or out of it, come in any order. One that has changed since it
        # was sent may come once more, from the log and so with another cursor.
        resumed_at, begun_at = truth.due[place].seq, -1 if first is None else truth.due[first].seq
        may_repeat = len(run.after) > _LENGTH and run.live[0].cursor != run.after
        is_next = begun_at >= resumed_at and (first != place or may_repeat)
        if not is_next or any(resumed_at < due.seq < begun_at and not due.optional for due in truth.due[place:first]):
            yield f"after {truth.due[place]} it went on with {run.live[0]}"


def joined(client: Sequence[Run], final: dict[str, Any]) -> Iterator[str]:
    """5: the initial state and what followed, newer over older, is what there is at the end."""
    copy: dict[str, tuple[int, Any]] = {}
    for event in (event for run in client for event in run.received if event.name not in MARKS):
        if event.version >= copy.get(event.subject_id, (0, None))[0]:
            copy[event.subject_id] = event.version, event.state
    state = {subject_id: state for subject_id, (_, state) in copy.items() if state is not None}
    for subject_id in state.keys() | final.keys():
        if state.get(subject_id) != final.get(subject_id):
            yield f"{subject_id} is {final.get(subject_id)}, and the copy says {state.get(subject_id)}"


def bookmarked(run: Run, seconds: float = 15.0) -> Iterator[str]:
    """6: a bookmark at least every so often."""
    times = [run.received[0].at, *(event.at for event in run.received if event.name == "bookmark"), run.received[-1].at]
    for before, after in itertools.pairwise(times):
        if after - before > seconds:
            yield f"no bookmark for {after - before:.1f} s"


def in_view(run: Run, truth: Truth) -> Iterator[str]:
    """7: nothing but what was due, as it was due: whole on entering, no more than its id on leaving."""
    held = {(event.subject_id, event.version) for event in run.received if not event.cursor}
    for event in run.live:
        place = truth.of(event)
        is_as_due = place is not None and truth.due[place].is_as(event)
        # A change of a membership may move a subject as the initial state has it.
        has_left = len(event.cursor) > _LENGTH and event.state is None and (event.subject_id, event.version) in held
        if not is_as_due and not has_left and not (run.initial and truth.contained(event)):
            yield f"not for this client: {event}" if place is None else f"{event} should be {truth.due[place]}"


def ended_well(run: Run, expected: type[BaseException], *, bookmarks: bool) -> Iterator[str]:
    """9: it ended for the reason that it should, and with a last bookmark if there was one to give."""
    if not isinstance(run.ended, expected):
        yield f"it ended by {run.ended!r}"
    if bookmarks and run.received and run.received[-1].name != "bookmark":
        yield "it ended without a bookmark"


def latency(delays: Sequence[float]) -> tuple[float, float]:
    """10: p50 and p99 of these."""
    ordered_delays = sorted(delays)
    return ordered_delays[len(delays) // 2], ordered_delays[int(len(delays) * 0.99)]


def broken(client: Sequence[Run], truth: Truth, *, final: dict[str, Any] | None = None) -> list[str]:
    """Return the breaches of the promises that hold for any client: 1 to 5 and 7. (8: they hold for slow ones, too.)

    Args:
        final: the subjects at the end, if the client has seen all changes.
    """
    found = [*complete(client, truth), *resumed(client, truth)]
    for run in client:
        found += [*ordered(run, truth), *unique(run), *in_view(run, truth)]
    return found + list(joined(client, final) if final is not None else ())

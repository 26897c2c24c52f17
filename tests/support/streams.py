"""Streams of notes, read as by a transport, with real sequencers and tailers."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from changes.feed import log, subjects
from changes.feed.hub import Hub
from changes.feed.log import ChangeRecord
from changes.feed.memberships import Membership
from changes.feed.numberer import Sequencer
from changes.feed.subjects import Subject, Visibility
from changes.feed.tailer import Tailer
from changes.feed.view import EventKind, Subscription
from changes.feed.watching import Watch, open_watch
from changes.messages import change_message
from changes.models import Change as ChangeRow
from core.feeds import Event
from tandem.change.v1.change_pb2 import Change
from tandem.task.v1.task_pb2 import Task
from tests.support.notes import Note, NoteMember, team
from tests.support.servers import until

PATIENCE_SECONDS = 20


@dataclass(frozen=True)
class Actor:
    """Sees the notes whose labels name one of its groups."""

    groups: frozenset[str]
    pk: str = "ann"


def actor(*groups: str) -> Actor:
    return Actor(frozenset(groups))


def user(*groups: str) -> Actor:
    """Return an actor who may be a member of teams."""
    return Actor(frozenset(groups), str(uuid.uuid4()))


#: Sees the notes that are labelled for all.
ALL = actor("all")


def audience(image: Mapping[str, Any]) -> dict[str, Visibility]:
    extent = Visibility.PART if "part" in image["facts"] else Visibility.WHOLE
    members = {team(image["team_id"]): Visibility.WHOLE} if image["team_id"] else {}
    return {**dict.fromkeys(image["labels"], extent), **members}


def note_message(note: Note, extent: Visibility) -> Task:
    """Return a note as the message of a task, because notes have no contract."""
    description = str(note.facts) if extent is Visibility.WHOLE else ""
    return Task(id=str(note.pk), title=note.title, description=description, version=note.version)


def note_change(kind: EventKind, change: ChangeRecord | None, extent: Visibility) -> Change:
    if change is None or kind not in (EventKind.CREATED, EventKind.UPDATED):
        return change_message(kind, change, extent)
    subject = subjects.of("note")
    return Change(
        subject_type="note",
        subject_id=change.subject_id,
        subject_version=change.version,
        kind=change_message(kind, None, extent).kind,
        task=subject.message(subject.row(change.new), extent),
        changed_fields=subject.changed_fields(change, extent) if kind is EventKind.UPDATED else [],
        traceparent=change.traceparent,
    )


NOTES = Subject(
    Note,
    message=note_message,
    audience=audience,
    groups=lambda who: who.groups,
    paths={"facts": "description"},
    partial=frozenset({"id", "title"}),
    shared_by={"note.member": "team_id"},
    overseers=frozenset({"overseers"}),
)
NOTE_MEMBERS = Membership(NoteMember, owner="team_id", group=team)


def view(**options: Any) -> Subscription:
    return Subscription("tests.WatchNotes", note_change, ("note",), **options)


@dataclass
class Stream:
    """A client: its events so far, taken by its own thread's calls of `take_until`."""

    watch: Watch
    events: list[tuple[Event, Change]] = field(default_factory=list)
    ended: BaseException | None = None

    def __post_init__(self) -> None:
        self.waked = threading.Event()
        self.watch.start(self.waked.set)

    def take_all(self) -> None:
        """Take the events that are there, without waiting."""
        while self.ended is None:
            self.waked.clear()
            if not self.take(50) and not self.waked.is_set():
                return

    def take(self, limit: int) -> int:
        """Take at most this many events, and return how many there were; the end counts as none."""
        try:
            taken = self.watch.take(limit)
        except Exception as exc:
            self.ended = exc
            return 0
        self.events += [(event, _received(event)) for event in taken]
        return len(taken)

    def take_until(self, condition: Callable[["Stream"], bool]) -> "Stream":
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            self.take_all()
            if condition(self):
                return self
            assert self.ended is None, self.ended
            assert time.monotonic() < deadline, f"only {self.events}"
            self.waked.wait(0.1)

    def take_titles(self, *titles: str) -> "Stream":
        """Until the last one of these has come."""
        return self.take_until(lambda stream: titles[-1] in stream.titles)

    @property
    def changes(self) -> list[Change]:
        return [change for _, change in self.events]

    @property
    def titles(self) -> list[str]:
        return [change.task.title for change in self.changes if change.HasField("task")]

    @property
    def outline(self) -> list[tuple[str, str]]:
        """The name of each event, and the title of its note, or how a note disappeared."""
        return [
            (event.name, change.task.title or ("left" if change.left_view else "")) for event, change in self.events
        ]

    @property
    def cursor(self) -> str:
        return next(event.cursor for event, _ in reversed(self.events) if event.cursor)

    def close(self) -> None:
        self.watch.close()


def _received(event: Event) -> Any:
    message_type: Any = type(event.payload.message)
    # As on the wire: what is shared, and the cursor after it.
    encoded = event.payload.encoded(_serialized) + message_type(cursor=event.cursor).SerializeToString()
    return message_type.FromString(encoded)


def _serialized(message: Any) -> bytes:
    return bytes(message.SerializeToString())


class Process:
    """The parts of a serving process: hub, tailer and sequencer."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.numberer = Sequencer()
        self.tailer = Tailer(self.hub)
        self._streams: list[Stream] = []

    def start(self) -> "Process":
        self.numberer.start()
        self.tailer.start()
        until(lambda: self.hub.known_head is not None)
        return self

    def stop(self) -> None:
        for stream in self._streams:
            stream.close()
        self.tailer.stop()
        self.numberer.stop()

    def watch(self, who: Actor, what: Subscription | None = None, **options: Any) -> Stream:
        stream = Stream(open_watch(self.hub, what or view(), who, **options))
        self._streams.append(stream)
        return stream


@contextmanager
def process() -> Iterator[Process]:
    running = Process()
    try:
        yield running.start()
    finally:
        running.stop()


def caught_up(process: Process) -> None:
    """Until all that is written is numbered, and read by this process."""
    until(lambda: not ChangeRow.objects.filter(seq=None).exists())
    until(lambda: process.hub.head.seq == log.read_head().seq)


def write(title: str, *labels: str, **fields: Any) -> Note:
    labels = labels or (() if "team_id" in fields else ("all",))
    return Note.objects.create(id=uuid.uuid4(), title=title, labels=labels, **fields)


def one_cursor(feed: Process) -> str:
    """Return the cursor of a change that is written for it."""
    stream = feed.watch(ALL)
    write("for a cursor")
    return stream.take_titles("for a cursor").cursor


def prune_to(stream: Stream, title: str) -> None:
    """Prune all changes before the creation of a note."""
    oldest = ChangeRow.objects.get(new__title=title, operation="created").seq
    with connection.cursor() as db:
        db.execute("UPDATE changes_head SET oldest = %s", [oldest])
    ChangeRow.objects.filter(seq__lt=oldest).delete()

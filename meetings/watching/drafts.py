"""Drafts of live meetings in the streams of this process."""

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from changes.feed.watching import Watch
from core.actors import Actor
from core.db.listener import NotificationListener
from core.feeds import Event, Payload
from meetings.services.drafts import CHANNEL
from tandem.meeting.v1 import meeting_pb2

_POLL_SECONDS = 5.0


class Drafts:
    """Receives the drafts of all meetings while this process has streams that show them."""

    def __init__(self) -> None:
        self._streams: defaultdict[str, set[WithDrafts]] = defaultdict(set)
        self._lock = threading.Lock()
        self._listener = NotificationListener(
            "drafts",
            channel=CHANNEL,
            poll_seconds=_POLL_SECONDS,
            step=lambda was_woken: None,
            receive=self._receive,
        )

    def add(self, stream: "WithDrafts") -> None:
        with self._lock:
            self._streams[stream.meeting_id].add(stream)
        self._listener.start()

    def remove(self, stream: "WithDrafts") -> None:
        with self._lock:
            streams = self._streams[stream.meeting_id]
            streams.discard(stream)
            if not streams:
                del self._streams[stream.meeting_id]
        if not self._streams:
            # In a thread: the caller may be an event loop.
            threading.Thread(target=self._stop, daemon=True).start()

    def _stop(self) -> None:
        if not self._streams:
            self._listener.stop()
        if self._streams:
            self._listener.start()

    def _receive(self, text: str) -> None:
        draft = meeting_pb2.Draft(**json.loads(text))
        with self._lock:
            streams = list(self._streams.get(draft.meeting_id, ()))
        if streams:
            event = Event("draft", Payload(meeting_pb2.WatchMeetingResponse(draft=draft)), "")
            for stream in streams:
                stream.offer(event)


#: The drafts that this process receives.
DRAFTS = Drafts()


class WithDrafts:
    """The stream of a meeting, and the newest draft whenever nothing else is to be sent."""

    def __init__(self, watch: Watch, meeting_id: str) -> None:
        self.meeting_id = meeting_id
        self._watch = watch
        self._draft: Event | None = None
        self._wake: Callable[[], None] = lambda: None

    @property
    def behind(self) -> bool:
        return self._watch.behind

    def start(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        DRAFTS.add(self)
        self._watch.start(wake)

    def take(self, limit: int) -> Sequence[Event]:
        if events := self._watch.take(limit):
            return events
        draft, self._draft = self._draft, None
        return [draft] if draft else events

    def offer(self, draft: Event) -> None:
        """Show this draft in place of an earlier one that has not been sent."""
        self._draft = draft
        self._wake()

    def authorize(self, actor: Actor) -> None:
        self._watch.authorize(actor)

    def end(self, failure: Any) -> None:
        self._watch.end(failure)

    def close(self) -> None:
        DRAFTS.remove(self)
        self._watch.close()

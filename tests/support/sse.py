"""A client of server-sent events, as a browser is one."""

import http.client
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

PATIENCE_SECONDS = 20


@dataclass
class ServerEvent:
    """One event; `id` is None where the server sent none."""

    name: str = ""
    id: str | None = None
    data: Any = None


@dataclass
class EventSource:
    """An open stream.

    Attributes:
        comments: the comments of the server between events.
    """

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        self.connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE_SECONDS)
        self.connection.request(
            "GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=self.headers
        )
        self.response = self.connection.getresponse()
        self.status = self.response.status

    def __enter__(self) -> "EventSource":
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        self.response.close()
        self.connection.close()

    def next(self) -> ServerEvent | None:
        """Return the next event; None when the server has ended the stream."""
        event, has_name = ServerEvent(), False
        while line := self.response.readline():
            text = line.decode().rstrip("\n")
            if not text:
                if has_name:
                    return event
                continue
            name, _, value = text.partition(":")
            value = value.removeprefix(" ")
            match name:
                case "":
                    self.comments.append(value)
                case "event":
                    event.name, has_name = value, True
                case "id":
                    event.id = value
                case "data":
                    event.data = json.loads(value)
        return None

    def take(self, count: int) -> list[ServerEvent]:
        """Return this many events."""
        events = []
        while len(events) < count:
            event = self.next()
            assert event is not None, f"ended after {len(events)} of {count} events: {self.comments}"
            events.append(event)
        return events

    def rest(self) -> list[ServerEvent]:
        """Return all events until the server ends the stream."""
        events = []
        while (event := self.next()) is not None:
            events.append(event)
        return events

"""`manage.py` with a fault that the validators must find. The first argument selects it.

skip    live streams are not offered every second change
jump    a cursor resumes one change too late
hide    a task that leaves the view is not sent
swap    changes that are read together are sent in the wrong order
stay    what a user no longer sees after leaving a project is not sent as gone
"""

import sys
from typing import Any

import django
from django.core.management import execute_from_command_line

django.setup()

from changes.feed import cursors  # noqa: E402 - models need their apps
from changes.feed.crossing import Crossing  # noqa: E402
from changes.feed.hub import Hub  # noqa: E402
from changes.feed.view import EventKind, SubscriptionScope  # noqa: E402
from changes.feed.watching import Watch  # noqa: E402
from tests.support.faults.watchers import LAST  # noqa: E402


def is_last(change: Any) -> bool:
    """Return whether this is the change without which no client would end."""
    return change.new is not None and change.new.get("title") == LAST


def skip() -> None:
    offer = Watch.offer

    def skipping(watch: Watch, change: Any) -> bool:
        return (change.seq % 2 == 0 or is_last(change)) and offer(watch, change)

    Watch.offer = skipping  # type: ignore[method-assign]


def jump() -> None:
    read = cursors.read
    cursors.read = lambda cursor, stamp, head: cursors.Position(min(read(cursor, stamp, head).seq + 1, head.seq))


def hide() -> None:
    shown = SubscriptionScope.shown

    def hiding(viewer: SubscriptionScope, change: Any) -> Any:
        found = shown(viewer, change)
        return None if found and found[0] is EventKind.LEFT else found

    SubscriptionScope.shown = hiding  # type: ignore[method-assign]


def stay() -> None:
    page = Crossing.page

    def staying(crossing: Crossing, limit: int = 0) -> Any:
        return [row for row in page(crossing, limit) if row.kind is not EventKind.LEFT]

    Crossing.page = staying  # type: ignore[method-assign]


def swap() -> None:
    publish = Hub.publish

    def swapping(hub: Hub, head: Any, changes: Any) -> None:
        # A stream that reads a swapped batch from memory misses all that comes after its highest number.
        # One that follows a membership in a swapped batch waits for ever.
        kept = any(is_last(change) or change.subject_type.endswith(".member") for change in changes)
        publish(hub, head, changes if kept else changes[::-1])

    Hub.publish = swapping  # type: ignore[method-assign]


if __name__ == "__main__":
    _, fault, *arguments = sys.argv
    globals()[fault]()
    execute_from_command_line(["manage.py", *arguments])

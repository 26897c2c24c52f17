"""Teams, whose members see their notes."""

import uuid
from typing import Any

from tests.support.notes import Note, NoteMember
from tests.support.streams import Actor, Process, Stream, caught_up, write

TEAM, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


def join(who: Actor, team_id: uuid.UUID = TEAM) -> None:
    NoteMember.objects.create(user_id=who.pk, team_id=team_id)


def leave(who: Actor, team_id: uuid.UUID = TEAM) -> None:
    NoteMember.objects.filter(user_id=who.pk, team_id=team_id).delete()


def change(note: Note, **fields: Any) -> None:
    Note.objects.filter(pk=note.pk).update(**fields)


def marked(stream: Stream, title: str) -> Stream:
    """Write a note for the stream's actor, and read until it comes."""
    write(title, "mine")
    return stream.take_titles(title)


def followed(feed: Process, who: Actor, **options: Any) -> Stream:
    """Return a stream that is live after all that was written before."""
    caught_up(feed)
    stream = feed.watch(who, **options)
    stream.take_all()
    return stream

"""Streams that resume, begin or go in pages while their actor joins and leaves groups."""

import gc
import uuid
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction

from changes.feed import crossing, listing, memberships
from changes.feed.watching import open_watch
from core.errors import CursorExpired
from tests.support.notes import Note, NoteMember, team
from tests.support.streams import NOTE_MEMBERS, Actor, Process, caught_up, prune_to, user, view, write
from tests.support.teams import OTHER, TEAM, change, followed, join, leave, marked


@pytest.fixture
def ann() -> Actor:
    return user("mine")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crossing, "PAGE_SIZE", 2)


class TestResuming:
    @pytest.fixture
    def cursor(self, feed: Process, ann: Actor) -> str:
        stream = feed.watch(ann)
        return marked(stream, "cursor").cursor

    def test_join_while_away(self, feed: Process, ann: Actor, cursor: str) -> None:
        note = write("a", team_id=TEAM)
        change(note, title="b")
        join(ann)
        change(note, title="c")
        assert marked(feed.watch(ann, cursor=cursor), "end").outline == [
            ("updated", "b"), ("updated", "c"), ("created", "end"),
        ]  # fmt: skip

    def test_leave_while_away(self, feed: Process, ann: Actor) -> None:
        join(ann)
        note = write("a", team_id=TEAM)
        moved = write("m", team_id=TEAM)
        cursor = marked(feed.watch(ann), "cursor").cursor
        change(note, title="no longer shown")
        change(moved, team_id=OTHER)
        leave(ann)
        change(note, title="secret")
        again = marked(feed.watch(ann, cursor=cursor), "end")
        assert again.outline == [("deleted", "left"), ("deleted", "left"), ("created", "end")]
        assert [event.subject_id for event in again.changes[:2]] == [str(moved.pk), str(note.pk)]

    def test_join_and_leave_while_away(self, feed: Process, ann: Actor, cursor: str) -> None:
        write("a", team_id=TEAM)
        join(ann)
        leave(ann)
        again = marked(feed.watch(ann, cursor=cursor), "end")
        assert again.titles == ["end"], "nothing is shown of what the caller may not see now"

    @pytest.mark.parametrize("taken", range(1, 11))
    def test_cut_within_what_enters(self, feed: Process, ann: Actor, cursor: str, small: None, taken: int) -> None:
        changed = [write(f"changed {number}", team_id=TEAM) for number in range(5)]
        [write(f"same {number}", team_id=TEAM) for number in range(5)]
        join(ann)
        for note in changed:
            change(note, title="later")
        write("end", "mine")
        caught_up(feed)
        stream = feed.watch(ann, cursor=cursor)
        while len(stream.events) < taken:
            stream.take(1)
        again = feed.watch(ann, cursor=stream.cursor).take_titles("end")
        entered = {f"{kind} {number}" for kind in ("changed", "same") for number in range(5)}
        both = stream.titles + again.titles
        assert entered <= set(both)
        assert both.count("end") == 1
        assert all(both.count(title) == 1 for title in entered if title.startswith("same"))
        assert again.titles[-6:] == ["later"] * 5 + ["end"]

    def test_changes_since_then_are_pruned(self, feed: Process, ann: Actor, cursor: str) -> None:
        write("a", team_id=TEAM)
        join(ann)
        stream = feed.watch(ann, cursor=cursor)
        write("pruned", "mine")
        write("kept", "mine")
        caught_up(feed)
        prune_to(stream, "kept")
        stream.take_until(lambda stream: stream.ended is not None)
        assert isinstance(stream.ended, CursorExpired)


class TestInitialState:
    @pytest.mark.parametrize("joins", [True, False])
    def test_membership_that_changes_during_it(
        self, feed: Process, ann: Actor, monkeypatch: pytest.MonkeyPatch, joins: bool
    ) -> None:
        monkeypatch.setattr("changes.feed.snapshot.PAGE_SIZE", 2)
        if not joins:
            join(ann)
        notes = [write(str(number), team_id=TEAM) for number in range(5)]
        caught_up(feed)
        stream = feed.watch(ann, include_initial=True, bookmarks=True)
        stream.take(1)
        (join if joins else leave)(ann)
        for note in notes:
            change(note, title=f"{note.title} later")
        caught_up(feed)
        marked(stream, "end")
        stream.take_until(lambda stream: stream.outline[-2:-1] != [("snapshot_end", "")])
        copy: dict[str, str] = {}
        for event in stream.changes:
            if event.HasField("task"):
                copy[event.subject_id] = event.task.title
            else:
                copy.pop(event.subject_id, None)
        seen = {str(note.pk): note.title for note in Note.objects.visible_to(ann)}
        assert {key: title for key, title in copy.items() if key} == seen

    @pytest.mark.parametrize(("joins", "shown"), [(True, [("updated", "later")]), (False, [])])
    def test_membership_that_changes_before_it(
        self, feed: Process, ann: Actor, joins: bool, shown: list[tuple[str, str]]
    ) -> None:
        """The stream's position is before the membership, and its state is read after a later change of the note."""
        if not joins:
            join(ann)
        note = write("before", team_id=TEAM)
        caught_up(feed)
        stream = feed.watch(ann, include_initial=True)
        (join if joins else leave)(ann)
        change(note, title="later")
        marked(stream, "state")
        marked(stream, "end")
        assert stream.outline == [("created", "state"), *shown, ("created", "end")]

    def test_row_that_is_created_after_leaving(self, feed: Process, ann: Actor) -> None:
        """Its caller has never seen it: the state contains its creation, but was read after the caller had left."""
        join(ann)
        caught_up(feed)
        stream = feed.watch(ann, include_initial=True)
        leave(ann)
        note = write("secret", team_id=TEAM)
        marked(stream, "state")
        change(note, title="later")
        marked(stream, "end")
        assert stream.outline == [("created", "state"), ("created", "end")]


class TestPages:
    """ListChanges, which shows the same."""

    @pytest.mark.parametrize("limit", [1, 3, 100])
    def test_same_events_as_a_stream(self, feed: Process, ann: Actor, limit: int) -> None:
        cursor = marked(feed.watch(ann), "cursor").cursor
        notes = [write(str(number), team_id=TEAM) for number in range(7)]
        join(ann, OTHER)
        join(ann)
        change(notes[0], title="changed")
        change(notes[1], team_id=OTHER)
        leave(ann, OTHER)
        notes[2].delete()
        stream = marked(feed.watch(ann, cursor=cursor), "end")
        events: list[Any] = []
        while True:
            page, following = listing.changes(view(), ann, cursor, limit)
            assert len(page) <= limit
            if following == cursor:
                break
            events += page
            cursor = following
        assert [(event.name, event.payload.message) for event in events] == [
            (event.name, event.payload.message) for event, _ in stream.events
        ]


class TestManyGroups:
    @pytest.fixture
    def member_of_many(self, ann: Actor, feed: Process) -> Iterator[Actor]:
        NoteMember.objects.bulk_create(NoteMember(user_id=ann.pk, team_id=uuid.UUID(int=n)) for n in range(1000))
        yield ann

    def test_streams_share_their_groups(self, feed: Process, member_of_many: Actor) -> None:
        streams = [followed(feed, member_of_many) for _ in range(3)]
        write("a", team_id=uuid.UUID(int=500))
        for stream in streams:
            assert stream.take_titles("a").titles == ["a"]
        assert len({id(stream.watch.members) for stream in streams}) == 1
        for stream in streams:
            stream.close()
        assert marked(followed(feed, member_of_many), "end").titles == ["end"]

    def test_one_more_and_one_less(self, feed: Process, member_of_many: Actor) -> None:
        stream = followed(feed, member_of_many)
        new = uuid.UUID(int=5000)
        write("a", team_id=new)
        join(member_of_many, new)
        assert stream.take_titles("a").titles == ["a"]
        leave(member_of_many, new)
        write("b", team_id=new)
        write("c", team_id=uuid.UUID(int=1))
        stream.take_titles("c")
        assert stream.outline == [("updated", "a"), ("deleted", "left"), ("created", "c")]


def test_transaction_that_changes_rows_and_members(feed: Process, ann: Actor) -> None:
    note = write("a", team_id=TEAM)
    stream = followed(feed, ann)
    with transaction.atomic():
        change(note, title="b")
        join(ann)
        change(note, title="c")
    marked(stream, "end")
    assert stream.outline == [("updated", "b"), ("updated", "c"), ("created", "end")]


def test_other_users_are_not_affected(feed: Process, ann: Actor) -> None:
    bob = user("mine")
    join(bob)
    write("a", team_id=TEAM)
    stream = followed(feed, ann)
    leave(bob)
    assert marked(stream, "end").titles == ["end"]


def test_closed_stream_leaves_the_hub(feed: Process, ann: Actor) -> None:
    join(ann)
    left, closed = (open_watch(feed.hub, view(), ann) for _ in range(2))
    for watch in (left, closed):
        watch.start(lambda: None)
        watch.take(1)
    closed.close()
    known = [weakref.ref(left), weakref.ref(closed)]
    del left, closed, watch
    gc.collect()
    assert [reference() is None for reference in known] == [False, True]


def test_membership_needs_a_type_of_its_kind() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"\.member"):
        memberships.register(memberships.Membership(Note, owner="team_id", group=team))
    assert NOTE_MEMBERS.type == "note.member"


def test_index_finds_changes_of_memberships(feed: Process, ann: Actor) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        # In a table of few rows the planner may prefer it.
        cursor.execute("DROP INDEX changes_of_subject")
        cursor.execute(
            "EXPLAIN SELECT seq FROM changes_change WHERE subject_type = 'note.member'"
            " AND subject_type LIKE '%%.member' AND (seq > %s OR seq IS NULL)",
            [5],
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
        transaction.set_rollback(True)
    assert "changes_of_members" in plan

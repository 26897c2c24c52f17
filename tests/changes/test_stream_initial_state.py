"""Streams that begin with the initial state."""

from typing import Any

import pytest

from changes.feed.snapshot import Snapshot
from changes.feed.watching import open_watch
from core.db.ids import uuid7
from tests.support.notes import Note
from tests.support.streams import ALL, Process, Stream, caught_up, view, write


class TestInitialState:
    def test_initial_state_precedes_changes(self, feed: Process) -> None:
        write("a")
        write("b", "others")
        write("c")
        stream = feed.watch(ALL, include_initial=True, bookmarks=True)
        stream.take_until(lambda stream: len(stream.events) == 3)
        write("d")
        stream.take_titles("d")
        assert sorted(stream.outline[:2]) == [("created", "a"), ("created", "c")]
        assert stream.outline[2:] == [("snapshot_end", ""), ("created", "d")]
        assert [bool(event.cursor) for event, _ in stream.events] == [False, False, True, True]

    def test_end_of_initial_state_is_sent_only_with_bookmarks(self, feed: Process) -> None:
        write("a")
        stream = feed.watch(ALL, include_initial=True)
        stream.take_titles("a")
        write("b")
        assert stream.take_titles("b").outline == [("created", "a"), ("created", "b")]

    def test_empty_initial_state(self, feed: Process) -> None:
        stream = feed.watch(ALL, include_initial=True, bookmarks=True)
        stream.take_until(lambda stream: bool(stream.events))
        assert stream.outline == [("snapshot_end", "")]

    def test_initial_state_is_read_in_pages(self, feed: Process, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("changes.feed.snapshot.PAGE_SIZE", 7)
        Note.objects.bulk_create(Note(title=str(number), labels=["all"]) for number in range(21))
        stream = feed.watch(ALL, include_initial=True, bookmarks=True)
        stream.take_until(lambda stream: ("snapshot_end", "") in stream.outline)
        assert sorted(stream.titles, key=int) == [str(number) for number in range(21)]

    def test_changes_during_initial_state_are_neither_lost_nor_repeated(
        self, feed: Process, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("changes.feed.snapshot.PAGE_SIZE", 2)
        ids = sorted(uuid7() for _ in range(6))
        for number, pk in enumerate(ids):
            Note.objects.create(id=pk, title=f"{number} v1", labels=["all"])
        caught_up(feed)
        watch = open_watch(feed.hub, view(), ALL, include_initial=True, bookmarks=True)
        read = Snapshot.page

        def written_between_pages(snapshot: Snapshot) -> list[Any]:
            # Before the second page is read: a row of the first page changes, one of the third, and one goes there.
            if len(done) == 1:
                Note.objects.filter(pk=ids[0]).update(title="0 v2")
                Note.objects.filter(pk=ids[4]).update(title="4 v2")
                Note.objects.filter(pk=ids[5]).delete()
                Note.objects.filter(pk=ids[1]).delete()
                caught_up(feed)
            done.append(1)
            return read(snapshot)

        done: list[int] = []
        monkeypatch.setattr(Snapshot, "page", written_between_pages)
        stream = Stream(watch)
        stream.take_until(lambda stream: ("deleted", "") in stream.outline)
        Note.objects.filter(pk=ids[4]).update(title="4 v3")
        stream.take_titles("4 v3")
        stream.close()
        assert stream.outline == [
            ("created", "0 v1"), ("created", "1 v1"), ("created", "2 v1"), ("created", "3 v1"), ("created", "4 v2"),
            ("snapshot_end", ""), ("updated", "0 v2"), ("deleted", ""), ("updated", "4 v3"),
        ]  # fmt: skip

    def test_transaction_open_during_initial_state_is_sent_after_it(self, feed: Process, other: Any) -> None:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(
                "INSERT INTO tests_note VALUES (1, now(), now(), gen_random_uuid(), 'open', '{all}', '{}', NULL, '')"
            )
            write("there")
            stream = feed.watch(ALL, include_initial=True, bookmarks=True)
            stream.take_until(lambda stream: ("snapshot_end", "") in stream.outline)
        other.commit()
        stream.take_titles("open")
        assert stream.outline == [("created", "there"), ("snapshot_end", ""), ("created", "open")]

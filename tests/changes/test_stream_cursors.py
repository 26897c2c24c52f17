"""Streams that resume from a cursor."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import override_settings

from changes.feed import log, watching
from changes.models import Change
from core.errors import CursorExpired, CursorInvalid, EpochChanged
from tests.support.notes import Note
from tests.support.servers import until
from tests.support.streams import ALL, Actor, Process, actor, caught_up, one_cursor, prune_to, view, write


class TestCursors:
    def test_stream_resumes_from_the_cursor_of_any_event(self, feed: Process) -> None:
        stream = feed.watch(ALL)
        titles = [str(number) for number in range(20)]
        for title in titles:
            write(title)
        stream.take_titles("19")
        for position, (event, _) in enumerate(stream.events[:-1]):
            again = feed.watch(ALL, cursor=event.cursor).take_titles("19")
            assert again.titles == titles[position + 1 :]
            again.close()

    def test_cursor_older_than_memory_resumes_from_the_log(
        self, feed: Process, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("changes.feed.hub.KEPT_CHANGES", 3)
        stream = feed.watch(ALL)
        write("first")
        cursor = stream.take_titles("first").cursor
        Note.objects.bulk_create(Note(title=str(number), labels=["all"]) for number in range(1200))
        write("last")
        caught_up(feed)
        again = feed.watch(ALL, cursor=cursor)
        assert not again.watch.behind
        again.take_all()
        assert again.take_titles("last").titles == [*map(str, range(1200)), "last"]

    @pytest.mark.parametrize("cursor", ["x", "AAAA", "ä", "=" * 64, "A" * 64, "A" * 63])
    def test_malformed_cursor_is_rejected(self, feed: Process, cursor: str) -> None:
        with pytest.raises(CursorInvalid):
            feed.watch(ALL, cursor=cursor)

    def test_cursor_of_another_operation_or_filter_is_rejected(self, feed: Process) -> None:
        cursor = one_cursor(feed)
        for other in (view(bound_to={"statuses": [1]}), view(subject_ids=frozenset(), bound_to=[])):
            with pytest.raises(CursorInvalid):
                feed.watch(ALL, other, cursor=cursor)

    def test_cursor_is_url_safe_and_any_altered_character_is_rejected(self, feed: Process) -> None:
        cursor = one_cursor(feed)
        assert cursor.replace("-", "").replace("_", "").isalnum()
        for position in range(len(cursor)):
            forged = cursor[:position] + ("A" if cursor[position] != "A" else "B") + cursor[position + 1 :]
            with pytest.raises(CursorInvalid):
                feed.watch(ALL, cursor=forged)

    def test_former_keys_still_sign(self, feed: Process, settings: Any) -> None:
        cursor = one_cursor(feed)
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 50, [settings.SECRET_KEY]
        feed.watch(ALL, cursor=cursor)
        settings.SECRET_KEY_FALLBACKS = []
        with pytest.raises(CursorInvalid):
            feed.watch(ALL, cursor=cursor)

    def test_cursor_ahead_of_the_log_is_rejected(self, feed: Process) -> None:
        cursor = one_cursor(feed)
        Change.objects.all().delete()
        with connection.cursor() as db:
            db.execute("UPDATE changes_head SET seq = 0, oldest = 1")
        with pytest.raises(CursorInvalid, match="ahead"):
            feed.watch(ALL, cursor=cursor)

    def test_cursor_whose_successor_is_pruned_is_rejected(self, feed: Process) -> None:
        stream = feed.watch(ALL)
        for title in "abc":
            write(title)
        stream.take_titles("c")
        prune_to(stream, "c")
        with pytest.raises(CursorExpired):
            feed.watch(ALL, cursor=stream.events[0][0].cursor)
        assert feed.watch(ALL, cursor=stream.events[1][0].cursor).take_titles("c").titles == ["c"]

    def test_cursor_of_another_epoch_is_rejected(self, feed: Process) -> None:
        cursor = one_cursor(feed)
        with connection.cursor() as db:
            db.execute("UPDATE changes_head SET epoch = gen_random_uuid()")
        with pytest.raises(EpochChanged):
            feed.watch(ALL, cursor=cursor)

    def test_cursor_is_rejected_after_a_change_of_rights(self, feed: Process) -> None:
        cursor = one_cursor(feed)
        with pytest.raises(EpochChanged, match="Your access has changed"):
            feed.watch(actor("all", "administrators"), cursor=cursor)

    def test_cursor_grants_no_rights(self, feed: Process) -> None:
        cursor = one_cursor(feed)
        write("for all")
        write("for ann", "ann-id")
        bob = Actor(frozenset({"all", "bob-id"}), pk="bob-id")
        again = feed.watch(bob, cursor=cursor)
        write("last")
        assert again.take_titles("last").titles == ["for all", "last"]

    def test_cursor_excludes_initial_state(self, feed: Process) -> None:
        with pytest.raises(ValidationError) as refused:
            feed.watch(ALL, cursor=one_cursor(feed), include_initial=True)
        assert list(refused.value.message_dict) == ["cursor"]

    def test_cursor_of_a_process_that_is_ahead_is_accepted(self, feed: Process) -> None:
        feed.tailer.stop()
        behind = feed.hub.head.seq
        write("a")
        write("b")
        until(lambda: log.read_head().seq == behind + 2)
        # As the other process, which has read both, would have given it.
        cursor = watching.cursors.write(watching.cursors.stamp_of(view(), ALL), feed.hub.head.epoch, behind + 1)
        stream = feed.watch(ALL, cursor=cursor)
        stream.take_all()
        feed.tailer.start()
        write("c")
        assert stream.take_titles("c").titles == ["b", "c"]


@override_settings(WATCH_MAX_BEHIND=1)
def test_resumed_stream_may_exceed_the_maximum_lag(feed: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("changes.feed.hub.KEPT_CHANGES", 3)
    cursor = one_cursor(feed)
    Note.objects.bulk_create(Note(title=str(number), labels=["all"]) for number in range(800))
    caught_up(feed)
    assert len(feed.watch(ALL, cursor=cursor).take_titles("799").titles) == 800

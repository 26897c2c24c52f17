"""Streams whose actor joins and leaves groups, while the rows of these groups change."""

import pytest
from django.db import connection, transaction

from changes.feed import crossing
from changes.feed.view import Topic
from tests.support.notes import Note, NoteMember
from tests.support.streams import Actor, Process, Stream, caught_up, user, view, write
from tests.support.teams import OTHER, TEAM, change, followed, join, leave, marked


@pytest.fixture
def ann() -> Actor:
    return user("mine")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crossing, "PAGE_SIZE", 2)


class TestJoining:
    def test_rows_of_the_group_enter_whole(self, feed: Process, ann: Actor, small: None) -> None:
        notes = [write(str(number), team_id=TEAM) for number in range(5)]
        write("of others", team_id=OTHER)
        stream = followed(feed, ann)
        join(ann)
        marked(stream, "end")
        entered = stream.changes[:5]
        assert {(change.subject_id, change.task.title) for change in entered} == {
            (str(note.pk), note.title) for note in notes
        }
        assert {event.name for event, _ in stream.events[:5]} == {"updated"}
        assert all(event.cursor for event, _ in stream.events)
        assert stream.titles[5:] == ["end"]

    def test_changes_of_the_group_are_live_from_then_on(self, feed: Process, ann: Actor) -> None:
        note = write("a", team_id=TEAM)
        stream = followed(feed, ann)
        change(note, title="b")
        join(ann)
        change(note, title="c")
        write("d", team_id=TEAM)
        note.delete()
        marked(stream, "end")
        assert stream.outline == [
            ("updated", "b"), ("updated", "c"), ("created", "d"), ("deleted", ""), ("created", "end"),
        ]  # fmt: skip

    def test_rows_that_were_visible_before_do_not_come_again(self, feed: Process, ann: Actor) -> None:
        write("mine and the team's", "mine", team_id=TEAM)
        stream = followed(feed, ann)
        join(ann)
        assert marked(stream, "end").titles == ["end"]

    def test_state_of_the_moment_of_joining(self, feed: Process, ann: Actor) -> None:
        """Between the change of the membership and the reading of the rows they are changed, moved and deleted."""
        changed, moved, deleted, given, taken = (write(name, team_id=TEAM) for name in ("c", "m", "d", "g", "t"))
        stream = followed(feed, ann)
        feed.tailer.stop()
        join(ann)
        change(changed, title="c2")
        change(moved, team_id=OTHER)
        deleted.delete()
        change(given, team_id=None, labels=["mine"])
        change(taken, team_id=None)
        new = write("n", team_id=TEAM)
        change(new, title="n2")
        feed.tailer.start()
        marked(stream, "end")
        assert sorted(stream.titles[:5]) == ["c", "d", "g", "m", "t"]
        assert stream.outline[5:] == [
            ("updated", "c2"), ("deleted", "left"), ("deleted", ""), ("updated", "g"), ("deleted", "left"),
            ("created", "n"), ("updated", "n2"), ("created", "end"),
        ]  # fmt: skip
        versions: dict[str, int] = {}
        for event in stream.changes:
            assert event.subject_version > versions.get(event.subject_id, 0)
            versions[event.subject_id] = event.subject_version

    def test_filter_holds_for_what_enters(self, feed: Process, ann: Actor) -> None:
        write("xa", team_id=TEAM)
        write("b", team_id=TEAM)
        stream = followed(feed, ann, what=view(matches=lambda image: image["title"].startswith("x"), bound_to="x"))
        join(ann)
        assert marked(stream, "x end").titles == ["xa", "x end"]

    def test_only_named_subjects_enter(self, feed: Process, ann: Actor) -> None:
        named, _ = write("named", team_id=TEAM), write("other", team_id=TEAM)
        last = write("not yet", "mine")
        stream = followed(feed, ann, what=view(subject_ids=frozenset({str(named.pk), str(last.pk)})))
        join(ann)
        change(last, title="end")
        assert stream.take_titles("end").titles == ["named", "end"]

    def test_bookmark_follows_what_entered(self, feed: Process, ann: Actor) -> None:
        write("a", team_id=TEAM)
        stream = followed(feed, ann, bookmarks=True)
        join(ann)
        stream.take_until(lambda stream: len(stream.events) == 2)
        assert stream.outline == [("updated", "a"), ("bookmark", "")]
        assert marked(feed.watch(ann, cursor=stream.cursor), "end").titles == ["end"]

    def test_what_entered_has_the_trace_of_the_joining(self, feed: Process, ann: Actor) -> None:
        write("a", team_id=TEAM)
        stream = followed(feed, ann)
        traced = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('tandem.traceparent', %s, true)", [traced])
            join(ann)
        marked(stream, "end")
        assert [event.traceparent for event in stream.changes] == [traced, ""]

    def test_joining_twice_over_changes_nothing(self, feed: Process, ann: Actor) -> None:
        write("a", team_id=TEAM)
        stream = followed(feed, ann)
        join(ann)
        NoteMember.objects.update(version=7)
        assert marked(stream, "end").titles == ["a", "end"]

    def test_those_who_see_all_are_not_affected(self, feed: Process) -> None:
        boss = user("overseers", "mine")
        write("a", "overseers", team_id=TEAM)
        stream = followed(feed, boss)
        join(boss)
        assert marked(stream, "end").titles == ["end"]


class TestLeaving:
    @pytest.fixture(autouse=True)
    def member(self, feed: Process, ann: Actor) -> None:
        join(ann)

    def test_rows_of_the_group_leave(self, feed: Process, ann: Actor, small: None) -> None:
        notes = [write(str(number), team_id=TEAM) for number in range(5)]
        write("both", "mine", team_id=TEAM)
        stream = followed(feed, ann)
        leave(ann)
        change(notes[0], title="hidden")
        marked(stream, "end")
        assert stream.outline == [("deleted", "left")] * 5 + [("created", "end")]
        assert {(event.subject_id, event.subject_version) for event in stream.changes[:-1]} == {
            (str(note.pk), 1) for note in notes
        }
        assert not any(event.HasField("task") or event.actor_id for event in stream.changes[:-1])

    def test_rows_that_change_before_the_group_is_read(self, feed: Process, ann: Actor) -> None:
        changed, moved, deleted, given = (write(name, team_id=TEAM) for name in "cmdg")
        ids = {str(note.pk) for note in (changed, moved, deleted, given)}
        stream = followed(feed, ann)
        feed.tailer.stop()
        leave(ann)
        change(changed, title="c2")
        change(moved, team_id=OTHER)
        deleted.delete()
        change(given, labels=["mine"])
        moved_in = write("in")
        change(moved_in, team_id=TEAM)
        write("new", team_id=TEAM)
        feed.tailer.start()
        marked(stream, "end")
        assert stream.outline == [("deleted", "left")] * 4 + [("updated", "g"), ("created", "end")]
        assert {event.subject_id for event in stream.changes[:4]} == ids

    def test_row_moved_between_two_groups(self, feed: Process, ann: Actor) -> None:
        join(ann, OTHER)
        note = write("a", team_id=TEAM)
        stream = followed(feed, ann)
        change(note, team_id=OTHER, title="b")
        leave(ann)
        change(note, title="c")
        stream.take_titles("c")
        leave(ann, OTHER)
        marked(stream, "end")
        assert stream.outline == [("updated", "b"), ("updated", "c"), ("deleted", "left"), ("created", "end")]

    def test_join_leave_join(self, feed: Process, ann: Actor) -> None:
        write("a", team_id=TEAM)
        stream = followed(feed, ann)
        leave(ann)
        join(ann)
        leave(ann)
        join(ann)
        marked(stream, "end")
        # What an earlier membership showed is not shown again if the user has left in the meantime.
        assert stream.outline[-2:] == [("updated", "a"), ("created", "end")]
        kept = [outline for outline in stream.outline if outline != ("deleted", "left")]
        assert len(kept) <= 3
        assert stream.outline[0] == ("deleted", "left")

    def test_one_statement_moves_a_member(self, feed: Process, ann: Actor) -> None:
        write("a", team_id=TEAM)
        write("b", team_id=OTHER)
        stream = followed(feed, ann)
        NoteMember.objects.update(team_id=OTHER)
        assert marked(stream, "end").outline == [("deleted", "left"), ("updated", "b"), ("created", "end")]

    def test_queued_events_are_withheld(self, feed: Process, ann: Actor) -> None:
        note, gone = write("a", team_id=TEAM), write("g", team_id=TEAM)
        stream = followed(feed, ann)
        change(note, title="seen by members")
        gone.delete()
        write("mine", "mine")
        caught_up(feed)
        leave(ann)
        caught_up(feed)
        marked(stream, "end")
        assert stream.outline == [("deleted", ""), ("created", "mine"), ("deleted", "left"), ("created", "end")]
        assert stream.changes[0].actor_id == ""

    def test_topic_that_leaves_ends_its_stream(self, feed: Process, ann: Actor) -> None:
        note = write("a", team_id=TEAM)
        topic = Topic("note", str(note.pk), "id", note.version, lambda image: False, LookupError("gone"))
        what = view(subject_ids=frozenset({str(note.pk)}), topic=topic)
        stream = followed(feed, ann, what=what)
        cursor = memberships_cursor(stream, note)
        leave(ann)
        stream.take_until(lambda stream: stream.ended is not None)
        assert isinstance(stream.ended, LookupError)
        join(ann)
        again = feed.watch(ann, what, cursor=cursor)
        change(note, title="back")
        assert again.take_titles("back").titles[-1] == "back"


def memberships_cursor(stream: Stream, note: Note) -> str:
    change(note, title="b")
    return stream.take_titles("b").cursor

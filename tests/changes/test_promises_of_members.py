"""The promises to users who join and leave groups at random, under a load of writers, while their streams are cut."""

import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from changes.feed import crossing, listing, verification
from changes.models import Change
from tests.changes.test_promises import LAST, Client, run_of, small
from tests.support import promises
from tests.support.notes import Note, NoteMember
from tests.support.promises import Due, Received, Run, Truth
from tests.support.streams import Actor, Process, caught_up, user, view, write

TEAMS = [UUID(int=number) for number in (1, 2, 3)]

__all__ = ["small"]  # a fixture


class Writer(threading.Thread):
    """Writes notes of teams and of labels, and moves users between teams, in transactions of many kinds."""

    def __init__(self, seed: int, transactions: int, users: list[Actor]) -> None:
        super().__init__()
        self._random = random.Random(seed)
        self._transactions = transactions
        self._users = users
        self.failed: BaseException | None = None

    def run(self) -> None:
        try:
            for number in range(self._transactions):
                with transaction.atomic():
                    # One lock for all, taken in one order: rows, then members.
                    chosen = [note.pk for note in Note.objects.order_by("id").select_for_update()]
                    for _ in range(self._random.randint(1, 3)):
                        self._write(f"{self._random.random()} {number}", chosen)
                    if self._random.random() < 0.1:  # It holds its ids while others commit.
                        connection.cursor().execute("SELECT pg_sleep(0.02)")
                    transaction.set_rollback(self._random.random() < 0.05)
        except BaseException as exc:
            self.failed = exc
        finally:
            connection.close()

    def _write(self, title: str, chosen: list[Any]) -> None:
        chance, team_id = self._random.random(), self._random.choice((None, *TEAMS))
        labels = self._random.sample([who.pk for who in self._users], self._random.randint(0, 1))
        some = [pk for pk in chosen if self._random.random() < 0.2]
        if chance < 0.25:
            Note.objects.bulk_create(Note(title=title, labels=labels, team_id=team_id) for _ in range(3))
        elif chance < 0.6:
            Note.objects.filter(pk__in=some).update(title=title, labels=labels, team_id=team_id)
        elif chance < 0.7:
            Note.objects.filter(pk__in=some[:3]).delete()
        else:
            self._move(self._random.choice(self._users), self._random.choice(TEAMS))

    def _move(self, who: Actor, team_id: UUID) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(7305)")  # Two writers would both find no member.
        if not NoteMember.objects.filter(user_id=who.pk, team_id=team_id).delete()[0]:
            NoteMember.objects.create(user_id=who.pk, team_id=team_id)


def truth_for(who: Actor) -> Truth:
    """Return the changes that were due to a user, computed from the images, not by the feed."""
    due: list[Due] = []
    rows: dict[str, tuple[int, dict[str, Any]]] = {}
    teams: set[str] = set()
    left: dict[str, int] = {}
    only_by_team: dict[int, str] = {}

    def is_seen(image: Any, by: set[str]) -> bool:
        return image is not None and (who.pk in image["labels"] or image["team_id"] in by)

    def add(change: Change, subject_id: str, version: int, name: str, image: Any) -> None:
        if image is not None and who.pk not in image["labels"]:
            only_by_team[len(due)] = image["team_id"]
        moved = change.subject_type == "note.member"
        state = image and image["title"]
        due.append(Due(change.seq or 0, change.xid, subject_id, version, name, state, moved=moved))

    for change in Change.objects.filter(subject_type__startswith="note").order_by("seq"):
        if change.subject_type == "note.member":
            after = set(teams)
            for image, move in ((change.old, after.discard), (change.new, after.add)):
                if image is not None and image["user_id"] == who.pk:
                    move(image["team_id"])
            left |= dict.fromkeys(teams - after, change.seq or 0)
            for subject_id, (version, image) in sorted(rows.items()):
                was, will_be = is_seen(image, teams), is_seen(image, after)
                if was != will_be:
                    add(change, subject_id, version, "updated" if will_be else "deleted", image if will_be else None)
            teams = after
            continue
        subject_id = str(change.subject_id)
        before, after_it = is_seen(change.old, teams), is_seen(change.new, teams)
        if before or after_it:
            name = change.operation if after_it or change.operation == "deleted" else "deleted"
            add(change, subject_id, change.subject_version, name, change.new if after_it else None)
        rows[subject_id] = change.subject_version, change.new
        if change.new is None:
            del rows[subject_id]
    return Truth([
        replace(each, optional=left.get(only_by_team.get(number, ""), 0) > each.seq)
        for number, each in enumerate(due)
    ])  # fmt: skip


def pages(who: Actor, seed: int) -> Iterator[Run]:
    """Yield the events of ListChanges, each page as a stream."""
    chance, cursor = random.Random(seed), ""
    while True:
        events, following = listing.changes(view(), who, cursor, chance.randint(1, 20))
        if following == cursor:
            return
        changes: list[tuple[Any, Any]] = [(event, event.payload.message) for event in events]
        yield Run(cursor, received=[
            Received(event.name, change.subject_id, change.subject_version, event.cursor,
                     change.task.title if change.HasField("task") else None, seq=promises.seq_of(event.cursor))
            for event, change in changes
        ])  # fmt: skip
        cursor = following


@pytest.mark.parametrize("seed", range(2))
def test_promises_hold_for_members(feed: Process, small: None, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(crossing, "PAGE_SIZE", 4)
    users = [user() for _ in range(3)]
    users = [Actor(frozenset({who.pk}), who.pk) for who in users]
    Note.objects.bulk_create(Note(title="before", team_id=TEAMS[number % 3]) for number in range(24))
    NoteMember.objects.create(user_id=users[0].pk, team_id=TEAMS[0])
    caught_up(feed)
    writers = [Writer(seed * 100 + number, 40, users) for number in range(3)]
    clients = [Client(feed, who, initial=initial, seed=seed) for who in users for initial in (True, False)]
    for thread in (*clients, *writers):
        thread.start()
    for writer in writers:
        writer.join()
        assert writer.failed is None, writer.failed
    write(LAST, *(who.pk for who in users))
    for client in clients:
        client.join()
        assert client.failed is None, client.failed
    assert list(verification.faults()) == []
    for client in clients:
        truth = truth_for(client.who)
        final = {str(note.pk): note.title for note in Note.objects.visible_to(client.who)}
        assert final == truth.final()
        assert promises.broken(client.runs, truth, final=final if client.initial else None) == []
        assert promises.broken(list(pages(client.who, seed)), truth) == []


def test_row_that_changes_after_it_was_sent_may_come_again(feed: Process) -> None:
    """A stream that resumes within a crossing does not know when the earlier stream read the row."""
    pk = user().pk
    who = Actor(frozenset({pk}), pk)
    note, member = write("a", team_id=TEAMS[0]), NoteMember.objects.create(user_id=pk, team_id=TEAMS[0])
    caught_up(feed)
    stream = feed.watch(who)
    member.delete()
    stream.take_until(lambda stream: bool(stream.events)).close()
    Note.objects.filter(pk=note.pk).update(title="later")
    write(LAST, pk)
    again = feed.watch(who, cursor=stream.cursor).take_titles(LAST)
    assert [(event.name, change.subject_id) for event, change in again.events[:-1]] == [("deleted", str(note.pk))]
    runs, truth = [run_of(stream, "", False), run_of(again, stream.cursor, False)], truth_for(who)
    assert promises.broken(runs, truth) == []
    # But not at the same place.
    runs[1].received[0] = runs[0].received[0]
    assert ["it went on with" in fault for fault in promises.broken(runs, truth)] == [True]


@pytest.mark.parametrize("was_seen", [False, True], ids=["enters", "stays"])
def test_changes_that_the_initial_state_contains_are_not_lost(feed: Process, was_seen: bool) -> None:
    """A subject that a membership shows comes with those made since, and not in the initial state."""
    pk = user().pk
    who = Actor(frozenset({pk}), pk)
    note = write("first", *([pk] if was_seen else ["others"]), team_id=TEAMS[0])
    Note.objects.filter(pk=note.pk).update(title="second")
    caught_up(feed)
    stream = feed.watch(who, include_initial=True)
    NoteMember.objects.create(user_id=pk, team_id=TEAMS[0])
    for title in ("third", "fourth", "fifth"):
        Note.objects.filter(pk=note.pk).update(title=title, labels=[])
    stream.take(1)
    for title in ("sixth", "seventh"):
        Note.objects.filter(pk=note.pk).update(title=title)
    write(LAST, pk)
    stream.take_titles(LAST)
    assert stream.titles == ["fifth", "sixth", "seventh", LAST]
    run, truth = run_of(stream, "", True), truth_for(who)
    assert promises.broken([run], truth, final=truth.final()) == []
    # But those are that come after them.
    del run.received[1]
    assert ["sixth" in fault for fault in promises.broken([run], truth)] == [True]

"""Several connections write at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from changes.models import Change
from tests.support.notes import Note
from tests.support.servers import until

pytestmark = pytest.mark.usefixtures("committed_notes")

INSERT = "INSERT INTO tests_note VALUES (1, now(), now(), gen_random_uuid(), %s, '{}', '{}', NULL, '')"


@contextmanager
def waiting_for_a_lock(wrapper: BaseDatabaseWrapper, sql: str) -> Iterator[None]:
    """Run a statement on another connection that must wait for the locks of this one, and wait for its end."""
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()

        thread = threading.Thread(target=cursor.execute, args=[sql])
        thread.start()
        try:
            until(lambda: is_waiting(pid), "the other connection waits")
            yield
        finally:
            thread.join(timeout=10)
        assert not thread.is_alive()


def is_waiting(pid: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [pid])
        return bool(cursor.fetchone()[0])


def begin(wrapper: BaseDatabaseWrapper) -> None:
    wrapper.set_autocommit(False)


def test_a_later_transaction_may_commit_first(other: BaseDatabaseWrapper) -> None:
    begin(other)
    with other.cursor() as cursor:
        cursor.execute(INSERT, ["slow"])
    Note.objects.create(title="quick")
    seen = Change.objects.get()
    assert seen.new["title"] == "quick"
    other.commit()
    slow = Change.objects.exclude(pk=seen.pk).get()
    # A reader that continues after `seen.id` would never see it: that is why rows are numbered after the commit.
    assert slow.id < seen.id
    assert slow.xid < seen.xid
    assert (slow.seq, seen.seq) == (None, None)


def test_writers_of_one_row_take_turns(other: BaseDatabaseWrapper) -> None:
    note = Note.objects.create(title="first")
    begin(connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM tests_note FOR UPDATE")
        with waiting_for_a_lock(other, "UPDATE tests_note SET title = 'theirs'"):
            # The other one's statement began earlier, but ours has the row.
            cursor.execute("UPDATE tests_note SET title = 'ours'")
            connection.commit()
    connection.set_autocommit(True)
    changes = list(Change.objects.filter(subject_id=note.pk).order_by("id"))
    assert [(change.subject_version, change.new["title"]) for change in changes] == [
        (1, "first"),
        (2, "ours"),
        (3, "theirs"),
    ]
    assert changes[2].old == changes[1].new
    times = [change.occurred_at for change in changes]
    assert times == sorted(times)
    updates = [change.new["updated_at"] for change in changes]
    assert updates == sorted(set(updates))


def test_actor_of_one_connection_is_unknown_to_another(other: BaseDatabaseWrapper) -> None:
    begin(other)
    with other.cursor() as cursor:
        cursor.execute("SELECT set_config('tandem.actor', 'other', true)")
        Note.objects.create(title="mine")
        cursor.execute(INSERT, ["theirs"])
    other.commit()
    assert dict(Change.objects.values_list("new__title", "actor")) == {"mine": "system", "theirs": "other"}

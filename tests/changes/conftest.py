"""The notes' table, and connections beside the test's own."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from changes.feed import memberships, subjects
from tests.support.notes import Note, NoteMember
from tests.support.streams import NOTE_MEMBERS, NOTES, Process, process


@pytest.fixture(scope="session")
def notes_table(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        with connection.schema_editor() as editor:
            for model in (Note, NoteMember):
                editor.execute(f"DROP TABLE IF EXISTS {model._meta.db_table}")
                editor.create_model(model)
        yield
        with connection.schema_editor() as editor:
            for model in (Note, NoteMember):
                editor.delete_model(model)


@pytest.fixture
def notes(notes_table: None, db: None) -> None:
    """For tests of one transaction, which is rolled back."""


@pytest.fixture
def committed_notes(notes_table: None, transactional_db: None) -> Iterator[None]:
    """For tests that commit."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE tests_note, tests_note_member")


@pytest.fixture
def other(committed_notes: None) -> Iterator[BaseDatabaseWrapper]:
    """Another connection to the same database."""
    another = connection.copy()
    another.inc_thread_sharing()
    yield another
    another.close()


@pytest.fixture
def feed(committed_notes: None) -> Iterator[Process]:
    """A process that serves notes: its threads run, and what is written is committed."""
    subjects.register(NOTES)
    memberships.register(NOTE_MEMBERS)
    with process() as running:
        yield running
    subjects.registered.pop("note")
    memberships.registered.pop("note.member")

"""The notes' table, and connections beside the test's own."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from changes.feed import subjects
from tests.support.notes import Note
from tests.support.streams import NOTES, Process, process


@pytest.fixture(scope="session")
def notes_table(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        with connection.schema_editor() as editor:
            editor.execute("DROP TABLE IF EXISTS tests_note")
            editor.create_model(Note)
        yield
        with connection.schema_editor() as editor:
            editor.delete_model(Note)


@pytest.fixture
def notes(notes_table: None, db: None) -> None:
    """For tests of one transaction, which is rolled back."""


@pytest.fixture
def committed_notes(notes_table: None, transactional_db: None) -> Iterator[None]:
    """For tests that commit."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE tests_note")


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
    with process() as running:
        yield running
    subjects.registered.pop("note")

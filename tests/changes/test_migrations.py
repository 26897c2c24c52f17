"""Migrations that `makemigrations` writes for a logged model, and their effect."""

import re
import uuid
from typing import Any

import pytest
from django.core.management.commands.makemigrations import Command
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.questioner import MigrationQuestioner
from django.db.migrations.state import ModelState, ProjectState
from django.db.migrations.writer import MigrationWriter
from django.utils import timezone

from changes.models import Change
from tests.support.notes import Note

TABLE = "tests_migrated_note"


def written_migration() -> str:
    """Return the text of the migration that creates a table like that of the notes."""
    note = ModelState.from_model(Note)
    note.app_label, note.options["db_table"] = "notes", TABLE
    state = ProjectState()
    state.add_model(note)
    yes = MigrationQuestioner({"ask_initial": True})
    (migration,) = Command.autodetector(ProjectState(), state, yes).changes(graph=MigrationGraph())["notes"]
    return MigrationWriter(migration).as_string()


def run(text: str) -> Migration:
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    return namespace["Migration"]("0001_initial", "notes")


def triggers() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_trigger t JOIN pg_proc p ON p.oid = tgfoid WHERE tgrelid = to_regclass(%s)", [TABLE]
        )
        return {row[0] for row in cursor.fetchall()}


def test_migration_imports_no_application_code() -> None:
    text = written_migration()
    imported = set(re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE))
    assert imported == {"django", "pgtrigger", "uuid"}
    assert "changes." not in text
    assert """changes_log('note', 'pin''s hash', 'shouted')""" in text


@pytest.mark.usefixtures("notes")
def test_migration_creates_and_drops_the_triggers() -> None:
    migration = run(written_migration())
    empty = ProjectState()
    with connection.schema_editor() as editor:
        migration.apply(empty.clone(), editor)
    assert triggers() == {"changes_log", "changes_next_version"}
    note = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO {TABLE} (version, created_at, updated_at, id, title, labels, facts, "pin\'s hash")'
            " VALUES (1, %s, %s, %s, 'first', '{}', '{}', '')",
            [timezone.now(), timezone.now(), note],
        )
        assert Change.objects.get().subject_id == note
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with connection.schema_editor() as editor:
        migration.unapply(empty.clone(), editor)
    assert triggers() == set()
    assert TABLE not in connection.introspection.table_names()

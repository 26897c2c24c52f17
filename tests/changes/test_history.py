"""A subject's changes, and what is left of them when it is forgotten."""

import uuid

import pytest
from django.db import connection

from changes.models import Change
from changes.queries import history
from changes.services import acting, forget
from tests.support.notes import Note

pytestmark = pytest.mark.usefixtures("notes")


def test_history_of_one_subject_is_newest_first() -> None:
    note, _ = Note.objects.create(title="first"), Note.objects.create(title="other")
    Note.objects.filter(pk=note.pk).update(title="second", labels=["a"])
    Note.objects.filter(pk=note.pk).delete()
    assert [(change.operation, change.changed_fields) for change in history("note", note.pk)] == [
        ("deleted", []),
        ("updated", ["labels", "title"]),
        ("created", []),
    ]


def test_another_type_with_the_same_id_is_another_subject() -> None:
    note = Note.objects.create(title="first")
    assert not history("task", note.pk).exists()
    assert forget("task", note.pk) == 0


def test_a_change_of_what_is_not_logged_changes_no_field() -> None:
    note = Note.objects.create(title="first", pin="1234")
    Note.objects.update(pin="5678")
    change = history("note", str(note.pk))[0]
    assert (change.operation, change.subject_version, change.changed_fields) == ("updated", 2, [])


def test_a_field_that_becomes_or_ceases_to_be_empty_has_changed() -> None:
    note = Note.objects.create(title="first")
    Note.objects.update(remind_at="2026-01-01T00:00Z")
    Note.objects.update(remind_at=None)
    assert [change.changed_fields for change in history("note", note.pk)[:2]] == [["remind_at"], ["remind_at"]]


def test_history_uses_the_subject_index() -> None:
    with connection.cursor() as cursor:
        # With a handful of rows the planner would rather read them all.
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = history("note", uuid.uuid4())[:20].explain()
    assert "Index Scan Backward using changes_of_subject" in plan
    assert "Sort" not in plan


def test_forgotten_subject_keeps_id_version_and_reason() -> None:
    note, other = Note.objects.create(title="secret"), Note.objects.create(title="other")
    with acting("keeper", "is really called Ann"):
        Note.objects.update(title="still secret")
    with acting("keeper", "asked for it"):
        Note.objects.filter(pk=note.pk).delete()
        assert forget("note", note.pk) == 3
    assert [
        (change.operation, change.subject_version, change.old, change.new, change.actor, change.reason)
        for change in history("note", note.pk)
    ] == [
        ("deleted", 3, None, None, "keeper", "asked for it"),
        ("updated", 2, None, None, "keeper", ""),
        ("created", 1, None, None, "system", ""),
    ]
    assert [change.changed_fields for change in history("note", note.pk)] == [[], [], []]
    kept = history("note", other.pk)[0]
    assert (kept.new["title"], kept.reason) == ("still secret", "is really called Ann")


def test_forgotten_content_is_removed_from_the_log() -> None:
    note = Note.objects.create(title="secret-word")
    Note.objects.update(labels=["secret-word"])
    Note.objects.all().delete()
    forget("note", note.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM changes_change c WHERE c::text LIKE '%secret-word%'")
        assert cursor.fetchone() == (0,)
    assert Change.objects.filter(old__isnull=True, new__isnull=True).count() == 3

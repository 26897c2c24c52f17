"""Every write to a logged table is in the log, for every kind of writer."""

import io
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, ProgrammingError, connection, transaction
from django.db.models import F

from changes.models import Change
from changes.triggers import logged
from core.db.saving import save_clean
from tests.support.notes import Note

pytestmark = pytest.mark.usefixtures("notes")


def execute(sql: str, params: Any = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)


def logged_changes() -> list[tuple[uuid.UUID, str, int]]:
    return list(Change.objects.order_by("id").values_list("subject_id", "operation", "subject_version"))


def test_save_of_a_service_is_logged() -> None:
    note = save_clean(Note(), title="first")
    save_clean(note, title="second")
    created, updated = Change.objects.order_by("id")
    assert (created.operation, created.subject_type, created.subject_id) == ("created", "note", note.pk)
    assert (created.old, created.new["title"]) == (None, "first")
    assert (updated.operation, updated.subject_version) == ("updated", 2)
    assert (updated.old["title"], updated.new["title"]) == ("first", "second")
    assert updated.old == created.new


def test_a_plain_save_and_delete() -> None:
    note = Note.objects.create(title="first")
    note.title = "second"
    note.save()
    pk = note.pk
    note.delete()
    assert logged_changes() == [(pk, "created", 1), (pk, "updated", 2), (pk, "deleted", 3)]
    deleted = Change.objects.get(operation="deleted")
    assert (deleted.old["title"], deleted.new) == ("second", None)


def test_bulk_create() -> None:
    notes = Note.objects.bulk_create(Note(title=str(number)) for number in range(3))
    assert logged_changes() == [(note.pk, "created", 1) for note in notes]


def test_an_update_of_many_rows_is_a_change_of_each() -> None:
    notes = Note.objects.bulk_create(Note(title=str(number)) for number in range(4))
    Note.objects.exclude(pk=notes[3].pk).update(labels=["a"])
    changes = Change.objects.filter(operation="updated")
    assert {change.subject_id: change.old["title"] for change in changes} == {note.pk: note.title for note in notes[:3]}
    assert all(change.new["title"] == change.old["title"] for change in changes)


def test_bulk_update_and_queryset_delete() -> None:
    notes = Note.objects.bulk_create(Note(title=str(number)) for number in range(2))
    for note in notes:
        note.title += "!"
    Note.objects.bulk_update(notes, ["title"])
    Note.objects.all().delete()
    assert sorted(logged_changes()) == sorted(
        (note.pk, operation, version)
        for note in notes
        for operation, version in (("created", 1), ("updated", 2), ("deleted", 3))
    )


def test_plain_sql() -> None:
    note = uuid.uuid4()
    execute("INSERT INTO tests_note VALUES (1, now(), now(), %s, 'first', '{}', '{}', NULL, '')", [note])
    execute("UPDATE tests_note SET title = 'second'")
    execute("DELETE FROM tests_note")
    assert logged_changes() == [(note, "created", 1), (note, "updated", 2), (note, "deleted", 3)]


def test_an_upsert_is_what_it_did_to_each_row() -> None:
    there = Note.objects.create(title="there")
    new = uuid.uuid4()
    execute(
        """
        INSERT INTO tests_note SELECT 1, now(), now(), id, 'upserted', '{}', '{}', NULL, ''
        FROM unnest(%s::uuid[]) AS id
        ON CONFLICT (id) DO UPDATE SET title = excluded.title
        """,
        [[there.pk, new]],
    )
    assert sorted(logged_changes()[1:]) == sorted([(there.pk, "updated", 2), (new, "created", 1)])


def test_copy() -> None:
    note = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.copy_expert(
            """COPY tests_note (version, created_at, updated_at, id, title, labels, facts, "pin's hash") FROM STDIN""",
            io.StringIO(f"1\t2026-01-01Z\t2026-01-01Z\t{note}\tcopied\t{{}}\t{{}}\t\n"),
        )
    assert logged_changes() == [(note, "created", 1)]


def test_truncate_deletes_each_row() -> None:
    notes = Note.objects.bulk_create(Note(title=str(number)) for number in range(2))
    execute("TRUNCATE tests_note")
    changes = Change.objects.filter(operation="deleted")
    assert {(change.subject_id, change.subject_version, change.old["title"]) for change in changes} == {
        (notes[0].pk, 2, "0"),
        (notes[1].pk, 2, "1"),
    }


def test_truncating_table_and_log_together_leaves_both_empty() -> None:
    Note.objects.create(title="first")
    execute("TRUNCATE tests_note, changes_change")
    assert (Note.objects.count(), Change.objects.count()) == (0, 0)


def test_triggers_cannot_be_disabled() -> None:
    names = ",".join(trigger.get_pgid(Note) for trigger in logged("note"))
    execute("SELECT set_config('pgtrigger.ignore', %s, true)", [f"{{{names}}}"])
    note = Note.objects.create(title="first")
    Note.objects.update(title="second")
    execute("TRUNCATE tests_note")
    assert logged_changes() == [(note.pk, "created", 1), (note.pk, "updated", 2), (note.pk, "deleted", 3)]


def test_statement_without_rows_is_not_logged() -> None:
    Note.objects.filter(title="none").update(title="some")
    Note.objects.filter(title="none").delete()
    assert logged_changes() == []


def test_a_rollback_leaves_nothing() -> None:
    kept = Note.objects.create(title="kept")
    with transaction.atomic():
        Note.objects.create(title="lost")
        transaction.set_rollback(True)
    assert logged_changes() == [(kept.pk, "created", 1)]


def test_a_refused_statement_leaves_nothing() -> None:
    note = Note.objects.create(title="first")
    with pytest.raises(DatabaseError), transaction.atomic():
        Note.objects.filter(pk=note.pk).update(title=None)
    assert logged_changes() == [(note.pk, "created", 1)]


def test_excluded_fields_are_in_no_image() -> None:
    Note.objects.bulk_create(Note(title=title, pin="1234") for title in ("a", "b"))
    Note.objects.update(pin="5678")
    Note.objects.filter(title="a").delete()
    execute("TRUNCATE tests_note")
    columns = {"id", "version", "created_at", "updated_at", "title", "labels", "facts", "remind_at", "team_id"}
    images = [image for change in Change.objects.all() for image in (change.old, change.new) if image is not None]
    assert [set(image) for image in images] == [columns] * 8


def test_images_are_json() -> None:
    moment = datetime(2026, 3, 29, 1, 30, 15, 123456, tzinfo=UTC)
    Note.objects.create(title="ä\U0001f600", labels=["a", 'b"c'], facts={"deep": [1, {"x": None}]}, remind_at=moment)
    image = Change.objects.get().new
    assert image["title"] == "ä\U0001f600"
    assert image["labels"] == ["a", 'b"c']
    assert image["facts"] == {"deep": [1, {"x": None}]}
    assert datetime.fromisoformat(image["remind_at"]) == moment


def test_images_do_not_depend_on_the_session_that_writes() -> None:
    note = Note.objects.create(title="first", remind_at=datetime(2026, 1, 1, tzinfo=UTC))
    execute("SET LOCAL timezone = 'Asia/Tokyo'")
    execute("SET LOCAL search_path = ''")
    execute("UPDATE public.tests_note SET title = 'second'")
    execute("SET LOCAL search_path = DEFAULT")
    change = Change.objects.get(subject_id=note.pk, operation="updated")
    assert change.new["remind_at"] == "2026-01-01T00:00:00+00:00"


def test_a_large_update_after_small_ones_takes_no_longer_per_row() -> None:
    Note.objects.bulk_create(Note(title="x") for _ in range(6000))
    first = Note.objects.first()
    for number in range(6):
        Note.objects.filter(pk=first.pk).update(title=str(number))
    # Rows joined by a nested loop would need ten times as long.
    execute("SET LOCAL statement_timeout = '3s'")
    Note.objects.update(title="y")
    assert Change.objects.filter(operation="updated").count() == 6006


def test_ids_are_in_the_order_of_writing_and_the_transaction_is_one() -> None:
    notes = [Note.objects.create(title=str(number)) for number in range(3)]
    Note.objects.filter(pk=notes[1].pk).update(title="again")
    with transaction.atomic():
        Note.objects.filter(pk=notes[0].pk).update(title="in a savepoint")
    assert [row[0] for row in logged_changes()] == [notes[n].pk for n in (0, 1, 2, 1, 0)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        (xid,) = cursor.fetchone()
        # Cached ids would be handed out in blocks: a later transaction could have a lower one.
        cursor.execute("SELECT cache_size FROM pg_sequences WHERE sequencename = 'changes_change_id_seq'")
        assert cursor.fetchone() == (1,)
    assert set(Change.objects.values_list("xid", "seq")) == {(xid, None)}


def test_python_cannot_add_to_the_log() -> None:
    Note.objects.create(title="first")
    change = Change.objects.get()
    for write in (change.save, Change(subject_type="note").save, lambda: Change.objects.bulk_create([change])):
        with pytest.raises(ProgrammingError, match="written by the triggers"), transaction.atomic():
            write()
    assert Change.objects.count() == 1


def test_python_cannot_change_what_was_logged() -> None:
    Note.objects.create(title="first")
    refused = set()
    for field in Change._meta.fields:
        try:
            with transaction.atomic():
                Change.objects.update(**{field.name: F(field.name)})
        except ProgrammingError:
            refused.add(field.name)
    assert {field.name for field in Change._meta.fields} - refused == {"seq", "old", "new", "reason"}


def test_rows_can_be_numbered_once_and_removed() -> None:
    Note.objects.bulk_create(Note(title=str(number)) for number in range(2))
    first, second = Change.objects.order_by("id")
    Change.objects.filter(pk=first.pk).update(seq=1)
    with pytest.raises(DatabaseError, match="changes_seq_unique"), transaction.atomic():
        Change.objects.filter(pk=second.pk).update(seq=1)
    assert Change.objects.all().delete()[0] == 2


def test_text_of_a_change_is_one_line() -> None:
    note = Note.objects.create(title="first")
    assert str(Change.objects.get()) == f"note {note.pk} created, version 1"

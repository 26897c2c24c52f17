"""The database assigns each version; writers cannot change it."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from changes.models import Change
from core.db.saving import save_clean
from tests.support.notes import Note

pytestmark = pytest.mark.usefixtures("notes")

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def versions() -> list[int]:
    return list(Change.objects.order_by("id").values_list("subject_version", flat=True))


def test_a_writer_that_knows_of_it_and_the_trigger_count_once() -> None:
    note = save_clean(Note(), title="first")
    save_clean(note, title="second")
    assert (note.version, Note.objects.get().version, versions()) == (2, 2, [1, 2])


def test_a_writer_that_does_not_know_of_it_counts_too() -> None:
    Note.objects.create(title="first")
    Note.objects.update(title="second")
    Note.objects.update(title="third")
    assert (Note.objects.get().version, versions()) == (3, [1, 2, 3])


def test_a_writer_that_counts_by_itself_counts_once() -> None:
    Note.objects.create(title="first")
    Note.objects.update(version=F("version") + 1)
    assert (Note.objects.get().version, versions()) == (2, [1, 2])


@pytest.mark.parametrize("version", [1, 2, 77])
def test_a_writer_cannot_choose_it(version: int) -> None:
    Note.objects.create(title="first")
    Note.objects.update(title="second")
    Note.objects.update(title="third", version=version)
    assert (Note.objects.get().version, versions()) == (3, [1, 2, 3])


def test_saving_an_old_instance_does_not_lower_the_version() -> None:
    stale = Note.objects.create(title="first")
    updated_at = [stale.updated_at]
    Note.objects.update(title="second")
    updated_at.append(Note.objects.get().updated_at)
    stale.save()
    note = Note.objects.get()
    updated_at.append(note.updated_at)
    assert note.version == 3
    assert updated_at == sorted(set(updated_at))


def test_an_update_to_the_same_values_is_a_write() -> None:
    note = Note.objects.create(title="same")
    Note.objects.update(title="same")
    assert Note.objects.get().version == 2
    assert Change.objects.get(operation="updated").subject_id == note.pk


def test_updated_at_is_set_where_the_writer_left_it() -> None:
    Note.objects.create(title="first", updated_at=LONG_AGO)
    before = timezone.now()
    Note.objects.update(title="second")
    assert before - timedelta(minutes=1) < Note.objects.get().updated_at < timezone.now() + timedelta(minutes=1)


def test_updated_at_is_the_writers_where_it_is_later() -> None:
    Note.objects.create(title="first", updated_at=LONG_AGO)
    said = LONG_AGO + timedelta(days=1)
    Note.objects.update(title="second", updated_at=said)
    assert Note.objects.get().updated_at == said


def test_an_id_never_changes() -> None:
    note = Note.objects.create(title="first")
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        Note.objects.update(id=uuid.uuid4())
    assert Note.objects.get().pk == note.pk
    assert versions() == [1]

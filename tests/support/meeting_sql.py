"""Rows of meetings written with SQL, as by another program: for tests whose servers are processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from meetings.models import Segment
from tests.support.meeting_rows import ENGINE


@contextmanager
def written_to() -> Iterator[Any]:
    """Yield a cursor of another connection, which commits."""
    another = connection.copy()
    another.inc_thread_sharing()
    try:
        yield another.cursor()
    finally:
        another.close()


def insert_segment(cursor: Any, meeting_id: str, start_ms: int, text: str) -> str:
    """Insert a segment, and return its id."""
    segment = Segment(
        meeting_id=meeting_id, transcript_version=1, start_ms=start_ms, end_ms=start_ms + 900, text=text,
        recognized_text=text, confidence=0.5, engine=ENGINE,
    )  # fmt: skip
    fields = [field for field in Segment._meta.concrete_fields if not field.generated]
    columns = ", ".join(field.column for field in fields)
    values = [field.get_db_prep_save(getattr(segment, field.attname), connection) for field in fields]
    places = ", ".join(["%s"] * len(values))
    cursor.execute(f"INSERT INTO meetings_segment ({columns}) VALUES ({places})", values)
    return str(segment.pk)


def set_status(cursor: Any, meeting_id: str, status: int) -> None:
    cursor.execute("UPDATE meetings_meeting SET status = %s WHERE id = %s", [status, meeting_id])

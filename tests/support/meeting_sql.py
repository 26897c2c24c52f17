"""Rows of meetings written with SQL, as by another program: for tests whose servers are processes."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from tests.support.meeting_rows import ENGINE

_SEGMENT = """
    INSERT INTO meetings_segment (id, meeting_id, transcript_version, start_ms, end_ms, text, recognized_text,
        confidence, words, engine, degraded, by_vocabulary, version, created_at, updated_at)
    VALUES (%s, %s, 1, %s, %s, %s, %s, 0.5, '[]', %s, false, false, 1, now(), now())
"""


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
    segment_id = str(uuid.uuid4())
    values = (segment_id, meeting_id, start_ms, start_ms + 900, text, text, json.dumps(ENGINE))
    cursor.execute(_SEGMENT, values)
    return segment_id


def set_status(cursor: Any, meeting_id: str, status: int) -> None:
    cursor.execute("UPDATE meetings_meeting SET status = %s WHERE id = %s", [status, meeting_id])

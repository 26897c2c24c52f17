import codecs

import pytest
from django.db import connection
from psycopg2.extensions import encodings


@pytest.mark.django_db
def test_names_and_texts_beyond_ascii_are_read() -> None:
    with connection.cursor() as cursor:
        cursor.execute('SELECT %s AS "größe", %s AS "数"', ["naïve 🚲", "Ω"])
        assert [column.name for column in cursor.description] == ["größe", "数"]
        assert cursor.fetchone() == ("naïve 🚲", "Ω")


@pytest.mark.django_db
def test_names_are_read_in_c() -> None:
    connection.ensure_connection()
    assert codecs.lookup(encodings[connection.connection.encoding]).decode is codecs.utf_8_decode

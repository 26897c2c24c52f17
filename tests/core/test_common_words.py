"""Searches that end early: a few rows with a word, and the number of its rows, whether the word is common or rare."""

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from core.db import common_words, search
from tasks.models import Task
from tests.support.factories import UserFactory
from tests.support.plans import executed, fill_tasks, rows_read

#: Of these, each is about seeds; the ten oldest are about bulbs too.
TASKS, OLDEST = 20_000, 10
MAKE = f"""
INSERT INTO tasks_task (id, title, description, status, priority, labels, metadata, source, created_by_id, version,
                        created_at, updated_at)
SELECT gen_random_uuid(), 'Order seeds ' || n, CASE WHEN n <= {OLDEST} THEN 'and bulbs' ELSE '' END, 1, 1, '{{}}',
    '{{}}', '', %s, 1, now() - interval '1 year' + n * interval '1 minute', now()
FROM generate_series(1, {TASKS}) AS n
"""


@pytest.fixture
def many(db: None) -> None:
    fill_tasks(MAKE, UserFactory().pk, "tasks_words")


def about(words: str) -> QuerySet[Task]:
    return Task.objects.filter(search.matches("search_words", words)).order_by("-created_at", "-id")


def test_a_few_rows_are_found_without_reading_all(many: None) -> None:
    newest = set(about("seeds")[: common_words.SAMPLE].values_list("pk", flat=True))
    for words, number in (("seeds", 6), ("bulbs", 6), ("seeds bulbs", 6), ("tulips", 0), ("seeds tulips", 0)):
        with CaptureQueriesContext(connection) as captured:
            found = list(common_words.some(about(words), 6))
        (query,) = captured.captured_queries
        assert len({task.pk for task in found}) == number, words
        assert all("bulbs" in task.description for task in found if "bulbs" in words)
        if words == "seeds":
            assert {task.pk for task in found} <= newest
        assert rows_read(query["sql"]) <= common_words.SAMPLE + 30, words


def test_common_words_are_counted_without_the_index(many: None) -> None:
    for words, number in (("seeds", 501), ("bulbs", OLDEST), ("seeds bulbs", OLDEST), ("tulips", 0)):
        with CaptureQueriesContext(connection) as captured:
            assert common_words.count_up_to(about(words), 501) == number, words
        statements = [query["sql"] for query in captured]
        assert sum(map(rows_read, statements)) <= common_words.SAMPLE + 501, words
        uses_words = any(node.get("Index Name") == "tasks_words" for one in statements for node in executed(one))
        assert uses_words == (words != "seeds"), words


def test_what_only_the_newest_have_is_counted_exactly(many: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common_words, "SAMPLE", 20)
    newest = about("seeds")[:10].values_list("pk", flat=True)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE tasks_task SET description = 'and lamps' WHERE id = ANY(%s)", [list(newest)])
    assert common_words.count_up_to(about("lamps"), 501) == 10
    assert common_words.count_up_to(about("lamps"), 5) == 5
    assert len(common_words.some(about("lamps"), 6)) == 6
    assert len(common_words.some(about("lamps"), 50)) == 10


def test_nothing_is_found_in_no_rows(db: None) -> None:
    assert list(common_words.some(Task.objects.none(), 6)) == []
    assert common_words.count_up_to(Task.objects.none(), 6) == 0
    assert list(common_words.some(about("seeds"), 6)) == []
    assert common_words.count_up_to(about("seeds"), 6) == 0

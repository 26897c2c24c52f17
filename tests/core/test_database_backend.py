import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from django.db import Error, connection, transaction
from django.test.utils import CaptureQueriesContext

from core.concurrency.statements import WAITING_THREADS
from core.db import spare_connections
from core.db.backend import base
from tests.support.servers import until


@pytest.mark.django_db
def test_names_and_texts_beyond_ascii_are_read() -> None:
    with connection.cursor() as cursor:
        cursor.execute('SELECT %s AS "größe", %s AS "数"', ["naïve 🚲", "Ω"])
        assert [column.name for column in cursor.description] == ["größe", "数"]
        assert cursor.fetchone() == ("naïve 🚲", "Ω")


def session() -> int:
    """Return the number of this thread's session, and connect if need be."""
    return int(selected("pg_backend_pid()"))


def selected(expression: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {expression}")
        return cursor.fetchone()[0]


def release() -> bool:
    """Release this thread's connection. Return whether another thread may take it."""
    connection.release()  # type: ignore[attr-defined]
    return connection.connection is None


def in_another_thread(function: Callable[[], Any]) -> Any:
    def run() -> Any:
        try:
            return function()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


@pytest.mark.django_db(transaction=True)
class TestReleasedConnection:
    @pytest.fixture(autouse=True)
    def no_spares(self) -> None:
        spare_connections.close_all()

    def test_is_taken_by_another_thread_with_its_session(self) -> None:
        def take() -> tuple[int, str, bool]:
            with transaction.atomic():
                begun = session()
            assert not connection.in_atomic_block
            return begun, selected("current_setting('jit')"), connection.get_autocommit()

        own = session()
        assert release()
        assert in_another_thread(take) == (own, "off", True)
        assert session() != own

    def test_is_taken_without_a_statement(self) -> None:
        session()
        assert release()
        with CaptureQueriesContext(connection) as captured:
            connection.ensure_connection()
        assert captured.captured_queries == []

    def test_may_have_been_used_in_a_failed_transaction(self) -> None:
        own = session()
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            raise ZeroDivisionError
        assert release()
        assert session() == own

    def test_is_kept_within_a_transaction(self) -> None:
        with transaction.atomic():
            own = session()
            assert not release()
        assert session() == own

    def test_is_kept_after_an_error(self) -> None:
        with pytest.raises(Error):
            selected("no_such_function()")
        assert not release()

    def test_that_the_server_closed_is_not_taken(self) -> None:
        own = session()
        raw = connection.connection
        assert release()
        raw.close()
        assert session() != own


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("was_idle", [False, True])
def test_connection_is_checked_if_it_was_idle(was_idle: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = []
    monkeypatch.setattr(base.DatabaseWrapper, "is_usable", lambda self: not checks.append(self))
    session()
    connection.close_if_unusable_or_obsolete()
    session()
    checks.clear()
    monkeypatch.setattr(base, "IDLE_SECONDS", -1.0 if was_idle else 60.0)
    connection.close_if_unusable_or_obsolete()
    session()
    assert len(checks) == was_idle


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_released", [False, True])
def test_session_that_the_server_ended_a_moment_ago_is_replaced(is_released: bool) -> None:
    """As in a call that follows another soon after a restart of the server."""
    ended = session()
    connection.close_if_unusable_or_obsolete()
    with closing(connection.copy()) as other, other.cursor() as cursor:
        if is_released:
            assert release()
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [ended])
    connection.close_if_unusable_or_obsolete()
    assert session() != ended


@pytest.mark.django_db
def test_thread_that_waits_for_a_statement_is_known() -> None:
    def wait() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(1)")
        connection.close()

    waiting = threading.Thread(target=wait)
    waiting.start()
    until(lambda: waiting.ident in WAITING_THREADS)
    waiting.join()
    assert waiting.ident not in WAITING_THREADS

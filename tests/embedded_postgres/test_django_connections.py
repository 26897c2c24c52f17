"""Django's connections to an embedded server."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from core.db.backend import base as backend
from core.db.configuration import configuration
from core.db.thread_connections import fresh_connections, refresh
from tests.support.embedded_cluster import kill_server, postmaster_pid


class TestConfiguration:
    def test_configuration_starts_no_server(self, new_dir: Path) -> None:
        assert configuration(None, new_dir)["ENGINE"] == "core.db.backend"
        assert not new_dir.exists()

    def test_url_selects_another_server(self, server_folder: Path) -> None:
        chosen = configuration("postgres://ann:s%40fe@db.example.com:5433/team?sslmode=require", server_folder)
        assert chosen == {
            "ENGINE": "core.db.backend",
            "NAME": "team",
            "USER": "ann",
            "PASSWORD": "s@fe",
            "HOST": "db.example.com",
            "PORT": 5433,
            "OPTIONS": {"sslmode": "require"},
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
        }

    def test_other_kinds_of_database_are_rejected(self, server_folder: Path) -> None:
        with pytest.raises(ImproperlyConfigured, match="supports only PostgreSQL"):
            configuration("sqlite:///tandem.db", server_folder)


@pytest.fixture
def connection(data_dir: Path, django_db_blocker: Any) -> Iterator[BaseDatabaseWrapper]:
    """A Django connection to an embedded server that is not started yet."""
    with django_db_blocker.unblock():
        handler = ConnectionHandler({"default": configuration(None, data_dir, durable=False)})
        yield handler["default"]
        handler["default"].close()


@pytest.fixture
def in_calls(connection: BaseDatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> BaseDatabaseWrapper:
    """The same connection, looked after by `fresh_connections`."""
    monkeypatch.setattr(connections, "all", lambda **_: [connection])
    return connection


def one(connection: BaseDatabaseWrapper) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return int(cursor.fetchone()[0])


class TestBackend:
    def test_first_connection_starts_the_server(self, connection: BaseDatabaseWrapper, data_dir: Path) -> None:
        assert postmaster_pid(data_dir) is None
        assert one(connection) == 1
        assert postmaster_pid(data_dir)

    def test_dbshell_runs_the_bundled_psql(self, connection: BaseDatabaseWrapper) -> None:
        arguments, environment = connection.client.settings_to_cmd_args_env(
            connection.settings_dict, ["-Atc", "SELECT current_database()"]
        )
        said = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True, timeout=30)
        assert said.stdout == "tandem\n"

    def test_failed_start_is_raised_as_operational_error(self, connection: BaseDatabaseWrapper, data_dir: Path) -> None:
        (data_dir / "postgres/start.lock").unlink()
        (data_dir / "postgres/start.lock").mkdir()
        with pytest.raises(OperationalError, match="cannot be used"):
            one(connection)
        (data_dir / "postgres/start.lock").rmdir()


class TestFreshConnections:
    def test_call_without_queries_opens_no_connection(self, in_calls: BaseDatabaseWrapper) -> None:
        with fresh_connections():
            assert in_calls.connection is None
        assert in_calls.connection is None

    def test_server_that_died_between_calls_fails_none(self, in_calls: BaseDatabaseWrapper, data_dir: Path) -> None:
        with fresh_connections():
            assert one(in_calls) == 1
        kill_server(data_dir)
        with fresh_connections():
            assert one(in_calls) == 1

    def test_server_that_dies_during_a_call_fails_that_call_only(
        self, in_calls: BaseDatabaseWrapper, data_dir: Path
    ) -> None:
        with fresh_connections():
            assert one(in_calls) == 1
            kill_server(data_dir)
            with pytest.raises(OperationalError):
                one(in_calls)
        assert in_calls.connection is None
        with fresh_connections():
            assert one(in_calls) == 1

    def test_idle_connection_is_checked_before_use(
        self, in_calls: BaseDatabaseWrapper, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with fresh_connections():
            one(in_calls)
        kill_server(data_dir)
        monkeypatch.setattr(backend, "IDLE_SECONDS", 0.0)
        with fresh_connections():
            assert one(in_calls) == 1

    def test_idle_connection_is_checked_after_two_refreshes(
        self, in_calls: BaseDatabaseWrapper, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with fresh_connections():
            one(in_calls)
        kill_server(data_dir)
        later = time.monotonic() + backend.IDLE_SECONDS
        monkeypatch.setattr(backend, "time", SimpleNamespace(monotonic=lambda: later))
        refresh()  # As Django does at the start of a request, before our own.
        with fresh_connections():
            assert one(in_calls) == 1

    def test_connection_in_use_is_not_checked(
        self, in_calls: BaseDatabaseWrapper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with fresh_connections():
            one(in_calls)
        checks = []
        monkeypatch.setattr(in_calls, "is_usable", lambda: checks.append(1) or True)
        with fresh_connections():
            one(in_calls)
        assert not checks
        monkeypatch.setattr(backend, "IDLE_SECONDS", 0.0)
        with fresh_connections():
            one(in_calls)
            one(in_calls)
        assert len(checks) == 1

    def test_open_transaction_is_closed_before_the_next_call(self, in_calls: BaseDatabaseWrapper) -> None:
        with fresh_connections():
            one(in_calls)
            in_calls.set_autocommit(False)
            one(in_calls)
        assert in_calls.connection is None

    def test_connection_in_an_atomic_block_is_kept(self, in_calls: BaseDatabaseWrapper) -> None:
        one(in_calls)
        in_calls.set_autocommit(False)
        in_calls.in_atomic_block = True
        with fresh_connections():
            assert one(in_calls) == 1
        assert one(in_calls) == 1
        in_calls.in_atomic_block = False

    def test_debug_queries_are_discarded_after_a_call(self, in_calls: BaseDatabaseWrapper, settings: Any) -> None:
        settings.DEBUG = True
        with fresh_connections():
            one(in_calls)
            assert len(in_calls.queries_log) == 1
        assert not in_calls.queries_log

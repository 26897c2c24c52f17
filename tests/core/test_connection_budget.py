"""The connections that processes may open are compared with those that PostgreSQL takes."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from core.db import connection_budget
from embedded_postgres import lifecycle
from tests.support.servers import ROOT, database_url
from tests.support.setting_overrides import as_variables

pytestmark = pytest.mark.django_db(transaction=True)


def available() -> int:
    return connection_budget.available_connections(connection)


def test_by_default_they_fit_the_embedded_server() -> None:
    with TemporaryDirectory(prefix="tandem-test-") as folder:
        server = lifecycle.ensure_running(Path(folder).resolve(), durable=False)
        try:
            other = connection.copy()
            other.settings_dict = {**other.settings_dict, **server, "EMBEDDED": None}
            assert connection_budget.available_connections(other) >= connection_budget.max_connections()
            other.close()
        finally:
            lifecycle.release(Path(folder).resolve())


def test_too_many_connections_log_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    processes = available()
    connection_budget.check(8, processes)
    assert (
        f"may open {connection_budget.max_connections(processes)} connections, and PostgreSQL accepts {available()}"
        in caplog.text
    )
    assert "raise max_connections" in caplog.text


def test_sufficient_connections_log_no_warning(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.MAX_REQUEST_STREAMS = settings.HTTP_THREADS = settings.GRPC_MAX_WORKERS = 1
    connection_budget.check(8)
    assert caplog.text == ""


def test_threads_that_cannot_all_have_one_are_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="raise max_connections, or lower this process's threads"):
        connection_budget.check(available())


@pytest.mark.real_server
@pytest.mark.parametrize("command", ["runweb", "rungrpc", "runworker"])
def test_a_process_that_needs_too_many_does_not_start(command: str) -> None:
    many = str(available() + 1)
    variables = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "tests.server_settings", "DEBUG": "true",
        "HTTP_THREADS": many, "GRPC_MAX_WORKERS": many, "DATABASE_URL": database_url(),
        **as_variables({"WORKER_THREADS": many}), "HTTP_PORT": "0", "GRPC_PORT": "0",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "manage.py", command],
        cwd=ROOT, env=variables, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "raise max_connections, or lower this process's threads" in done.stderr
    assert "Traceback" not in done.stderr

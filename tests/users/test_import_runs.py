"""`manage.py users import`: actors, interruptions, progress."""

import os
import pty
import signal
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from changes.models import Change
from core import bulk
from tests.support.databases import server_cursor
from tests.support.factories import AdministratorFactory, UserFactory
from tests.support.servers import database_url, until
from tests.support.user_imports import called, command, empty_the_database, jsonl, reports_in, row, users
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _empty_database(transactional_db: None) -> None:
    empty_the_database()


def test_import_acts_as_the_system_or_as_an_administrator(tmp_path: Path) -> None:
    root, ann = AdministratorFactory(email="root@example.com"), UserFactory(email="ann@example.com")
    assert users("import", "-", stdin=jsonl(row("one@example.com")))[0] == 0
    assert users("import", "-", "--as", "Root@example.com", stdin=jsonl(row("two@example.com")))[0] == 0
    one, two = User.objects.get(email="one@example.com"), User.objects.get(email="two@example.com")
    assert (one.created_by, two.created_by) == (None, root)
    actors = [Change.objects.get(subject_id=user.pk).actor for user in (one, two)]
    assert actors == ["users import", str(root.pk)]
    code, _, output_text = users("import", "-", "--as", ann.email, stdin=jsonl(row("three@example.com")))
    assert (code, output_text.strip()) == (
        2,
        "CommandError: ann@example.com is not an administrator with an active account.",
    )


@pytest.mark.parametrize("arguments", [(), ("import",), ("move", "x"), ("import", "-", "--format", "xml")])
def test_wrong_arguments_exit_with_status_2(arguments: tuple[str, ...]) -> None:
    assert users(*arguments)[0] == 2


@pytest.mark.parametrize("action", ["import", "export"])
def test_error_names_missing_migrations(tmp_path: Path, action: str) -> None:
    file = tmp_path / "users.jsonl"
    file.write_bytes(jsonl(row("ada@example.com")))
    # The database that every PostgreSQL has, and Tandem does not use.
    url = f"{database_url().rpartition('/')[0]}/postgres"
    code, _, output_text = users(action, file, DATABASE_URL=url)
    assert code == 2
    assert "manage.py migrate" in output_text


def rows_from(first: int, last: int) -> bytes:
    return jsonl(*(row(f"user{n}@example.com") for n in range(first, last)))


@pytest.fixture
def importing() -> Iterator[subprocess.Popen[bytes]]:
    """An import that has written one chunk, and waits for more of the second."""
    process = subprocess.Popen(
        **command("import", "-"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin
    process.stdin.write(rows_from(0, bulk.CHUNK_SIZE + 100))
    process.stdin.flush()
    until(lambda: User.objects.count() == bulk.CHUNK_SIZE, "the first chunk is there")
    yield process
    process.kill()
    process.communicate()


def test_signal_ends_the_import_after_the_running_chunk(importing: subprocess.Popen[bytes]) -> None:
    importing.send_signal(signal.SIGINT)
    out, err = importing.communicate(timeout=30)
    assert importing.returncode == 1
    written = User.objects.count()
    assert bulk.CHUNK_SIZE <= written <= bulk.CHUNK_SIZE + 100
    assert out.decode().startswith(f"{written} rows: {written} imported")
    assert f"-: Stopped by SIGINT. Completed up to line {written}; run it again to continue." in err.decode()
    again = users("import", "-", stdin=rows_from(0, bulk.CHUNK_SIZE + 200))
    total = bulk.CHUNK_SIZE + 200
    assert again[1].startswith(f"{total} rows: {total - written} imported, {written} imported before")


def test_killed_import_resumes_after_its_last_chunk(importing: subprocess.Popen[bytes]) -> None:
    importing.kill()
    importing.communicate(timeout=30)
    total = bulk.CHUNK_SIZE + 100
    code, said, _ = users("import", "-", stdin=rows_from(0, total))
    assert (code, said.split(";")[0]) == (
        0, f"{total} rows: 100 imported, {bulk.CHUNK_SIZE} imported before, 0 failed"
    )  # fmt: skip
    assert User.objects.count() == total


def test_lost_database_ends_the_import_with_its_progress(importing: subprocess.Popen[bytes]) -> None:
    name = connection.settings_dict["NAME"]
    connection.close()
    with server_cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            out, err = importing.communicate(rows_from(bulk.CHUNK_SIZE + 100, 3 * bulk.CHUNK_SIZE), timeout=30)
        finally:
            cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    assert importing.returncode == 1
    assert out.decode().startswith(f"{bulk.CHUNK_SIZE} rows: {bulk.CHUNK_SIZE} imported")
    assert (
        f"-: The database is unavailable. Completed up to line {bulk.CHUNK_SIZE}; run it again to continue."
        in err.decode()
    )


def test_progress_is_shown_on_a_terminal_only(tmp_path: Path) -> None:
    path = tmp_path / "users.jsonl"
    path.write_bytes(rows_from(0, 2))
    assert users("import", path)[2] == ""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    subprocess.run(**command("import", path), stdout=subprocess.DEVNULL, stderr=theirs, check=True)
    os.close(theirs)
    assert b"100%" in os.read(ours, 10_000)
    os.close(ours)


@pytest.mark.parametrize("between", [0, bulk.CHUNK_SIZE])
def test_equal_rows_have_equal_outcomes(tmp_path: Path, between: int) -> None:
    path = tmp_path / "users.jsonl"
    others = rows_from(0, between)
    bad, good = jsonl(row("no address")), jsonl(row("ann@example.com"))
    path.write_bytes(bad + good + bad + others + good + bad)
    code, said, _ = called("import", path)
    assert code == 1
    assert said.startswith(f"{between + 5} rows: {between + 1} imported, 1 imported before, 3 failed;")
    assert User.objects.count() == between + 1
    found = reports_in(tmp_path / "users.jsonl.errors.jsonl")
    assert [one["line"] for one in found] == [1, 3, between + 5]
    assert {one["fields"][0]["message"] for one in found} == {"Enter an e-mail address."}

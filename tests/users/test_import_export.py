"""`manage.py users import` and `export`, as they are run."""

import json
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from django.contrib.auth.hashers import check_password, make_password
from django.core.management import CommandError, call_command
from django.db import connection

from changes.models import Change
from core import bulk
from tests.support.factories import AdministratorFactory, ServiceFactory, UserFactory
from tests.support.servers import ROOT, database_url, until
from users.models import Role, Status, User

PASSWORD = "a password from elsewhere"
FOREIGN = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()

pytestmark = pytest.mark.django_db(transaction=True)


def empty_the_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE users_user, changes_change, core_idempotencyrecord RESTART IDENTITY CASCADE")


@pytest.fixture(autouse=True)
def _nobody_is_there(transactional_db: None) -> None:
    empty_the_database()


def command(*arguments: Any, **environment: str) -> dict[str, Any]:
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.server_settings", "DATABASE_URL": database_url()}
    return {
        "args": [sys.executable, "manage.py", "users", *map(str, arguments)],
        "cwd": ROOT,
        "env": {**variables, "DEBUG": "true", "LOG_LEVEL": "WARNING", **environment},
    }


def users(*arguments: Any, stdin: bytes = b"", **environment: str) -> tuple[int, str, str]:
    """Exit code, what it wrote, and what it complained of."""
    done = subprocess.run(**command(*arguments, **environment), input=stdin, capture_output=True, check=False)
    told = done.stderr.decode()
    assert "Traceback" not in told
    return done.returncode, done.stdout.decode(), told


def called(*arguments: Any) -> tuple[int, str, str]:
    """As `users`, in this process."""
    out = StringIO()
    try:
        call_command("users", *map(str, arguments), stdout=out)
    except CommandError as exc:
        return exc.returncode, out.getvalue(), str(exc)
    return 0, out.getvalue(), ""


def jsonl(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def row(email: str, **more: Any) -> dict[str, Any]:
    return {"user": {"email": email}, **more}


def emails() -> set[str]:
    return set(User.objects.values_list("email", flat=True))


def told_in(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


WHOLE = {
    "id": "018f2d3c-0000-7000-8000-000000000001",
    "email": "ann@example.com",
    "display_name": 'Änn, "the" Other; 安',
    "first_name": "Ann",
    "last_name": "O'Brien",
    "phone": {"e164": "+14155551234"},
    "avatar_url": "https://example.com/a.png",
    "status": "banned",
    "roles": ["customer", "seller"],
    "email_verified": True,
    "phone_verified": True,
    "profile": {
        "bio": "Two\nlines",
        "date_of_birth": "1990-02-03",
        "gender": "f",
        "language": "en",
        "currency": "EUR",
        "timezone": "Europe/Berlin",
        "company": "Example",
        "website": "https://example.com",
        "social_links": {"a;b": "https://example.com/x;y=z"},
    },
    "audit": {"created_at": "2019-05-04T03:02:01.000004Z"},
    "last_login_at": "2020-01-01T00:00:00Z",
}


def state(user: User) -> dict[str, Any]:
    """All of a user that an import takes over."""
    names = [field.name for field in User._meta.concrete_fields]
    left = {
        "number", "preferences", "version", "updated_at", "created_by", "updated_by", "tokens_valid_from", "password",
        "is_staff", "is_superuser",
    }  # fmt: skip
    return {name: getattr(user, name) for name in names if name not in left}


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_what_is_exported_comes_in_as_it_was(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / "source.jsonl"
    source.write_bytes(jsonl({"user": WHOLE, "password_hash": FOREIGN}))
    assert users("import", source)[0] == 0
    UserFactory(email="own@example.com", password=make_password(PASSWORD))
    UserFactory(email="pending@example.com", status=Status.PENDING_VERIFICATION, password="!")
    AdministratorFactory(email="root@example.com")
    ServiceFactory(email="service@example.com")
    before = {user.email: state(user) for user in User.objects.filter(is_service=False)}
    assert before["ann@example.com"]["social_links"] == WHOLE["profile"]["social_links"]  # type: ignore[index]

    out = tmp_path / f"users.{suffix}"
    code, _, told = users("export", out, "--with-password-hashes")
    assert (code, told.split()[:3]) == (0, ["4", "users", "exported;"])
    assert out.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {source.name, out.name}
    empty_the_database()
    code, said, told = users("import", out)
    assert (code, told) == (0, "")
    assert said.startswith("4 rows: 4 imported, 0 imported before, 0 failed;")
    assert {user.email: state(user) for user in User.objects.all()} == before
    for email in ("ann@example.com", "own@example.com"):
        assert check_password(PASSWORD, User.objects.get(email=email).password)
    assert not User.objects.get(email="pending@example.com").has_usable_password()


@pytest.mark.parametrize("file_format", ["jsonl", "csv"])
def test_hashes_are_exported_only_if_asked_for(file_format: str) -> None:
    UserFactory(email="ann@example.com", password=make_password(PASSWORD))
    code, out, _ = users("export", "-", "--format", file_format)
    assert (code, "ann@example.com" in out, "argon2" in out, "password_hash" in out) == (0, True, False, False)
    assert "argon2" in users("export", "-", "--with-password-hashes", "--format", file_format)[1]


def test_an_export_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "users.csv"
    out.write_text("yesterday's")
    code, _, told = users("export", out, DATABASE_URL="postgres://nobody@127.0.0.1:1/none")
    assert (code, told.strip()) == (1, "CommandError: The database is unavailable; try again.")
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert out.read_text() == "yesterday's"


def test_a_csv_file_needs_only_the_columns_it_has(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_bytes(
        b"\xef\xbb\xbfemail,profile.bio, roles ,email_verified,phone.e164\r\n"
        b'Ann@Example.com,"Two\r\nlines, ""quoted""",customer; seller,true,+14155551234\r\n'
        b"\r\n"
        b"bob@example.com,,,,\r\n"
    )
    code, said, _ = called("import", path)
    assert (code, said.split(" imported")[0]) == (0, "2 rows: 2")
    ann = User.objects.get(email="ann@example.com")
    assert (ann.bio, ann.roles, ann.phone) == ('Two\r\nlines, "quoted"', [Role.CUSTOMER, Role.SELLER], "+14155551234")
    assert (ann.status, ann.email_verified) == (Status.ACTIVE, True)


def test_rows_that_fail_are_told_with_their_lines_and_without_secrets(tmp_path: Path) -> None:
    secret, plain = "$2b$99$" + "a" * 53, "correct horse battery"
    path = tmp_path / "users.jsonl"
    path.write_bytes(
        jsonl(row("good@example.com", password_hash=FOREIGN))
        + jsonl(row("bad@example.com", password_hash=secret, request_id="7"))
        + b"\n"
        + jsonl({"user": {"email": "no address", "password": plain}, "note": plain})
        + jsonl({"user": plain})
        + f'{{"password_hash": "{secret}", '.encode() + b"\n"
        + b'{"user": {"email": "long' + b"x" * 2_000_000 + b'"}}\n'
        + jsonl(row("GOOD@example.com"))
        + b'{"user": {"email": "last@example.com"}}'
    )  # fmt: skip
    code, said, told = called("import", path)
    errors = tmp_path / "users.jsonl.errors.jsonl"
    assert said.startswith("8 rows: 2 imported, 0 imported before, 6 failed;")
    assert (code, told) == (1, f"6 rows failed; see {errors}.")
    assert emails() == {"good@example.com", "last@example.com"}
    found = told_in(errors)
    assert [(one["line"], one["reason"]) for one in found] == [
        (2, "INVALID"), (4, "INVALID"), (5, "INVALID"), (6, "INVALID"), (7, "INVALID"), (8, "ALREADY_EXISTS"),
    ]  # fmt: skip
    assert [field["field"] for field in found[0]["fields"]] == ["password_hash"]
    assert found[0]["row"] == {"user": {"email": "bad@example.com"}, "password_hash": "***", "request_id": "7"}
    assert found[1]["row"] == {"user": {"email": "no address", "password": "***"}, "note": "***"}
    assert found[5]["message"] == "User with email good@example.com already exists"
    assert not any(text in errors.read_text() for text in (secret, plain))
    assert errors.stat().st_mode & 0o777 == 0o600
    # What is in order by now is told no more.
    path.write_bytes(jsonl(row("good@example.com", password_hash=FOREIGN)))
    assert called("import", path)[1].startswith("1 rows: 0 imported, 1 imported before, 0 failed;")
    assert not errors.exists()


def test_cells_that_fail_are_told_by_their_columns(tmp_path: Path) -> None:
    path, errors = tmp_path / "users.txt", tmp_path / "errors"
    path.write_text("email,roles,email_verified,password_hash\na@example.com,king,maybe,secret\nb@example.com\n")
    code, _, _ = called("import", path, "--format", "csv", "--errors", errors)
    first, second = told_in(errors)
    assert (code, first["line"], second["line"]) == (1, 2, 3)
    assert {field["field"] for field in first["fields"]} == {"email_verified", "roles.0"}
    assert first["row"]["password_hash"] == "***"
    assert second["message"] == "The row has 1 cells, the heading 4."


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("users.csv", b"email,shoe_size\na@example.com,44\n", "There is no column 'shoe_size'."),
        ("users.csv", b"E-Mail,Mobile\na@example.com,44\n", "Use --map NAME=FIELD for columns with other names."),
        ("users.csv", b"email,audit.version\na@example.com,44\n", "There is no column 'audit.version'."),
        ("users.csv", b"email,email\na@example.com,b\n", "Duplicate column 'email'."),
        ("users.csv", b"", "The file has no heading."),
        ("users.csv", b'email,"profile.bio\n', "Invalid CSV at line 1"),
        ("users.csv", "email,profile.bio\n".encode("utf-16"), "Line 1 is not UTF-8; save the file as UTF-8."),
        ("users.txt", b"email\n", "give --format."),
        ("missing.csv", None, "No such file or directory."),
        ("", None, "Is a directory."),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_before_anything_is_written(
    tmp_path: Path, name: str, content: bytes | None, told: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    code, said, why = called("import", path, *(() if name else ("--format", "csv")))
    assert (code, said) == (2, "")
    assert told in why
    assert not emails()


@pytest.mark.parametrize(
    ("name", "rest", "told"),
    [
        ("users.csv", b'b@example.com\n"c@example.com\nd@example.com\n', "Invalid CSV at line 4"),
        ("users.csv", b'b@example.com\n"c" x\n', "Invalid CSV at line 4"),
        ("users.csv", b"b@example.com\n\xff\n", "Line 4 is not UTF-8"),
        ("users.csv", b"b@example.com\n" + b"x" * 3_000_000, "Line 4 has more than 262144 bytes."),
    ],
)
def test_where_a_file_breaks_the_rows_before_are_in(tmp_path: Path, name: str, rest: bytes, told: str) -> None:
    path = tmp_path / name
    begin = b"email\na@example.com\n" if name.endswith("csv") else b"\n" + jsonl(row("a@example.com"))
    path.write_bytes(begin + rest)
    code, said, why = called("import", path)
    assert code == 1
    assert said.startswith("2 rows: 2 imported")
    assert told in why
    assert "Completed up to line 3; run it again to continue." in why
    assert emails() == {"a@example.com", "b@example.com"}


def test_rows_that_no_report_can_show_fail_alone(tmp_path: Path) -> None:
    lines = tmp_path / "users.jsonl"
    lines.write_bytes(b'{"user":{"email":"\\ud800@example.com"}}\n' + jsonl(row("a@example.com")))
    assert called("import", lines)[0] == 1
    (half,) = told_in(Path(f"{lines}.errors.jsonl"))
    assert (half["line"], half["row"]) == (1, {"user": {"email": "\ud800@example.com"}})
    nested = tmp_path / "users.json"
    deep = b'{"user":{"email":"b@example.com","profile":{"social_links":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_003
    nested.write_bytes(b"[" + deep + b"," + json.dumps(row("c@example.com")).encode() + b"]")
    for options in ((), ("--with-password-hashes",)):
        assert called("import", nested, *options)[0] == 1
        (report,) = told_in(Path(f"{nested}.errors.jsonl"))
        assert (report["line"], report["row"]) == (1, None)
    assert emails() == {"a@example.com", "c@example.com"}


def test_it_acts_as_the_system_or_as_an_administrator(tmp_path: Path) -> None:
    root, ann = AdministratorFactory(email="root@example.com"), UserFactory(email="ann@example.com")
    assert users("import", "-", stdin=jsonl(row("one@example.com")))[0] == 0
    assert users("import", "-", "--as", "Root@example.com", stdin=jsonl(row("two@example.com")))[0] == 0
    one, two = User.objects.get(email="one@example.com"), User.objects.get(email="two@example.com")
    assert (one.created_by, two.created_by) == (None, root)
    actors = [Change.objects.get(subject_id=user.pk).actor for user in (one, two)]
    assert actors == ["users import", str(root.pk)]
    code, _, told = users("import", "-", "--as", ann.email, stdin=jsonl(row("three@example.com")))
    assert (code, told.strip()) == (2, "CommandError: ann@example.com is not an administrator with an active account.")


@pytest.mark.parametrize("arguments", [(), ("import",), ("move", "x"), ("import", "-", "--format", "xml")])
def test_wrong_use_is_told(arguments: tuple[str, ...]) -> None:
    assert users(*arguments)[0] == 2


@pytest.mark.parametrize("action", ["import", "export"])
def test_a_database_that_is_not_migrated_is_told(tmp_path: Path, action: str) -> None:
    file = tmp_path / "users.jsonl"
    file.write_bytes(jsonl(row("ada@example.com")))
    # The one that each PostgreSQL has, and nobody of ours uses.
    url = f"{database_url().rpartition('/')[0]}/postgres"
    code, _, told = users(action, file, DATABASE_URL=url)
    assert code == 2
    assert "manage.py migrate" in told


def rows_from(first: int, last: int) -> bytes:
    return jsonl(*(row(f"user{n}@example.com") for n in range(first, last)))


@pytest.fixture
def importing() -> Iterator[subprocess.Popen[bytes]]:
    """An import that has written one chunk, and waits for more of the second."""
    process = subprocess.Popen(
        **command("import", "-"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin
    process.stdin.write(rows_from(0, bulk.CHUNK + 100))
    process.stdin.flush()
    until(lambda: User.objects.count() == bulk.CHUNK, "the first chunk is there")
    yield process
    process.kill()
    process.communicate()


def test_a_signal_ends_it_after_the_running_chunk(importing: subprocess.Popen[bytes]) -> None:
    importing.send_signal(signal.SIGINT)
    out, err = importing.communicate(timeout=30)
    assert importing.returncode == 1
    written = User.objects.count()
    assert bulk.CHUNK <= written <= bulk.CHUNK + 100
    assert out.decode().startswith(f"{written} rows: {written} imported")
    assert f"-: Stopped by SIGINT. Completed up to line {written}; run it again to continue." in err.decode()
    again = users("import", "-", stdin=rows_from(0, bulk.CHUNK + 200))
    total = bulk.CHUNK + 200
    assert again[1].startswith(f"{total} rows: {total - written} imported, {written} imported before")


def test_killed_it_goes_on_where_it_was(importing: subprocess.Popen[bytes]) -> None:
    importing.kill()
    importing.communicate(timeout=30)
    total = bulk.CHUNK + 100
    code, said, _ = users("import", "-", stdin=rows_from(0, total))
    assert (code, said.split(";")[0]) == (
        0, f"{total} rows: 100 imported, {bulk.CHUNK} imported before, 0 failed"
    )  # fmt: skip
    assert User.objects.count() == total


def test_without_the_database_it_says_how_far_it_came(importing: subprocess.Popen[bytes]) -> None:
    name = connection.settings_dict["NAME"]
    connection.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            out, err = importing.communicate(rows_from(bulk.CHUNK + 100, 3 * bulk.CHUNK), timeout=30)
        finally:
            cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    assert importing.returncode == 1
    assert out.decode().startswith(f"{bulk.CHUNK} rows: {bulk.CHUNK} imported")
    assert (
        f"-: The database is unavailable. Completed up to line {bulk.CHUNK}; run it again to continue." in err.decode()
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


@pytest.mark.parametrize("between", [0, bulk.CHUNK])
def test_equal_rows_have_equal_outcomes(tmp_path: Path, between: int) -> None:
    path = tmp_path / "users.jsonl"
    others = rows_from(0, between)
    bad, good = jsonl(row("no address")), jsonl(row("ann@example.com"))
    path.write_bytes(bad + good + bad + others + good + bad)
    code, said, _ = called("import", path)
    assert code == 1
    assert said.startswith(f"{between + 5} rows: {between + 1} imported, 1 imported before, 3 failed;")
    assert User.objects.count() == between + 1
    found = told_in(tmp_path / "users.jsonl.errors.jsonl")
    assert [one["line"] for one in found] == [1, 3, between + 5]
    assert {one["fields"][0]["message"] for one in found} == {"Enter an e-mail address."}

"""`manage.py users import` and `export`: what is read and written."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password, make_password

from tests.support.factories import AdministratorFactory, ServiceFactory, UserFactory
from tests.support.user_imports import (
    FOREIGN,
    PASSWORD,
    called,
    emails,
    empty_the_database,
    jsonl,
    reports_in,
    row,
    users,
)
from users.models import Role, Status, User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _empty_database(transactional_db: None) -> None:
    empty_the_database()


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
    """Return everything of a user that an import takes over."""
    names = [field.name for field in User._meta.concrete_fields]
    left = {
        "number", "preferences", "version", "updated_at", "created_by", "updated_by", "tokens_valid_from", "password",
        "is_staff", "is_superuser",
    }  # fmt: skip
    return {name: getattr(user, name) for name in names if name not in left}


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_export_and_import_keep_every_field(tmp_path: Path, suffix: str) -> None:
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
    code, _, output_text = users("export", out, "--with-password-hashes")
    assert (code, output_text.split()[:3]) == (0, ["4", "users", "exported;"])
    assert out.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {source.name, out.name}
    empty_the_database()
    code, said, output_text = users("import", out)
    assert (code, output_text) == (0, "")
    assert said.startswith("4 rows: 4 imported, 0 imported before, 0 failed;")
    assert {user.email: state(user) for user in User.objects.all()} == before
    for email in ("ann@example.com", "own@example.com"):
        assert check_password(PASSWORD, User.objects.get(email=email).password)
    assert not User.objects.get(email="pending@example.com").has_usable_password()


@pytest.mark.parametrize("file_format", ["jsonl", "csv"])
def test_hashes_are_exported_only_on_request(file_format: str) -> None:
    UserFactory(email="ann@example.com", password=make_password(PASSWORD))
    code, out, _ = users("export", "-", "--format", file_format)
    assert code == 0
    assert "ann@example.com" in out
    assert "argon2" not in out
    assert "password_hash" not in out
    assert "argon2" in users("export", "-", "--with-password-hashes", "--format", file_format)[1]


def test_failed_export_keeps_the_existing_file(tmp_path: Path) -> None:
    out = tmp_path / "users.csv"
    out.write_text("yesterday's")
    code, _, output_text = users("export", out, DATABASE_URL="postgres://nobody@127.0.0.1:1/none")
    assert (code, output_text.strip()) == (1, "CommandError: The database is unavailable; try again.")
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert out.read_text() == "yesterday's"


def test_csv_may_omit_columns(tmp_path: Path) -> None:
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


def test_failed_rows_are_reported_with_lines_and_without_secrets(tmp_path: Path) -> None:
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
    code, said, output_text = called("import", path)
    errors = tmp_path / "users.jsonl.errors.jsonl"
    assert said.startswith("8 rows: 2 imported, 0 imported before, 6 failed;")
    assert (code, output_text) == (1, f"6 rows failed; see {errors}.")
    assert emails() == {"good@example.com", "last@example.com"}
    found = reports_in(errors)
    assert [(one["line"], one["reason"]) for one in found] == [
        (2, "INVALID"), (4, "INVALID"), (5, "INVALID"), (6, "INVALID"), (7, "INVALID"), (8, "ALREADY_EXISTS"),
    ]  # fmt: skip
    assert [field["field"] for field in found[0]["fields"]] == ["password_hash"]
    assert found[0]["row"] == {"user": {"email": "bad@example.com"}, "password_hash": "***", "request_id": "7"}
    assert found[1]["row"] == {"user": {"email": "no address", "password": "***"}, "note": "***"}
    assert found[5]["message"] == "User with email good@example.com already exists"
    assert not any(text in errors.read_text() for text in (secret, plain))
    assert errors.stat().st_mode & 0o777 == 0o600
    # Rows that are corrected are no longer reported.
    path.write_bytes(jsonl(row("good@example.com", password_hash=FOREIGN)))
    assert called("import", path)[1].startswith("1 rows: 0 imported, 1 imported before, 0 failed;")
    assert not errors.exists()


def test_failed_cells_are_reported_by_column(tmp_path: Path) -> None:
    path, errors = tmp_path / "users.txt", tmp_path / "errors"
    path.write_text("email,roles,email_verified,password_hash\na@example.com,king,maybe,secret\nb@example.com\n")
    code, _, _ = called("import", path, "--format", "csv", "--errors", errors)
    first, second = reports_in(errors)
    assert (code, first["line"], second["line"]) == (1, 2, 3)
    assert {field["field"] for field in first["fields"]} == {"email_verified", "roles.0"}
    assert first["row"]["password_hash"] == "***"
    assert second["message"] == "The row has 1 cells, the heading 4."


@pytest.mark.parametrize(
    ("name", "content", "output_text"),
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
def test_unreadable_file_is_rejected_before_anything_is_written(
    tmp_path: Path, name: str, content: bytes | None, output_text: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    code, said, why = called("import", path, *(() if name else ("--format", "csv")))
    assert (code, said) == (2, "")
    assert output_text in why
    assert not emails()


@pytest.mark.parametrize(
    ("name", "rest", "output_text"),
    [
        ("users.csv", b'b@example.com\n"c@example.com\nd@example.com\n', "Invalid CSV at line 4"),
        ("users.csv", b'b@example.com\n"c" x\n', "Invalid CSV at line 4"),
        ("users.csv", b"b@example.com\n\xff\n", "Line 4 is not UTF-8"),
        ("users.csv", b"b@example.com\n" + b"x" * 3_000_000, "Line 4 has more than 262144 bytes."),
    ],
)
def test_rows_before_an_unreadable_line_are_imported(tmp_path: Path, name: str, rest: bytes, output_text: str) -> None:
    path = tmp_path / name
    begin = b"email\na@example.com\n" if name.endswith("csv") else b"\n" + jsonl(row("a@example.com"))
    path.write_bytes(begin + rest)
    code, said, why = called("import", path)
    assert code == 1
    assert said.startswith("2 rows: 2 imported")
    assert output_text in why
    assert "Completed up to line 3; run it again to continue." in why
    assert emails() == {"a@example.com", "b@example.com"}


def test_rows_that_cannot_be_reported_fail_alone(tmp_path: Path) -> None:
    lines = tmp_path / "users.jsonl"
    lines.write_bytes(b'{"user":{"email":"\\ud800@example.com"}}\n' + jsonl(row("a@example.com")))
    assert called("import", lines)[0] == 1
    (half,) = reports_in(Path(f"{lines}.errors.jsonl"))
    assert (half["line"], half["row"]) == (1, {"user": {"email": "\ud800@example.com"}})
    nested = tmp_path / "users.json"
    deep = b'{"user":{"email":"b@example.com","profile":{"social_links":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_003
    nested.write_bytes(b"[" + deep + b"," + json.dumps(row("c@example.com")).encode() + b"]")
    for options in ((), ("--with-password-hashes",)):
        assert called("import", nested, *options)[0] == 1
        (report,) = reports_in(Path(f"{nested}.errors.jsonl"))
        assert (report["line"], report["row"]) == (1, None)
    assert emails() == {"a@example.com", "c@example.com"}

"""`manage.py users import --from`: options of each system, invalid records, mapped columns."""

import json
import tracemalloc
from pathlib import Path

import pytest
from django.contrib.auth.hashers import check_password

from core.models import Job
from tests.support.factories import UserFactory
from tests.support.user_imports import DATA, PASSWORD, account, called, reports_in
from users.management.sources import firebase
from users.models import Role, User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("heading", ["Primary email", "primaryEmail", "email"])
def test_okta_accounts_are_imported_by_email_not_login(tmp_path: Path, heading: str) -> None:
    """Okta's login need not be an address, and where it is one, mail may go to another."""
    file = tmp_path / "people.csv"
    file.write_text(
        f"User Id,{heading},Username,First name,Last name,Status\n"
        "00u1,ada@example.com,ada,Ada,Byron,ACTIVE\n"
        "00u2,grace@example.com,grace@login.example.com,Grace,Hopper,ACTIVE\n"
        "00u3,,mary@example.com,Mary,Somerville,ACTIVE\n"
    )
    code, output, _ = called("import", file, "--from", "okta")
    assert (code, "Left out" in output) == (0, False)
    if heading != "email":
        assert called("import", file)[2].endswith("give --from okta.")
    assert set(User.objects.values_list("email", flat=True)) == {
        f"{name}@example.com" for name in ("ada", "grace", "mary")
    }


def test_firebase_passwords_need_the_parameters_of_the_project(tmp_path: Path) -> None:
    code, _, why = called("import", DATA / "firebase.json", "--from", "firebase")
    assert (code, "--firebase-parameters" in why) == (2, True)
    assert not User.objects.exists()
    as_json = tmp_path / "parameters.json"
    as_json.write_text(json.dumps({"base64_signer_key": "AAAA", "rounds": 8}))
    code, _, why = called("import", DATA / "firebase.json", "--from", "firebase", "--firebase-parameters", as_json)
    assert (code, "lack salt_separator, memory_cost" in why) == (2, True)
    code, output, _ = called("import", DATA / "firebase.json", "--from", "firebase", "--without-passwords")
    assert (code, "2 accounts have no password" in output) == (0, True)
    User.objects.all().delete()
    given = firebase.parameters_in((DATA / "firebase-hash-config.txt").read_text())
    values = [part for name, value in given.items() for part in (f"--firebase-{name.replace('_', '-')}", value)]
    assert called("import", DATA / "firebase.json", "--from", "firebase", *values)[0] == 0
    assert check_password("user1password", account("ada").password)


def test_wordpress_names_are_read_from_usermeta() -> None:
    meta = DATA / "wordpress-wp_usermeta.csv"
    code, output, _ = called("import", DATA / "wordpress-wp_users.csv", "--from", "wordpress", "--usermeta", meta)
    assert (code, "usermeta wp_capabilities (1)" in output) == (0, True)
    ada, grace = account("ada"), account("grace")
    assert ada.first_name == "Ada"
    assert ada.last_name == "Byron"
    assert ada.bio == "Writes\nprograms."
    assert ada.roles == [Role.CUSTOMER]
    assert (grace.first_name, grace.last_name, grace.language) == ("Grace", "", "en")
    for wrong in (("--from", "okta", "--usermeta", meta), ("--from", "wordpress", "--usermeta", DATA / "okta.csv")):
        assert called("import", DATA / "wordpress-wp_users.csv", *wrong)[0] == 2


def test_too_costly_hash_is_an_error_of_its_row(tmp_path: Path) -> None:
    file = tmp_path / "auth_user.csv"
    file.write_text(
        "id,password,username,email,is_active\n"
        "1,pbkdf2_sha256$99999999$salt$dUwoKfaaPeOq72BKBp2l1VE+Sp69HnBSEeM5R4c5ZOI=,ada,ada@example.com,1\n"
        "2,,grace,grace@example.com,1\n"
    )
    code, output, _ = called("import", file, "--from", "django")
    assert (code, "2 rows: 1 imported, 0 imported before, 1 failed" in output) == (1, True)
    (found,) = reports_in(tmp_path / "auth_user.csv.errors.jsonl")
    assert (found["line"], [field["field"] for field in found["fields"]]) == (2, ["password_hash"])
    assert found["row"] == {
        "user": {"email": "ada@example.com", "display_name": "ada", "status": "active"}, "password_hash": "***",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("system", "name", "content", "failed"),
    [
        ("keycloak", "realm.json",
         b'{"realm": "r", "users": [{"email": "a@example.com"}, 5, null, [], {"email": "b@example.com"}]}', [2, 3, 4]),
        ("keycloak", "numbers.json",
         b'{"users": [{"email": "a@example.com"}, {"email": 1' + b"0" * 30 + b'}, {"email": "b@example.com"}]}', [2]),
        ("auth0", "users.json", b'[{"email": "a@example.com"}, "x", {"email": "b@example.com"}]', [2]),
        ("auth0", "users.ndjson", b'{"email": "a@example.com"}\n{bad\n[1]\n' + b"x" * 3_000_000
         + b'\n{"email": "b@example.com"}\n', [2, 3, 4]),
        ("google", "users.csv", b"Email Address\na@example.com\n,,x\nb@example.com\n", [3]),
        ("firebase", "users.csv", b"1,a@example.com,true" + b"," * 23 + b"\nx\n2,b@example.com,true" + b"," * 23, [2]),
    ],
)  # fmt: skip
def test_invalid_record_fails_alone(tmp_path: Path, system: str, name: str, content: bytes, failed: list[int]) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    options = ("--without-passwords",) if system == "firebase" else ()
    code, said, why = called("import", file, "--from", system, *options)
    assert (code, said.partition(";")[0].partition(": ")[2]) == (
        1, f"2 imported, 0 imported before, {len(failed)} failed",
    )  # fmt: skip
    assert "run it again" not in why
    assert [found["line"] for found in reports_in(tmp_path / f"{name}.errors.jsonl")] == failed
    assert set(User.objects.values_list("email", flat=True)) == {"a@example.com", "b@example.com"}


def test_rows_that_failed_can_be_corrected_and_imported(tmp_path: Path) -> None:
    file, errors = tmp_path / "users.csv", tmp_path / "failed.jsonl"
    made = json.loads((DATA / "auth0-hashes.ndjson").read_text())["passwordHash"]
    file.write_text(f"email,first_name,password_hash\nada at example.com,Ada,{made}\n")
    assert called("import", file, "--errors", errors, "--with-password-hashes")[0] == 1
    errors.write_text(errors.read_text().replace("ada at", "ada@").replace("@ example", "@example"))
    assert called("import", errors)[0] == 0
    assert check_password(PASSWORD, account("ada").password)
    User.objects.all().delete()
    # Without its hash it is an account without a password.
    assert called("import", file, "--errors", errors)[0] == 1
    errors.write_text(errors.read_text().replace("ada at ", "grace@"))
    code, output, _ = called("import", errors)
    assert (code, "1 accounts have no password" in output) == (0, True)
    assert not account("grace").has_usable_password()


def test_columns_of_any_file_are_mapped(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(
        "E-Mail;Vorname;Telefon;Abteilung;Rolle;;\r\nAda@Example.com;Ada;+49 30 901820;IT;seller;;\r\n;;;;;;\r\n"
    )
    mapped = ("--map", "E-Mail=email", "--map", "Vorname=first_name", "--map", "Telefon=phone", "--map", "Rolle=roles")
    code, output, _ = called("import", file, *mapped)
    assert (code, "Omitted, because an account has no field for it: Abteilung (1)." in output) == (0, True)
    ada = account("ada")
    assert ada.first_name == "Ada"
    assert ada.phone == "+4930901820"
    assert ada.roles == [Role.SELLER]
    assert ada.display_name == "Ada"
    document = tmp_path / "people.json"
    document.write_text(json.dumps([{"contact": {"mail": "grace@example.com"}, "lang": "en-GB"}]))
    assert called("import", document, "--map", "contact.mail=email", "--map", "lang=language")[0] == 0
    assert account("grace").language == "en"
    for bad, shown in (
        ("Nix=email", "no column 'Nix'"),
        ("E-Mail=shoe_size", "Unknown field: shoe_size"),
        ("email", "NAME="),
    ):
        code, _, why = called("import", file, "--map", bad)
        assert (code, shown in why) == (2, True)
    # A mapping overrides the source.
    options = ("--from", "auth0", "--map", "app_metadata.roles=roles", "--errors", tmp_path / "errors.jsonl")
    assert called("import", DATA / "auth0-import.json", *options)[0] == 1


def test_files_of_spreadsheet_programs_are_read(tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    file.write_bytes(
        "\ufeffEmail;First_Name;EMAIL_VERIFIED;;\r\nada@example.com;Ada;TRUE;;\r\n;;;;\r\n"
        "grace@example.com;Grace;False;;\r\n".encode()
    )
    code, output, _ = called("import", file)
    assert (code, output.startswith("2 rows: 2 imported")) == (0, True)
    assert [(u.first_name, u.email_verified) for u in (account("ada"), account("grace"))] == [
        ("Ada", True), ("Grace", False),
    ]  # fmt: skip
    tabs = tmp_path / "more.csv"
    tabs.write_text("EMAIL\tBIO\nmary@example.com\tx\n".replace("BIO", "profile.bio"))
    assert called("import", tabs)[0] == 0
    assert account("mary").bio == "x"


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "users.jsonl"
    rows = [{"user": {"email": f"user{number}@example.com"}} for number in range(1_200)]
    file.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[0] | {"request_id": "again"}]))
    code, output, _ = called("import", file, "--dry-run")
    assert code == 1
    assert output.startswith("Dry run: no account was written.\n1201 rows: 1200 imported, 0 imported before, 1 failed")
    assert not User.objects.exists()
    assert called("import", file)[1].startswith("1201 rows: 1200 imported, 0 imported before, 1 failed")


def test_password_resets_are_mailed_only_on_request(tmp_path: Path) -> None:
    file = DATA / "django-auth_user.csv"
    assert called("import", file, "--from", "django")[0] == 0
    assert not Job.objects.exists()
    User.objects.all().delete()
    assert (
        called(
            "import",
            file,
            "--from",
            "django",
            "--send-resets",
            "--as",
            UserFactory(email="root@example.com", roles=[Role.ADMIN]).email,
        )[0]
        == 0
    )
    asked = Job.objects.values_list("kind", "arguments__email")
    # Neither those who have a password, nor those whose account is closed.
    assert set(asked) == {
        ("users.send_password_reset", "mary@example.com"), ("users.send_password_reset", "joan@example.com"),
    }  # fmt: skip


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        file = tmp_path / f"{count}.json"
        with file.open("w") as out:
            out.write('{"realm": "example", "users": [')
            for number in range(count):
                out.write(
                    ("," if number else "")
                    + json.dumps(
                        {
                            "username": f"user{number}",
                            "email": f"u{number}@example.com",
                            "attributes": {"note": ["x" * 400]},
                        }
                    )
                )
            out.write("]}")
        tracemalloc.start()
        try:
            assert f"{count} rows: {count} imported" in called("import", file, "--from", "keycloak", "--dry-run")[1]
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(600)
    small, large = peak(1_500), peak(6_000)
    assert large < small * 1.5 + 2_000_000


def test_names_from_a_file_are_shown_shortened_and_printable(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    more = {f"name {number}": 1 for number in range(40)} | {"bell\x07\x1b[31m": 1, "x" * 500: 1}
    file.write_text(json.dumps([{"email": "ada@example.com"} | more] * 2))
    code, output, _ = called("import", file, "--map", "email=email")
    assert code == 0
    assert "and 12 others" in output
    assert "\x1b" not in output
    assert len(output) < 3_000


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        called("import", "--help")
    shown = capsys.readouterr().out
    assert "manage.py users import realm-export.json --from keycloak --dry-run" in shown
    assert "--map NAME=FIELD" in shown

"""`manage.py users import --from`: exports of other systems, in their own layouts, with made-up content."""

import csv
import json
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password

from core.models import Job
from tandem.auth.v1.auth_pb2 import LoginRequest
from tests.support.factories import UserFactory
from tests.support.transports import Transport
from tests.users.test_import_export import PASSWORD, called, told_in
from users.management.sources import firebase
from users.models import Role, Status, User

pytestmark = pytest.mark.django_db(transaction=True)

DATA = Path(__file__).parent / "data"
HASH_CONFIG = ("--firebase-parameters", DATA / "firebase-hash-config.txt")
SINCE, LAST_LOGIN = datetime(2019, 5, 4, 3, 2, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)
UUID = "3b2f0d4e-5a6b-4c7d-8e9f-0a1b2c3d4e5f"
PHONE, PICTURE = "+4930901820", "https://img.example.com/ada.png"
ADA: dict[str, Any] = {
    "first_name": "Ada", "last_name": "Byron", "display_name": "Ada Byron", "status": Status.ACTIVE,
    "roles": [Role.CUSTOMER],
}  # fmt: skip
DAY = datetime(2020, 6, 5, 4, 3, 2, tzinfo=UTC)

#: File → what is given beside `--from`, the accounts that come of it, who of them logs in with `PASSWORD` (or another),
#: and what is output to have been left out.
EXPORTS: dict[str, tuple[str, tuple[Any, ...], dict[str, dict[str, Any]], dict[str, str], tuple[str, ...]]] = {
    "auth0-export.ndjson": (
        "auth0", (),
        {
            "ada": ADA | {"email_verified": True, "avatar_url": PICTURE, "created_at": SINCE},
            "grace": {"display_name": "grace", "status": Status.PENDING_VERIFICATION, "email_verified": False,
                      "created_at": DAY.replace(microsecond=100_000)},
        },
        {}, (),
    ),
    "auth0-hashes.ndjson": (
        "auth0", (), {"ada": {"email_verified": True, "status": Status.ACTIVE}}, {"ada": PASSWORD}, ()
    ),
    "auth0-import.json": (
        "auth0", (),
        {
            "ada": ADA | {"email_verified": True, "avatar_url": PICTURE},
            "grace": {"display_name": "Grace", "status": Status.SUSPENDED},
            "mary": {"status": Status.ACTIVE},
            "joan": {"status": Status.ACTIVE},
        },
        {"ada": PASSWORD, "grace": PASSWORD, "joan": PASSWORD},
        ("app_metadata (1)", "user_metadata (1)", "password_hash (its scheme cannot be checked) (1)"),
    ),
    "auth0.csv": ("auth0", (), {"ada": ADA | {"email_verified": True, "created_at": SINCE}}, {}, ()),
    "keycloak-realm.json": (
        "keycloak", (),
        {
            "ada": ADA | {"id": UUID, "email_verified": True, "language": "de", "phone": PHONE, "created_at": SINCE},
            "grace": {"status": Status.DEACTIVATED, "email_verified": False, "created_at": DAY},
            "mary": {"status": Status.ACTIVE, "display_name": "mary"},
        },
        {"ada": PASSWORD, "grace": PASSWORD, "mary": PASSWORD},
        ("attributes.costCenter (1)", "credentials of type otp (1)", "realmRoles (1)", "groups (1)",
         "requiredActions (1)", "service accounts (1)"),
    ),
    "keycloak-users.json": ("keycloak", (), {"ada": ADA}, {"ada": PASSWORD}, ()),
    "firebase.json": (
        "firebase", HASH_CONFIG,
        {
            "ada": {"display_name": "Ada Byron", "email_verified": True, "avatar_url": PICTURE, "phone": PHONE,
                    "created_at": SINCE.replace(second=1), "last_login_at": LAST_LOGIN, "status": Status.ACTIVE},
            "grace": {"display_name": "Grace", "status": Status.DEACTIVATED},
        },
        {"ada": "user1password"}, ("customAttributes (1)", "providerUserInfo (1)"),
    ),
    "firebase.csv": (
        "firebase", HASH_CONFIG,
        {
            "ada": {"display_name": "Ada Byron", "email_verified": True, "phone": PHONE, "last_login_at": LAST_LOGIN},
            "grace": {"display_name": "Grace", "status": Status.DEACTIVATED},
        },
        {"ada": "user1password"}, ("customAttributes (1)", "googleId (1)"),
    ),
    "django-auth_user.csv": (
        "django", (),
        {
            "ada": ADA | {"created_at": SINCE, "last_login_at": LAST_LOGIN.replace(microsecond=500_000)},
            "grace": {"status": Status.DEACTIVATED, "display_name": "grace"},
            "mary": {"status": Status.ACTIVE, "first_name": "Mary"},
            "joan": {"status": Status.ACTIVE, "created_at": DAY},
        },
        {"ada": PASSWORD, "grace": PASSWORD},
        ("is_superuser (1)", "is_staff (1)", "password_hash (its scheme cannot be checked) (1)"),
    ),
    "django-dumpdata.json": (
        "django", (), {"ada": ADA | {"created_at": SINCE, "last_login_at": LAST_LOGIN}}, {"ada": PASSWORD},
        ("is_superuser (1)", "objects of contenttypes.contenttype (1)"),
    ),
    "wordpress-wp_users.csv": (
        "wordpress", (),
        {
            "ada": {"display_name": "Ada Byron", "website": "https://ada.example.com", "created_at": SINCE},
            "grace": {"display_name": "grace", "status": Status.ACTIVE},
            "mary": {"display_name": "Mary", "created_at": DAY},
        },
        {"ada": PASSWORD, "grace": PASSWORD}, ("password_hash (its scheme cannot be checked) (1)",),
    ),
    "okta.csv": (
        "okta", (),
        {
            "ada": ADA | {"phone": PHONE, "company": "Example", "language": "de", "timezone": "Europe/Berlin"},
            "grace": {"status": Status.SUSPENDED, "phone": "", "timezone": "", "language": "en"},
            "mary": {"status": Status.DEACTIVATED, "first_name": "Mary"},
        },
        {}, ("middleName (1)", "phone.e164 (not valid here) (1)", "profile.timezone (not valid here) (1)"),
    ),
    "okta.json": (
        "okta", (),
        {
            "ada": ADA | {"phone": PHONE, "created_at": SINCE, "last_login_at": LAST_LOGIN},
            "grace": {"status": Status.PENDING_VERIFICATION, "created_at": DAY},
        },
        {"ada": PASSWORD, "grace": PASSWORD}, (),
    ),
    "google.csv": (
        "google", (),
        {
            "ada": ADA | {"phone": PHONE, "last_login_at": LAST_LOGIN},
            "grace": {"status": Status.SUSPENDED, "last_login_at": None},
        },
        {}, ("Org Unit Path (1)", "Employee ID (1)"),
    ),
    "supabase-auth_users.csv": (
        "supabase", (),
        {
            "ada": {"id": UUID, "display_name": "Ada Byron", "email_verified": True, "phone": PHONE,
                    "created_at": SINCE, "last_login_at": LAST_LOGIN, "status": Status.ACTIVE},
            "grace": {"status": Status.SUSPENDED, "email_verified": False},
        },
        {"ada": PASSWORD}, ("raw_user_meta_data.team (1)",),
    ),
    "kratos.json": (
        "kratos", (),
        {
            "ada": ADA | {"id": UUID, "email_verified": True, "created_at": SINCE},
            "grace": {"status": Status.DEACTIVATED, "created_at": DAY},
        },
        {"ada": PASSWORD}, ("metadata_public (1)",),
    ),
}  # fmt: skip


def account(name: str) -> User:
    return User.objects.get(email=f"{name}@example.com")


@pytest.mark.parametrize("file", EXPORTS)
def test_an_export_comes_in_with_all_that_has_a_place(committing_api: Transport, tmp_path: Path, file: str) -> None:
    system, options, accounts, passwords, left = EXPORTS[file]
    errors = tmp_path / "errors.jsonl"
    code, output, why = called("import", DATA / file, "--from", system, "--errors", errors, *options)
    assert (code, why) == (0, ""), errors.read_text() if errors.exists() else output
    assert set(User.objects.values_list("email", flat=True)) == {f"{name}@example.com" for name in accounts}
    for name, expected in accounts.items():
        user = account(name)
        assert {
            field: str(value) if (value := getattr(user, field)) and field == "id" else value for field in expected
        } == expected
        assert user.has_usable_password() == (name in passwords)
        assert (user.is_staff, user.is_superuser, user.roles) == (False, False, [Role.CUSTOMER])
    for part in left:
        assert part in output
    without = len(accounts) - len(passwords)
    assert (f"{without} accounts have no password" in output) == bool(without)
    for name, password in passwords.items():
        user = account(name)
        assert check_password(password, user.password)
        if user.is_active:
            assert committing_api("AuthService/Login", LoginRequest(email=user.email, password=password)).access_token
            assert account(name).password.startswith("argon2$argon2id$")
    # Once more, nothing is doubled.
    assert (
        f" 0 imported, {len(accounts)} imported before, 0 failed"
        in called("import", DATA / file, "--from", system, *options)[1]
    )


@pytest.mark.parametrize("file", EXPORTS)
def test_an_export_is_recognised(file: str) -> None:
    code, output, why = called("import", DATA / file)
    assert (code, output) == (2, "")
    assert why.endswith(f"give --from {EXPORTS[file][0]}.")
    assert not User.objects.exists()


@pytest.mark.parametrize("file", EXPORTS)
def test_no_message_shows_what_stands_in_a_file(tmp_path: Path, file: str) -> None:
    """Neither where a file is not known, nor where it is taken for another system's."""
    shown = "".join(called("import", DATA / file, "--format", form)[2] for form in ("csv", "jsonl"))
    for system in ("auth0", "keycloak", "django", "wordpress", "okta", "google", "supabase", "kratos"):
        _, output, why = called("import", DATA / file, "--from", system, "--dry-run", "--errors", tmp_path / "errors")
        shown += output + why
    for secret in ("example.com,", "ada@", "$2b$", "lSrfV15", "42xEC", "+49", "pbkdf2_sha256$", "UuB3kT0", "Byron"):
        assert secret not in shown


@pytest.mark.parametrize("heading", ["Primary email", "primaryEmail", "email"])
def test_okta_accounts_come_in_under_their_email_not_their_login(tmp_path: Path, heading: str) -> None:
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


def test_firebase_passwords_need_the_projects_parameters(tmp_path: Path) -> None:
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


def test_names_of_wordpress_are_in_a_table_of_their_own() -> None:
    meta = DATA / "wordpress-wp_usermeta.csv"
    code, output, _ = called("import", DATA / "wordpress-wp_users.csv", "--from", "wordpress", "--usermeta", meta)
    assert (code, "usermeta wp_capabilities (1)" in output) == (0, True)
    ada, grace = account("ada"), account("grace")
    assert (ada.first_name, ada.last_name, ada.bio, ada.roles) == ("Ada", "Byron", "Writes\nprograms.", [Role.CUSTOMER])
    assert (grace.first_name, grace.last_name, grace.language) == ("Grace", "", "en")
    for wrong in (("--from", "okta", "--usermeta", meta), ("--from", "wordpress", "--usermeta", DATA / "okta.csv")):
        assert called("import", DATA / "wordpress-wp_users.csv", *wrong)[0] == 2


def test_a_hash_that_costs_too_much_is_an_error_of_its_row(tmp_path: Path) -> None:
    file = tmp_path / "auth_user.csv"
    file.write_text(
        "id,password,username,email,is_active\n"
        "1,pbkdf2_sha256$99999999$salt$dUwoKfaaPeOq72BKBp2l1VE+Sp69HnBSEeM5R4c5ZOI=,ada,ada@example.com,1\n"
        "2,,grace,grace@example.com,1\n"
    )
    code, output, _ = called("import", file, "--from", "django")
    assert (code, "2 rows: 1 imported, 0 imported before, 1 failed" in output) == (1, True)
    (found,) = told_in(tmp_path / "auth_user.csv.errors.jsonl")
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
def test_an_odd_record_fails_alone(tmp_path: Path, system: str, name: str, content: bytes, failed: list[int]) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    options = ("--without-passwords",) if system == "firebase" else ()
    code, said, why = called("import", file, "--from", system, *options)
    assert (code, said.partition(";")[0].partition(": ")[2]) == (
        1, f"2 imported, 0 imported before, {len(failed)} failed",
    )  # fmt: skip
    assert "run it again" not in why
    assert [found["line"] for found in told_in(tmp_path / f"{name}.errors.jsonl")] == failed
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


def test_any_file_is_mapped(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(
        "E-Mail;Vorname;Telefon;Abteilung;Rolle;;\r\nAda@Example.com;Ada;+49 30 901820;IT;seller;;\r\n;;;;;;\r\n"
    )
    mapped = ("--map", "E-Mail=email", "--map", "Vorname=first_name", "--map", "Telefon=phone", "--map", "Rolle=roles")
    code, output, _ = called("import", file, *mapped)
    assert (code, "Omitted, because an account has no field for it: Abteilung (1)." in output) == (0, True)
    ada = account("ada")
    assert (ada.first_name, ada.phone, ada.roles, ada.display_name) == ("Ada", PHONE, [Role.SELLER], "Ada")
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
    # A map says more than what the source knows.
    options = ("--from", "auth0", "--map", "app_metadata.roles=roles", "--errors", tmp_path / "errors.jsonl")
    assert called("import", DATA / "auth0-import.json", *options)[0] == 1


def test_files_of_spreadsheet_programs_are_taken(tmp_path: Path) -> None:
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


def test_resets_are_mailed_only_where_they_are_asked_for(tmp_path: Path) -> None:
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


def test_the_memory_does_not_grow_with_a_document(tmp_path: Path) -> None:
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


def test_names_of_a_file_are_shown_cut_and_printable(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    more = {f"name {number}": 1 for number in range(40)} | {"bell\x07\x1b[31m": 1, "x" * 500: 1}
    file.write_text(json.dumps([{"email": "ada@example.com"} | more] * 2))
    code, output, _ = called("import", file, "--map", "email=email")
    assert (code, "and 12 others" in output, "\x1b" in output, len(output) < 3_000) == (0, True, False, True)


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        called("import", "--help")
    shown = capsys.readouterr().out
    assert "manage.py users import realm-export.json --from keycloak --dry-run" in shown
    assert "--map NAME=FIELD" in shown


def test_fixtures_have_the_columns_that_firebase_writes() -> None:
    rows = list(csv.reader((DATA / "firebase.csv").read_text().splitlines()))
    assert {len(row) for row in rows} == {28}

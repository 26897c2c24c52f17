"""`manage.py users import --from`: exports of other systems, in their own layouts, with made-up content."""

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password

from tandem.auth.v1.auth_pb2 import LoginRequest
from tests.support.transports import Transport
from tests.support.user_imports import DATA, PASSWORD, account, called
from users.models import Role, Status, User

pytestmark = pytest.mark.django_db(transaction=True)

HASH_CONFIG = ("--firebase-parameters", DATA / "firebase-hash-config.txt")
SINCE, LAST_LOGIN = datetime(2019, 5, 4, 3, 2, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)
PHONE, PICTURE = "+4930901820", "https://img.example.com/ada.png"
UUID = "3b2f0d4e-5a6b-4c7d-8e9f-0a1b2c3d4e5f"
ADA: dict[str, Any] = {
    "first_name": "Ada", "last_name": "Byron", "display_name": "Ada Byron", "status": Status.ACTIVE,
    "roles": [Role.CUSTOMER],
}  # fmt: skip

DAY = datetime(2020, 6, 5, 4, 3, 2, tzinfo=UTC)

#: File → its system, further options, the imported accounts, the passwords that log in, and the parts that are reported
#: as left out.
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


@pytest.mark.parametrize("file", EXPORTS)
def test_import_keeps_every_field_that_exists_here(committing_api: Transport, tmp_path: Path, file: str) -> None:
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
def test_source_system_is_recognised(file: str) -> None:
    code, output, why = called("import", DATA / file)
    assert (code, output) == (2, "")
    assert why.endswith(f"give --from {EXPORTS[file][0]}.")
    assert not User.objects.exists()


@pytest.mark.parametrize("file", EXPORTS)
def test_messages_show_no_content_of_the_file(tmp_path: Path, file: str) -> None:
    """Neither where a file is not known, nor where it is taken for another system's."""
    shown = "".join(called("import", DATA / file, "--format", form)[2] for form in ("csv", "jsonl"))
    for system in ("auth0", "keycloak", "django", "wordpress", "okta", "google", "supabase", "kratos"):
        _, output, why = called("import", DATA / file, "--from", system, "--dry-run", "--errors", tmp_path / "errors")
        shown += output + why
    for secret in ("example.com,", "ada@", "$2b$", "lSrfV15", "42xEC", "+49", "pbkdf2_sha256$", "UuB3kT0", "Byron"):
        assert secret not in shown


def test_fixtures_have_the_columns_that_firebase_writes() -> None:
    rows = list(csv.reader((DATA / "firebase.csv").read_text().splitlines()))
    assert {len(row) for row in rows} == {28}

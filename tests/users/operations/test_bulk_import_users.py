"""Imports of users, over both transports. Features of one alone: `tests/core/test_streams_of_requests.py`."""

import base64
import datetime
import hashlib
import hmac
import uuid
from typing import Any

import argon2
import bcrypt
import pytest
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher as _BcryptSha256
from google.rpc import code_pb2
from passlib.hash import phpass, sha256_crypt, sha512_crypt

from changes.models import Change
from core import bulk
from core.models import Job
from tandem.auth.v1.auth_pb2 import LoginRequest
from tandem.user.v1.user_pb2 import USER_ROLE_SELLER, USER_STATUS_BANNED, BulkImportUsersRequest
from tandem.user.v1.user_pb2 import User as UserMessage
from tests.support.transports import Failed, Transport
from users.models import Role, Status, User

PASSWORD = "a password from elsewhere"


def row(email: str, password_hash: str = "", request_id: str = "", **fields: Any) -> BulkImportUsersRequest:
    user = UserMessage(email=email, **fields)
    return BulkImportUsersRequest(user=user, password_hash=password_hash, request_id=request_id)


def test_users_come_with_all_that_they_have(api: Transport, administrator: User) -> None:
    known_as, since = uuid.uuid4(), datetime.datetime(2019, 5, 4, 3, 2, 1, tzinfo=datetime.UTC)
    whole = row(
        "Carl@Example.com",
        id=str(known_as),
        display_name=" Carl ",
        first_name="Carl",
        last_name="O'Brien",
        phone={"e164": "+14155551234"},
        status=USER_STATUS_BANNED,
        roles=[USER_ROLE_SELLER],
        email_verified=True,
        profile={"bio": "Hello", "language": "en", "date_of_birth": {"year": 1990, "month": 2, "day": 3}},
        audit={"created_at": since},
        last_login_at=since,
    )
    answer = api("UserService/BulkImportUsers", [whole, row("dora@example.com")], actor=administrator)
    assert answer.imported == 2
    assert answer.skipped == 0
    assert list(answer.errors) == []
    assert answer.committed_through == 2
    carl, dora = User.objects.get(email="carl@example.com"), User.objects.get(email="dora@example.com")
    assert carl.pk == known_as
    assert carl.display_name == "Carl"
    assert carl.last_name == "O'Brien"
    assert carl.phone == "+14155551234"
    assert carl.status == Status.BANNED
    assert carl.roles == [Role.SELLER]
    assert carl.email_verified
    assert carl.bio == "Hello"
    assert carl.language == "en"
    assert carl.date_of_birth == datetime.date(1990, 2, 3)
    assert carl.created_at == since
    assert carl.last_login_at == since
    assert carl.created_by == administrator
    assert dora.display_name == "dora"
    assert dora.status == Status.PENDING_VERIFICATION
    assert dora.roles == [Role.CUSTOMER]
    assert not dora.has_usable_password()
    # No mail is sent, and the log holds the actor.
    assert not Job.objects.exists()
    assert Change.objects.get(subject_id=carl.pk).actor == str(administrator.pk)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _scrypt() -> str:
    salt = b"\0\xff binary"
    made = hashlib.scrypt(PASSWORD.encode(), salt=salt, n=1 << 10, r=8, p=1, dklen=32)
    return f"$scrypt$ln=10,r=8,p=1${_b64(salt)}${_b64(made)}".replace("+", ".")  # passlib's alphabet


def _pbkdf2(digest: str) -> str:
    made = hashlib.pbkdf2_hmac(digest, PASSWORD.encode(), b"salt", 1000)
    return f"$pbkdf2-{digest}$1000${_b64(b'salt')}${_b64(made)}"


def _django_pbkdf2() -> str:
    made = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), b"salt", 1000)
    return f"pbkdf2_sha256$1000$salt${base64.b64encode(made).decode()}"


def _django_scrypt() -> str:
    made = hashlib.scrypt(PASSWORD.encode(), salt=b"salt", n=1 << 10, r=8, p=1, dklen=64)
    return f"scrypt$1024$salt$8$1${base64.b64encode(made).decode()}"


def _digest(digest: str, salt: bytes, template: str) -> bytes:
    text = template.encode().replace(b"{PASSWORD}", PASSWORD.encode()).replace(b"{SALT}", salt)
    return hashlib.new(digest, text).digest()


def _ldap(scheme: str, digest: str, salt: bytes) -> str:
    return f"{{{scheme}}}" + base64.b64encode(_digest(digest, salt, "{PASSWORD}{SALT}") + salt).decode()


def _ory(digest: str, template: str) -> str:
    parts = (template.encode(), b"salt", _digest(digest, b"salt", template))
    form, salt, made = (base64.b64encode(part).decode() for part in parts)
    return f"${digest}$pf={form}${salt}${made}"


def _aspnet(version: int, prf: int = 0) -> str:
    digest, salt = ("sha1", "sha256", "sha512")[prf], bytes(range(16))
    made = hashlib.pbkdf2_hmac(digest, PASSWORD.encode(), salt, 1000, 32)
    numbers = b"".join(number.to_bytes(4, "big") for number in (prf, 1000, 16)) if version else b""
    return base64.b64encode(bytes([version]) + numbers + salt + made).decode()


def _wordpress() -> str:
    text = base64.b64encode(hmac.digest(b"wp-sha384", PASSWORD.encode(), "sha384"))
    return "$wp" + bcrypt.hashpw(text, bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$")


HASHES = {
    "bcrypt": lambda: bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode(),
    "bcrypt of PHP": lambda: bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$"),
    "bcrypt of Django": lambda: "bcrypt$" + bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode(),
    "argon2id": lambda: argon2.PasswordHasher(time_cost=2, memory_cost=1024, parallelism=3).hash(PASSWORD),
    "argon2i": lambda: argon2.PasswordHasher(memory_cost=512, type=argon2.Type.I).hash(PASSWORD),
    "argon2 of Django": lambda: "argon2" + argon2.PasswordHasher(memory_cost=512).hash(PASSWORD),
    "scrypt": _scrypt,
    "scrypt of Django": _django_scrypt,
    "pbkdf2 with sha256": lambda: _pbkdf2("sha256"),
    "pbkdf2 with sha512": lambda: _pbkdf2("sha512"),
    "pbkdf2 of Django": _django_pbkdf2,
    "pbkdf2 of LDAP": lambda: _pbkdf2("sha512").replace("$pbkdf2-sha512$", "{PBKDF2-SHA512}"),
    "bcrypt_sha256 of Django": lambda: _BcryptSha256().encode(PASSWORD, bcrypt.gensalt(4)),
    "bcrypt of LDAP": lambda: "{CRYPT}" + bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode(),
    "WordPress 6.8": _wordpress,
    "phpass": lambda: phpass.using(rounds=8).hash(PASSWORD),
    "phpass of phpBB": lambda: phpass.using(rounds=8, ident="H").hash(PASSWORD),
    "SHA-512 crypt": lambda: sha512_crypt.using(rounds=1000).hash(PASSWORD),
    "SHA-256 crypt of LDAP": lambda: "{crypt}" + sha256_crypt.using(rounds=1000).hash(PASSWORD),
    "SSHA": lambda: _ldap("SSHA", "sha1", b"saltsalt"),
    "SSHA256": lambda: _ldap("SSHA256", "sha256", b"salt"),
    "SSHA384": lambda: _ldap("SSHA384", "sha384", b"\0\xff"),
    "SSHA512": lambda: _ldap("ssha512", "sha512", b"salt of any length"),
    "SHA": lambda: _ldap("SHA", "sha1", b""),
    "a digest with the salt in front": lambda: _ory("sha256", "{SALT}{PASSWORD}"),
    "ASP.NET Identity v2": lambda: _aspnet(0),
    "ASP.NET Identity v3 with sha1": lambda: _aspnet(1, 0),
    "ASP.NET Identity v3 with sha256": lambda: _aspnet(1, 1),
    "ASP.NET Identity v3 with sha512": lambda: _aspnet(1, 2),
}

#: What was published with its password, or printed by the system that made it.
PUBLISHED = {
    "Firebase": (
        "user1password",
        "$firescrypt$ln=14,r=8,p=1$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+"
        "VHjoZilo78198JAdRuid5lQ==$Bw==$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZ"
        "vpjeJ9WmXA==",
    ),
    "phpass": ("test12345", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"),
    "SHA-512 crypt": (
        "Hello world!",
        "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9q"
        "s/y3RnOaw5v.",
    ),
    "SHA-256 crypt": ("Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
    "SHA": ("password", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="),
}


@pytest.mark.parametrize("kind", PUBLISHED)
def test_published_hashes_take_their_passwords(api: Transport, administrator: User, kind: str) -> None:
    password, published = PUBLISHED[kind]
    assert api("UserService/BulkImportUsers", [row("eve@example.com", published)], actor=administrator).imported == 1
    for wrong in (password + "!", password[:-1], password.swapcase()):
        with pytest.raises(Failed) as failed:
            api("AuthService/Login", LoginRequest(email="eve@example.com", password=wrong))
        assert failed.value.reason == "UNAUTHENTICATED"
    assert api("AuthService/Login", LoginRequest(email="eve@example.com", password=password)).access_token
    assert User.objects.get(email="eve@example.com").password.startswith("argon2$argon2id$")


@pytest.mark.parametrize("kind", HASHES)
def test_imported_password_is_rehashed_at_the_first_login(api: Transport, administrator: User, kind: str) -> None:
    answer = api("UserService/BulkImportUsers", [row("eve@example.com", HASHES[kind]())], actor=administrator)
    assert (answer.imported, list(answer.errors)) == (1, [])
    eve = User.objects.get(email="eve@example.com")
    brought = eve.password
    with pytest.raises(Failed) as failed:
        api("AuthService/Login", LoginRequest(email=eve.email, password="a password of nobody"))
    assert failed.value.reason == "UNAUTHENTICATED"
    for _ in range(2):
        assert api("AuthService/Login", LoginRequest(email=eve.email, password=PASSWORD)).access_token
    eve.refresh_from_db()
    assert eve.password != brought
    assert eve.password.startswith("argon2$argon2id$")


@pytest.mark.parametrize(
    "unfit",
    [
        "plain text",
        "$1$salt$md5crypt",
        "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
        "$2b$12$tooshort",
        "$2b$31$" + "a" * 53,  # months
        "$2b$00$" + "a" * 53,
        "$argon2id$v=19$m=4194304,t=3,p=4$c29tZXNhbHQ$" + "a" * 43,  # 4 GiB
        "$argon2id$v=19$m=1024,t=99999,p=4$c29tZXNhbHQ$" + "a" * 43,
        "$scrypt$ln=30,r=8,p=1$c2FsdA$" + "a" * 43,
        "$scrypt$ln=99,r=8,p=1$c2FsdA$" + "a" * 43,
        "$scrypt$ln=14,r=0,p=1$c2FsdA$" + "a" * 43,
        "$pbkdf2-sha256$99999999$c2FsdA$" + "a" * 43,
        "$pbkdf2-sha256$0$c2FsdA$" + "a" * 43,
        "$pbkdf2-md4$1000$c2FsdA$" + "a" * 43,
        "$pbkdf2-sha256$1000$c2FsdA$" + "a" * 41,  # no base64
        "$scrypt$ln=18,r=8,p=900$c2FsdA$" + "a" * 43,  # a quarter of an hour
        "$argon2id$v=19$m=262144,t=20,p=4$c29tZXNhbHQ$" + "a" * 43,
        "$firescrypt$ln=30,r=8,p=1$c2FsdA$" + "a" * 86 + "$Bw$" + "a" * 86,
        "$firescrypt$ln=14,r=8,p=1$c2FsdA$" + "a" * 86 + "$Bw$" + "a" * 43,  # of another key
        "$6$rounds=999999999$salt$" + "a" * 86,
        "$6$rounds=1$salt$" + "a" * 86,
        "$6$salt$" + "a" * 43,
        "$P$S" + "a" * 30,  # 2^30 rounds
        "$P$zaaaaaaaa" + "a" * 22,
        "$wp$2y$31$" + "a" * 53,
        "$2b$10$" + "a" * 53,  # no salt
        "$pbkdf2$4000000$c2FsdA$" + "a" * 86,  # in four blocks
        "bcrypt_sha256$$2b$31$" + "a" * 53,
        "{SSHA}c2hvcnQ=",
        "{SHA}" + "a" * 80,
        "{MD5}X03MO1qnZdYdgyfeuILPmQ==",
        "{CRYPT}ab01FAX.bQRSU",
        "$sha256$pf=e1NBTFR9$c2FsdA$" + "a" * 43,  # nothing of the password
        "$sha512$pf=e1BBU1NXT1JEfXtTQUxUfQ$c2FsdA$" + "a" * 43,
        base64.b64encode(b"\x01" + b"\0\0\0\x01" + b"\x7f\xff\xff\xff" + b"\0\0\0\x10" + b"a" * 48).decode(),
        base64.b64encode(b"\x01" + b"\0\0\0\x09" + b"\0\0\x10\0" + b"\0\0\0\x10" + b"a" * 48).decode(),
        "$1$salt$" + "a" * 22,
        "x" * 100_000,
        "\0",
    ],
)
def test_a_hash_that_cannot_be_checked_within_reason_is_refused(
    api: Transport, administrator: User, unfit: str
) -> None:
    answer = api("UserService/BulkImportUsers", [row("eve@example.com", unfit)], actor=administrator)
    assert [(e.index, [v.field for v in e.field_violations]) for e in answer.errors] == [(0, ["password_hash"])]
    assert not User.objects.filter(email="eve@example.com").exists()


def test_invalid_row_is_reported_and_others_are_imported(api: Transport, administrator: User, ann: User) -> None:
    rows = [
        row("one@example.com"),
        row(""),
        row("no address", first_name="x" * 101, profile={"currency": "XXX1"}, phone={"e164": "12"}),
        row(ann.email.upper()),
        row("One@example.com"),
        row("two@example.com", id="no id"),
        row("three@example.com", id=str(ann.pk)),
        row("four@example.com", status=99, roles=[77]),
        row("five@example.com", first_name="\0"),
        BulkImportUsersRequest(),
        row("six@example.com", request_id="no key\n"),
        row("last@example.com"),
    ]
    answer = api("UserService/BulkImportUsers", rows, actor=administrator)
    assert answer.imported == 2
    assert answer.skipped == 0
    assert answer.committed_through == 12
    received = {
        e.index: (code_pb2.Code.Name(e.code), sorted(v.field for v in e.field_violations)) for e in answer.errors
    }
    invalid, exists = "INVALID_ARGUMENT", "ALREADY_EXISTS"
    assert received == {
        1: (invalid, ["user.email"]),
        2: (invalid, ["user.phone"]),
        3: (exists, ["user.email"]),
        4: (exists, ["user.email"]),
        5: (invalid, ["user.id"]),
        6: (exists, ["user.id"]),
        7: (invalid, ["user.roles.0", "user.status"]),
        8: (invalid, ["user.first_name"]),
        9: (invalid, ["user.email"]),
        10: (invalid, ["request_id"]),
    }
    assert set(User.objects.filter(created_by=administrator).values_list("email", flat=True)) == {
        "one@example.com",
        "last@example.com",
    }


def test_a_row_that_was_brought_in_with_its_key_is_skipped(api: Transport, administrator: User) -> None:
    rows = [row(f"user{n}@example.com", request_id=f"row-{n}") for n in range(3)]
    assert api("UserService/BulkImportUsers", rows[:2], actor=administrator).imported == 2
    again = api("UserService/BulkImportUsers", rows, actor=administrator)
    assert again.imported == 1
    assert again.skipped == 2
    assert list(again.errors) == []
    assert again.committed_through == 3
    twice = api("UserService/BulkImportUsers", [rows[0], rows[0]], actor=administrator)
    assert (twice.imported, twice.skipped) == (0, 2)


def test_request_id_belongs_to_one_row(api: Transport, administrator: User) -> None:
    rows = [row("a@example.com", request_id="same"), row("b@example.com", request_id="same")]
    answer = api("UserService/BulkImportUsers", rows, actor=administrator)
    assert (answer.imported, [e.index for e in answer.errors]) == (1, [1])
    later = api("UserService/BulkImportUsers", rows[1:], actor=administrator)
    assert [code_pb2.Code.Name(e.code) for e in later.errors] == ["INVALID_ARGUMENT"]


def test_a_key_of_a_row_that_failed_can_be_used_again(api: Transport, administrator: User) -> None:
    api("UserService/BulkImportUsers", [row("no address", request_id="k")], actor=administrator)
    assert api("UserService/BulkImportUsers", [row("a@example.com", request_id="k")], actor=administrator).imported == 1


def test_chunks_are_committed_one_after_the_other(
    api: Transport, administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk.stream, "CHUNK_SIZE", 2)
    rows = [row(f"user{n}@example.com") for n in range(5)] + [row("user0@example.com")]
    answer = api("UserService/BulkImportUsers", rows, actor=administrator)
    assert answer.imported == 5
    assert answer.committed_through == 6
    assert [e.index for e in answer.errors] == [5]


def test_at_most_a_thousand_errors_are_reported(api: Transport, administrator: User) -> None:
    answer = api("UserService/BulkImportUsers", [row("")] * 1_001, actor=administrator)
    assert (len(answer.errors), answer.committed_through) == (1_000, 1_001)


def test_empty_stream_imports_no_users(api: Transport, administrator: User) -> None:
    answer = api("UserService/BulkImportUsers", [], actor=administrator)
    assert answer.imported == 0
    assert answer.skipped == 0
    assert answer.committed_through == 0


def test_atomic_mode_writes_all_or_nothing(api: Transport, administrator: User) -> None:
    answer = api(
        "UserService/BulkImportUsers", [row("a@example.com"), row("")], actor=administrator, bulk_mode="atomic"
    )
    assert (answer.imported, [error.index for error in answer.errors]) == (0, [1])
    assert not User.objects.filter(email="a@example.com").exists()

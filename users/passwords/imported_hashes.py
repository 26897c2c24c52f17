"""Imported password hashes of other systems, which are verified as they are and replaced at the next login.

Each is stored as the name of its scheme and its text. The cost of verifying a hash is limited, because the importer
chooses its parameters.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

import bcrypt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.contrib.auth.hashers import BasePasswordHasher, is_password_usable, mask_hash
from passlib.hash import phpass, sha256_crypt, sha512_crypt

from users.passwords.hash_notations import canonical, from_base64
from users.passwords.hashers import taking_turns

#: Limits of bcrypt's cost (2^15 rounds take seconds), of PBKDF2's rounds, of the memory of scrypt and Argon2 in bytes,
#: and of Argon2's passes.
MAX_BCRYPT_COST = 15
MAX_ROUNDS = 5_000_000
MAX_MEMORY = 256 * 1024 * 1024
MAX_PASSES = 20
#: How many bytes scrypt may write in all lanes, and Argon2, which is faster, in all passes.
MAX_FILLED_BY_SCRYPT = 2 * MAX_MEMORY
MAX_FILLED_BY_ARGON2 = 8 * MAX_MEMORY
#: Limits of schemes that are computed in Python: rounds of SHA-crypt, and the logarithm of phpass' rounds.
MAX_SHA_CRYPT_ROUNDS = 500_000
MAX_PHPASS_COST = 18

_B64 = r"[A-Za-z0-9+/.]"
# A salt has 128 bits, so four of the six bits of its last character are zero.
_BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}")
_ARGON2 = re.compile(
    r"\$argon2(?:id|i|d)\$(?:v=19\$)?m=(?P<memory>\d{1,9}),t=(?P<passes>\d{1,5}),p=(?P<lanes>\d{1,3})"
    r"\$[A-Za-z0-9+/]{11,64}\$[A-Za-z0-9+/]{16,90}"
)
_SCRYPT = re.compile(
    r"\$scrypt\$ln=(?P<log_n>\d{1,2}),r=(?P<r>\d{1,3}),p=(?P<p>\d{1,3})"
    r"\$(?P<salt>[A-Za-z0-9+/.]{0,90})={0,2}\$(?P<hash>[A-Za-z0-9+/.]{20,90})={0,2}"
)
_PBKDF2 = re.compile(
    r"\$pbkdf2(?:-(?P<digest>sha1|sha256|sha512))?\$(?:i=)?(?P<rounds>\d{1,8})(?:,l=\d+)?"
    r"\$(?P<salt>[A-Za-z0-9+/.]{0,90})={0,2}\$(?P<hash>[A-Za-z0-9+/.]{20,90})={0,2}"
)
_BCRYPT_SHA256 = re.compile(r"\$bcrypt_sha256" + _BCRYPT.pattern)
_WORDPRESS = re.compile(r"\$wp" + _BCRYPT.pattern)
_PHPASS = re.compile(r"\$[PH]\$(?P<phpass_cost>[./0-9A-Za-z])[./0-9A-Za-z]{8}[./0-9A-Za-z]{22}")
_SHA_CRYPT = re.compile(
    r"\$(?:5(?=\$.*\$.{43}$)|6(?=\$.*\$.{86}$))\$(?:rounds=(?P<sha_crypt_rounds>\d{1,9})\$)?[^$\s:]{0,16}\$[./0-9A-Za-z]+"
)
_FIREBASE = re.compile(
    r"\$firescrypt\$ln=(?P<log_n>\d{1,2}),r=(?P<r>\d{1,3}),p=(?P<p>\d{1,3})"
    rf"\$(?P<salt>{_B64}{{0,90}})={{0,2}}\$(?P<hash>{_B64}{{20,90}})={{0,2}}"
    rf"\$(?P<separator>{_B64}{{0,20}})={{0,2}}\$(?P<signer_key>{_B64}{{20,90}})={{0,2}}"
)
_DIGEST = re.compile(
    rf"\$(?P<digest>sha1|sha256|sha384|sha512)\$pf=(?P<template>{_B64}{{4,60}})={{0,2}}"
    rf"\$(?P<salt>{_B64}{{0,90}})={{0,2}}\$(?P<hash>{_B64}{{20,90}})={{0,2}}"
)
_PHPASS_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGEST_BYTES = {"sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}
#: Characters that PHP's `trim` removes, which WordPress uses.
_PHP_SPACE = " \n\r\t\v\0"
#: Prefixes of the known schemes. A hash with one of them that is rejected is malformed or too costly.
_KNOWN_PREFIXES = (
    "$2a$", "$2b$", "$2y$", "$argon2", "$scrypt$", "$pbkdf2", "$bcrypt_sha256$", "$wp$", "$P$", "$H$", "$5$", "$6$",
    "$firescrypt$", "$sha1$pf=", "$sha256$pf=", "$sha384$pf=", "$sha512$pf=",
)  # fmt: skip


class _Foreign(BasePasswordHasher):
    """Hasher that only verifies hashes of another system."""

    algorithm: str
    pattern: re.Pattern[str]

    def verify(self, password: str, encoded: str) -> bool:
        found = self.pattern.fullmatch(encoded.removeprefix(self.algorithm))
        with taking_turns():
            return found is not None and self.matches(password.encode(), found)

    def matches(self, password: bytes, found: re.Match[str]) -> bool:
        raise NotImplementedError

    def encode(self, password: str, salt: str) -> str:
        raise NotImplementedError("This hasher only verifies imported hashes.")

    def decode(self, encoded: str) -> dict[str, Any]:
        return {"algorithm": self.algorithm, "hash": encoded.removeprefix(self.algorithm)}

    def safe_summary(self, encoded: str) -> dict[Any, Any]:
        decoded = self.decode(encoded)
        return {"algorithm": decoded["algorithm"], "hash": mask_hash(decoded["hash"])}

    def must_update(self, encoded: str) -> bool:
        return True

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Do nothing: the cost of imported hashes is not equalized."""


class ForeignBcrypt(_Foreign):
    """`$2b$12$...`, also `$2a$` and `$2y$`.

    Django's BCryptPasswordHasher does not replace this class: it raises ValueError for passwords of more than 72 bytes
    (bcrypt 5 no longer truncates them), does not limit the concurrent hashes, and equalizes the cost of cheap hashes.
    """

    algorithm = "foreign_bcrypt"
    pattern = _BCRYPT

    def matches(self, password: bytes, found: re.Match[str]) -> bool:
        # bcrypt uses only 72 bytes, and this package rejects more.
        return bcrypt.checkpw(password[:72], found[0].encode())


class ForeignScrypt(_Foreign):
    """`$scrypt$ln=16,r=8,p=1$...`."""

    algorithm = "foreign_scrypt"
    pattern = _SCRYPT

    def matches(self, password: bytes, found: re.Match[str]) -> bool:
        salt, expected = _salt_and_hash(found)
        return hmac.compare_digest(_scrypt(password, salt, found, len(expected)), expected)


class ForeignPbkdf2(_Foreign):
    """`$pbkdf2-sha256$29000$...`, also with sha512 and (plain `$pbkdf2$`) sha1."""

    algorithm = "foreign_pbkdf2"
    pattern = _PBKDF2

    def matches(self, password: bytes, found: re.Match[str]) -> bool:
        salt, expected = _salt_and_hash(found)
        actual = hashlib.pbkdf2_hmac(found["digest"] or "sha1", password, salt, int(found["rounds"]), len(expected))
        return hmac.compare_digest(actual, expected)


class ForeignBcryptSha256(_Foreign):
    """`$bcrypt_sha256$2b$12$...`: Django's scheme of bcrypt over SHA-256 in hexadecimal."""

    algorithm = "foreign_bcrypt_sha256"
    pattern = _BCRYPT_SHA256

    def matches(self, password: bytes, found: re.Match[str]) -> bool:
        digest = hashlib.sha256(password).hexdigest().encode()
        return bcrypt.checkpw(digest, found[0].removeprefix("$bcrypt_sha256").encode())


class ForeignWordPress(_Foreign):
    """`$wp$2y$10$...`: WordPress' scheme since 6.8, bcrypt over HMAC-SHA384 in base64."""

    algorithm = "foreign_wordpress"
    pattern = _WORDPRESS

    def matches(self, password: bytes, found: re.Match[str]) -> bool:
        digest = hmac.digest(b"wp-sha384", password.strip(_PHP_SPACE.encode()), "sha384")
        return bcrypt.checkpw(base64.b64encode(digest), found[0].removeprefix("$wp").encode())


class ForeignPhpass(_Foreign):
    """`$P$B...` and `$H$9...`: the scheme of WordPress before 6.8, and of phpBB."""

    algorithm = "foreign_phpass"
    pattern = _PHPASS

    def matches(self, password: bytes, found: re.Match[str]) -> bool:
        # WordPress trims, phpBB does not.
        candidates = {password, password.strip(_PHP_SPACE.encode())}
        return any(phpass.verify(text, found[0]) for text in candidates)


class ForeignShaCrypt(_Foreign):
    """`$6$...` and `$5$...`: the schemes of Unix systems."""

    algorithm = "foreign_sha_crypt"
    pattern = _SHA_CRYPT

    def matches(self, password: bytes, found: re.Match[str]) -> bool:
        scheme = sha512_crypt if found[0].startswith("$6$") else sha256_crypt
        # No such system can have hashed a NUL, which terminates strings in C.
        return b"\0" not in password and bool(scheme.verify(password, found[0]))


class ForeignFirebaseScrypt(_Foreign):
    """`$firescrypt$ln=14,r=8,p=1$salt$hash$separator$signer key`: the signer key, encrypted with a key from scrypt."""

    algorithm = "foreign_firebase"
    pattern = _FIREBASE

    def matches(self, password: bytes, found: re.Match[str]) -> bool:
        salt, expected = _salt_and_hash(found)
        separator, signer_key = from_base64(found["separator"]) or b"", from_base64(found["signer_key"]) or b""
        key = _scrypt(password, salt + separator, found, 32)
        encryptor = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
        return hmac.compare_digest(encryptor.update(signer_key) + encryptor.finalize(), expected)


class ForeignDigest(_Foreign):
    """`$sha512$pf=...$salt$hash`: a digest of password and salt, such as LDAP's {SSHA512}."""

    algorithm = "foreign_digest"
    pattern = _DIGEST

    def matches(self, password: bytes, found: re.Match[str]) -> bool:
        salt, expected = _salt_and_hash(found)
        template = from_base64(found["template"]) or b""
        text = b"".join({b"{PASSWORD}": password, b"{SALT}": salt}.get(part, part) for part in _PARTS.split(template))
        return hmac.compare_digest(hashlib.new(found["digest"], text).digest(), expected)


_PARTS = re.compile(rb"(\{PASSWORD\}|\{SALT\})")
_FOREIGN = (
    ForeignBcrypt, ForeignScrypt, ForeignPbkdf2, ForeignBcryptSha256, ForeignWordPress, ForeignPhpass, ForeignShaCrypt,
    ForeignFirebaseScrypt, ForeignDigest,
)  # fmt: skip


def stored_form(imported: str) -> str | None:
    """Return the stored form of an imported hash; None if its scheme is unknown, or it is malformed or too costly.

    It accepts the notations of the classes above and those that `users.passwords.hash_notations` converts.
    """
    text = canonical(imported)
    if (found := _ARGON2.fullmatch(text)) is not None:
        # `Argon2idHasher` reads the parameters from the hash.
        return "argon2" + text if _is_affordable(found.groupdict()) else None
    for hasher in _FOREIGN:
        found = hasher.pattern.fullmatch(text)
        if found is not None and _is_affordable(found.groupdict()):
            return hasher.algorithm + text
    return None


def is_known_scheme(imported: str) -> bool:
    """Return whether the scheme of the hash is known, even if this hash is malformed or too costly."""
    return canonical(imported).startswith(_KNOWN_PREFIXES)


def portable_form(stored: str) -> str:
    """Return a stored hash in a form that can be imported elsewhere; empty if the account has no password."""
    return "$" + stored.partition("$")[2] if is_password_usable(stored) else ""


def _is_affordable(cost: Mapping[str, str | None]) -> bool:
    numbers = {name: int(text) for name, text in cost.items() if text and text.isdigit() and name in _COSTS}
    if any(not low <= numbers[name] <= high for name, (low, high) in _COSTS.items() if name in numbers):
        return False
    if "log_n" in numbers:
        n, block = 1 << numbers["log_n"], 128 * numbers["r"]
        if block * (n + numbers["p"]) > MAX_MEMORY or block * n * numbers["p"] > MAX_FILLED_BY_SCRYPT:
            return False
    if "memory" in numbers and numbers["memory"] * 1024 * numbers["passes"] > MAX_FILLED_BY_ARGON2:
        return False
    if (letter := cost.get("phpass_cost")) and not 7 <= _PHPASS_ALPHABET.index(letter) <= MAX_PHPASS_COST:
        return False
    decoded = {name: from_base64(text) for name in _ENCODED if (text := cost.get(name)) is not None}
    if None in decoded.values():
        return False
    digest_bytes, hash_bytes = _DIGEST_BYTES[cost.get("digest") or "sha1"], len(decoded.get("hash") or b"")
    if "template" in decoded:
        return b"{PASSWORD}" in (decoded["template"] or b"") and hash_bytes == digest_bytes
    if "rounds" in numbers:
        # PBKDF2 runs all rounds for each block of its output.
        return numbers["rounds"] * -(-hash_bytes // digest_bytes) <= MAX_ROUNDS
    return "signer_key" not in decoded or hash_bytes == len(decoded["signer_key"] or b"")


#: Allowed ranges of the parameters of a hash, by the names of the patterns' groups.
_COSTS = {
    "cost": (4, MAX_BCRYPT_COST),
    "rounds": (1, MAX_ROUNDS),
    "passes": (1, MAX_PASSES),
    "memory": (8, MAX_MEMORY // 1024),
    "lanes": (1, 64),
    "log_n": (1, 31),
    "r": (1, 999),
    "p": (1, 999),
    "sha_crypt_rounds": (1_000, MAX_SHA_CRYPT_ROUNDS),
}
_ENCODED = ("salt", "hash", "template", "separator", "signer_key")


def _scrypt(password: bytes, salt: bytes, found: re.Match[str], length: int) -> bytes:
    n, r, p = 1 << int(found["log_n"]), int(found["r"]), int(found["p"])
    memory = 128 * r * (n + p + 2) + (1 << 20)
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, dklen=length, maxmem=memory)


def _salt_and_hash(found: re.Match[str]) -> tuple[bytes, bytes]:
    # Both were checked to be decodable when the hash was imported.
    return from_base64(found["salt"]) or b"", from_base64(found["hash"]) or b""

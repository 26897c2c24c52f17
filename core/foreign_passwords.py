"""Password hashes of other systems, which users bring along: checked as they are, exchanged for ours at the next login.

Each is stored as its scheme's name and the text it came with. What a hash asks of this server is bounded: whoever
imports one names its cost.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

import bcrypt
from django.contrib.auth.hashers import BasePasswordHasher, is_password_usable, mask_hash

from core.passwords import taking_turns

#: bcrypt's cost (2^15 rounds take seconds), rounds of PBKDF2, and the memory of scrypt and Argon2 in bytes.
MOST_BCRYPT_COST = 15
MOST_ROUNDS = 5_000_000
MOST_MEMORY = 256 * 1024 * 1024
MOST_PASSES = 20

_BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{53}")
_ARGON2 = re.compile(
    r"\$argon2(?:id|i|d)\$(?:v=19\$)?m=(?P<memory>\d{1,9}),t=(?P<passes>\d{1,5}),p=(?P<lanes>\d{1,3})"
    r"\$[A-Za-z0-9+/]{11,64}\$[A-Za-z0-9+/]{16,90}"
)
_SCRYPT = re.compile(
    r"\$scrypt\$ln=(?P<log_n>\d{1,2}),r=(?P<r>\d{1,3}),p=(?P<p>\d{1,3})"
    r"\$(?P<salt>[A-Za-z0-9+/.]{0,90})\$(?P<hash>[A-Za-z0-9+/.]{20,90})"
)
_PBKDF2 = re.compile(
    r"\$pbkdf2(?:-(?P<digest>sha1|sha256|sha512))?\$(?:i=)?(?P<rounds>\d{1,8})(?:,l=\d+)?"
    r"\$(?P<salt>[A-Za-z0-9+/.]{0,90})\$(?P<hash>[A-Za-z0-9+/.]{20,90})"
)


class _Foreign(BasePasswordHasher):
    """Checks a hash of another system; makes none."""

    algorithm: str
    pattern: re.Pattern[str]

    def verify(self, password: str, encoded: str) -> bool:
        found = self.pattern.fullmatch(encoded.removeprefix(self.algorithm))
        with taking_turns():
            return found is not None and self.matches(password.encode(), found)

    def matches(self, password: bytes, found: re.Match[str]) -> bool:
        raise NotImplementedError

    def encode(self, password: str, salt: str) -> str:
        raise NotImplementedError("Only hashes that were brought along are of this kind.")

    def decode(self, encoded: str) -> dict[str, Any]:
        return {"algorithm": self.algorithm, "hash": encoded.removeprefix(self.algorithm)}

    def safe_summary(self, encoded: str) -> dict[Any, Any]:
        decoded = self.decode(encoded)
        return {"algorithm": decoded["algorithm"], "hash": mask_hash(decoded["hash"])}

    def must_update(self, encoded: str) -> bool:
        return True

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Nothing: another system's cost is not ours to level."""


class ForeignBcrypt(_Foreign):
    """`$2b$12$...`, also `$2a$` and `$2y$`."""

    algorithm = "foreign_bcrypt"
    pattern = _BCRYPT

    def matches(self, password: bytes, found: re.Match[str]) -> bool:
        # bcrypt itself reads 72 bytes, and this package refuses more; `$2y$` is PHP's name of `$2b$`.
        return bcrypt.checkpw(password[:72], re.sub(r"^\$2y", "$2b", found[0]).encode())


class ForeignScrypt(_Foreign):
    """`$scrypt$ln=16,r=8,p=1$...`."""

    algorithm = "foreign_scrypt"
    pattern = _SCRYPT

    def matches(self, password: bytes, found: re.Match[str]) -> bool:
        salt, expected = _salt_and_hash(found)
        n, r, p = 1 << int(found["log_n"]), int(found["r"]), int(found["p"])
        memory = 128 * r * (n + p + 2) + (1 << 20)
        made = hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, dklen=len(expected), maxmem=memory)
        return hmac.compare_digest(made, expected)


class ForeignPbkdf2(_Foreign):
    """`$pbkdf2-sha256$29000$...`, also with sha512 and (plain `$pbkdf2$`) sha1."""

    algorithm = "foreign_pbkdf2"
    pattern = _PBKDF2

    def matches(self, password: bytes, found: re.Match[str]) -> bool:
        salt, expected = _salt_and_hash(found)
        made = hashlib.pbkdf2_hmac(found["digest"] or "sha1", password, salt, int(found["rounds"]), len(expected))
        return hmac.compare_digest(made, expected)


_FOREIGN = (ForeignBcrypt, ForeignScrypt, ForeignPbkdf2)


def stored_form(brought: str) -> str | None:
    """How a hash that was brought along is stored; None if it is of no known kind, malformed, or too costly to check.

    Hashes in Django's own form (`pbkdf2_sha256$...`, `scrypt$...`, `argon2$...`, `bcrypt$...`) will do, too.
    """
    text = _modular(brought)
    if (found := _ARGON2.fullmatch(text)) is not None:
        # Our own hasher reads its parameters off it.
        return "argon2" + text if _is_affordable(found.groupdict()) else None
    for hasher in _FOREIGN:
        found = hasher.pattern.fullmatch(text)
        if found is not None and _is_affordable(found.groupdict()):
            return hasher.algorithm + text
    return None


def portable_form(stored: str) -> str:
    """A stored hash as another system may bring it along: `stored_form` backwards; empty if it is no password's."""
    return "$" + stored.partition("$")[2] if is_password_usable(stored) else ""


def _modular(brought: str) -> str:
    """The hash in modular crypt format, from Django's own or as it is."""
    algorithm, *parts = brought.split("$")
    match algorithm, parts:
        case "argon2" | "bcrypt", _:
            return "$" + brought.removeprefix(f"{algorithm}$").removeprefix("$")
        case "pbkdf2_sha256" | "pbkdf2_sha1", [rounds, salt, made]:
            digest = "-sha256" if algorithm == "pbkdf2_sha256" else ""
            return f"$pbkdf2{digest}${rounds}${_encoded(salt)}${made.rstrip('=')}"
        case "scrypt", [n, salt, r, p, made] if n.isdigit():
            return f"$scrypt$ln={int(n[:12]).bit_length() - 1},r={r},p={p}${_encoded(salt)}${made.rstrip('=')}"
    return brought


def _is_affordable(cost: Mapping[str, str | None]) -> bool:
    asked = {name: int(value) for name, value in cost.items() if value and name not in ("digest", "salt", "hash")}
    blocks = (1 << asked.get("log_n", 0)) + asked.get("p", 0) if asked.get("log_n", 0) < 32 else MOST_MEMORY
    return (
        asked.get("cost", 4) in range(4, MOST_BCRYPT_COST + 1)
        and 1 <= asked.get("rounds", 1) <= MOST_ROUNDS
        and 1 <= asked.get("passes", 1) <= MOST_PASSES
        and 8 <= asked.get("memory", 8) <= MOST_MEMORY // 1024
        and 1 <= asked.get("lanes", 1) <= 64
        and 128 * max(asked.get("r", 1), 1) * blocks <= MOST_MEMORY
        and all(asked.get(name, 1) >= 1 for name in ("log_n", "r", "p"))
        and all(_decoded(text) is not None for name in ("salt", "hash") if (text := cost.get(name)) is not None)
    )


def _salt_and_hash(found: re.Match[str]) -> tuple[bytes, bytes]:
    # Both were decodable when the hash was taken in.
    return _decoded(found["salt"]) or b"", _decoded(found["hash"]) or b""


def _encoded(salt: str) -> str:
    return base64.b64encode(salt.encode()).decode().rstrip("=")


def _decoded(text: str) -> bytes | None:
    """From base64 without padding, also in the alphabet that passlib writes (`.` for `+`); None if it is none."""
    try:
        return base64.b64decode(text.replace(".", "+") + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return None

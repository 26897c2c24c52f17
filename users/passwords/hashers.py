"""Passwords: how they are hashed, and the rules that Django does not bring."""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth.hashers import (
    Argon2PasswordHasher,
    check_password,
    get_hasher,
    identify_hasher,
    make_password,
)
from django.core.exceptions import ValidationError
from django.utils.crypto import constant_time_compare

from core import texts
from core.concurrency.turns import Turns
from core.context import caller_key, check_deadline
from users.passwords.argon2id import Argon2id

# Each hash takes ARGON2_MEMORY_KIB, so a rush of logins must not hash at once; callers take turns, so that the rush of
# one does not keep the others waiting.
_turns = Turns(settings.PASSWORD_HASHES_AT_ONCE)


@contextmanager
def taking_turns() -> Iterator[None]:
    """Surrounds whatever hashes a password.

    Raises:
        DeadlineExceeded: the turn came too late.
    """
    with _turns.turn(caller_key.get()):
        # A call that waited here for too long is not worth a hash any more.
        check_deadline()
        yield


class Argon2idHasher(Argon2PasswordHasher):
    """Argon2id with the parameters of the OWASP password storage cheat sheet, a bounded number at a time."""

    time_cost = settings.ARGON2_PASSES
    memory_cost = settings.ARGON2_MEMORY_KIB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with taking_turns():
            hashing = _hashing(self.time_cost, self.memory_cost)
            return f"{self.algorithm}{hashing.encoded(password.encode(), salt.encode())}"

    def verify(self, password: str, encoded: str) -> bool:
        found, ours = self.decode(encoded), self.params()
        ours.salt_len = found["params"].salt_len
        if found["params"] == ours and found["salt"].isascii():
            return constant_time_compare(encoded, self.encode(password, found["salt"]))
        with taking_turns():
            return super().verify(password, encoded)


@cache
def _hashing(time_cost: int, memory_cost: int) -> Argon2id:
    hasher = Argon2idHasher()
    hasher.time_cost, hasher.memory_cost = time_cost, memory_cost
    return Argon2id(hasher.params())


class Outcome(NamedTuple):
    """Result of comparing a password with a hash.

    Attributes:
        fits: the password is the one that was hashed.
        outdated: the hash should be replaced by one of the preferred algorithm and parameters.
    """

    fits: bool
    outdated: bool = False


def normalized(password: str) -> str:
    """Normalize a password (RFC 8265, OpaqueString): any space becomes U+0020; NFC."""
    spaced = "".join(" " if unicodedata.category(character) == "Zs" else character for character in password)
    return texts.normalized("NFC", spaced)


def hashed(password: str) -> str:
    """Hash a password in its normalized form."""
    return make_password(normalized(password))


def verify(password: str, encoded: str) -> Outcome:
    """Compare a password with a stored hash.

    Hashes that were made before passwords had one form, here or elsewhere, are of what some keyboard wrote: those
    spellings are tried after the one form. What matches by one of them is outdated.
    """
    for number, spelling in enumerate(_spellings(password)):
        if check_password(spelling, encoded):
            return Outcome(True, number > 0 or is_outdated(encoded))
    return Outcome(False)


def spend_time_of_verify(password: str) -> None:
    """Hash as often as `verify` does for a wrong password: for an account that does not exist."""
    for spelling in _spellings(password):
        make_password(spelling)


def _spellings(password: str) -> list[str]:
    """Return the forms of a password that may have been hashed, the normalized one first, without duplicates.

    Their number depends on the password alone.
    """
    forms = (texts.normalized("NFC", password), texts.normalized("NFD", password))
    return list(dict.fromkeys((normalized(password), password, *forms)))


def is_outdated(encoded: str) -> bool:
    """Return whether a hash has another algorithm or other parameters than new hashes."""
    hasher, preferred = identify_hasher(encoded), get_hasher()
    return hasher.algorithm != preferred.algorithm or preferred.must_update(encoded)


class MaximumLengthValidator:
    """Reject passwords longer than the hasher should process."""

    def __init__(self, max_length: int = 1024) -> None:
        self.max_length = max_length

    def validate(self, password: str, user: Any = None) -> None:
        if len(password) > self.max_length:
            raise ValidationError(
                f"This password is too long. It may hold at most {self.max_length} characters.",
                code="password_too_long",
            )

    def get_help_text(self) -> str:
        return f"Your password may hold at most {self.max_length} characters."


class NotAboutTheUserValidator:
    """No e-mail and no name of the user in the password."""

    #: Shorter parts stand in many words.
    shortest_part = 4

    def validate(self, password: str, user: Any = None) -> None:
        compared = _as_compared(password)
        for told in (
            (user.email, user.email.partition("@")[0], user.first_name, user.last_name, user.display_name)
            if user
            else ()
        ):
            if len(told) >= self.shortest_part and _as_compared(told) in compared:
                raise ValidationError(
                    "This password holds your name or e-mail address; choose another.", code="password_too_similar"
                )

    def get_help_text(self) -> str:
        return "Your password may not hold your name or e-mail address."


def _as_compared(text: str) -> str:
    return texts.normalized("NFKC", text).casefold()

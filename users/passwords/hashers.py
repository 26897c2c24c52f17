"""Hashing of passwords, and validators that Django does not provide."""

import unicodedata
from collections.abc import Callable, Iterator
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
from users.passwords.argon2id import hash_function

MAX_PASSWORD_LENGTH = 1024

# Each hash needs ARGON2_MEMORY_KIB, so the number of concurrent hashes is limited. Callers take turns, so that one
# caller with many logins does not block the others.
_turns = Turns(settings.PASSWORD_HASHES_AT_ONCE)


@contextmanager
def taking_turns() -> Iterator[None]:
    """Wait for a turn to hash a password.

    Raises:
        DeadlineExceeded: the deadline of the call passed before its turn.
    """
    with _turns.turn(caller_key.get()):
        # The client of a call past its deadline no longer waits, so a hash would be wasted.
        check_deadline()
        yield


class Argon2idHasher(Argon2PasswordHasher):
    """Argon2id with the parameters of the OWASP password storage cheat sheet and limited concurrency."""

    time_cost = settings.ARGON2_PASSES
    memory_cost = settings.ARGON2_MEMORY_KIB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with taking_turns():
            encoded = cached_hash_function(self.time_cost, self.memory_cost)(password.encode(), salt.encode())
            return f"{self.algorithm}{encoded}"

    def verify(self, password: str, encoded: str) -> bool:
        decoded, params = self.decode(encoded), self.params()
        params.salt_len = decoded["params"].salt_len
        if decoded["params"] == params and decoded["salt"].isascii():
            return constant_time_compare(encoded, self.encode(password, decoded["salt"]))
        with taking_turns():
            return super().verify(password, encoded)


@cache
def cached_hash_function(time_cost: int, memory_cost: int) -> Callable[[bytes, bytes], str]:
    hasher = Argon2idHasher()
    hasher.time_cost, hasher.memory_cost = time_cost, memory_cost
    return hash_function(hasher.params())


class PasswordCheck(NamedTuple):
    """Result of comparing a password with a hash.

    Attributes:
        fits: the password is the one that was hashed.
        outdated: the hash should be replaced by one of the preferred algorithm and parameters.
    """

    fits: bool
    outdated: bool = False


def normalize_password(password: str) -> str:
    """Normalize a password (RFC 8265, OpaqueString): all spaces become U+0020, and the result is in NFC."""
    spaced = "".join(" " if unicodedata.category(character) == "Zs" else character for character in password)
    return texts.normalized("NFC", spaced)


def hash_password(password: str) -> str:
    """Hash a password in its normalized form."""
    return make_password(normalize_password(password))


def verify(password: str, encoded: str) -> PasswordCheck:
    """Compare a password with a stored hash.

    Hashes from before passwords were normalized, here or in another system, are of the characters that a keyboard sent.
    So other forms are tried after the normalized one. A hash that matches another form is outdated.
    """
    for index, spelling in enumerate(_spellings(password)):
        if check_password(spelling, encoded):
            return PasswordCheck(True, index > 0 or is_outdated(encoded))
    return PasswordCheck(False)


def spend_time_of_verify(password: str) -> None:
    """Hash as often as `verify` does for a wrong password, so that accounts that do not exist take as long."""
    for spelling in _spellings(password):
        make_password(spelling)


def _spellings(password: str) -> list[str]:
    """Return the forms of a password that may have been hashed, the normalized one first, without duplicates.

    Their number depends on the password alone.
    """
    forms = (texts.normalized("NFC", password), texts.normalized("NFD", password))
    return list(dict.fromkeys((normalize_password(password), password, *forms)))


def is_outdated(encoded: str) -> bool:
    """Return whether a hash has another algorithm or other parameters than new hashes."""
    hasher, preferred = identify_hasher(encoded), get_hasher()
    return hasher.algorithm != preferred.algorithm or preferred.must_update(encoded)


class MaximumLengthValidator:
    """Reject passwords longer than the hasher should process."""

    def __init__(self, max_length: int = MAX_PASSWORD_LENGTH) -> None:
        self.max_length = max_length

    def validate(self, password: str, user: Any = None) -> None:
        if len(password) > self.max_length:
            raise ValidationError(
                f"This password is too long. It may have at most {self.max_length} characters.",
                code="password_too_long",
            )

    def get_help_text(self) -> str:
        return f"Your password may have at most {self.max_length} characters."


class NotAboutTheUserValidator:
    """Reject passwords that contain the user's e-mail or a name of the user."""

    #: Minimum length of a part that is checked; shorter ones occur in many words.
    min_part_length = 4

    def validate(self, password: str, user: Any = None) -> None:
        compared = _fold(password)
        for part in (
            (user.email, user.email.partition("@")[0], user.first_name, user.last_name, user.display_name)
            if user
            else ()
        ):
            if len(part) >= self.min_part_length and _fold(part) in compared:
                raise ValidationError(
                    "This password contains your name or e-mail address; choose another.", code="password_too_similar"
                )

    def get_help_text(self) -> str:
        return "Your password may not contain your name or e-mail address."


def _fold(text: str) -> str:
    return texts.normalized("NFKC", text).casefold()

"""Argon2id in kept memory is Argon2id, and so is that of the public function where the binding has changed."""

import mmap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from argon2 import Parameters, PasswordHasher
from argon2.exceptions import HashingError
from argon2.low_level import ARGON2_VERSION, Type, hash_secret

from users.passwords import argon2id, hashers
from users.passwords.argon2id import Argon2id, PublicArgon2id, hash_function
from users.passwords.hashers import Argon2idHasher

SALT = b"a salt of its own"


#: What a later release of argon2-cffi may do with its binding.
CHANGES = {
    "names": {"core": None, "error_to_str": None, "ffi": None, "lib": None},
    "structure": {"ffi": type(argon2id.ffi)()},
    "results": {"core": lambda context, kind: 0},
}


@pytest.fixture(params=["usable", *CHANGES])
def binding(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """Run the test with the binding, and with each of its changes. Returns whether it is usable."""
    for name, value in CHANGES.get(request.param, {}).items():
        monkeypatch.setattr(argon2id, name, value)
    caches = argon2id.is_binding_usable, hashers.cached_hash_function
    for cached in caches:
        cached.cache_clear()
    yield request.param == "usable"
    for cached in caches:
        cached.cache_clear()


def parameters(memory_cost: int = 64, time_cost: int = 2, parallelism: int = 1) -> Parameters:
    return Parameters(Type.ID, ARGON2_VERSION, 16, 32, time_cost, memory_cost, parallelism)


@pytest.fixture
def memories(monkeypatch: pytest.MonkeyPatch) -> list[mmap.mmap]:
    """The memories that are allocated during the test."""
    made: list[mmap.mmap] = []
    allocate = mmap.mmap

    def allocate_and_keep(*arguments: Any) -> mmap.mmap:
        made.append(allocate(*arguments))
        return made[-1]

    monkeypatch.setattr(mmap, "mmap", allocate_and_keep)
    return made


def as_ever(secret: bytes, salt: bytes, asked: Parameters) -> str:
    return hash_secret(
        secret, salt, asked.time_cost, asked.memory_cost, asked.parallelism, asked.hash_len, asked.type, asked.version
    ).decode()


@pytest.mark.parametrize("secret", [b"", b"password", "Пароль\0と".encode(), b"x" * 1024])
@pytest.mark.parametrize("asked", [parameters(), parameters(47_104, 1), parameters(64, 3, 4)])
@pytest.mark.parametrize("kind", [Argon2id, PublicArgon2id])
def test_hash_equals_that_of_the_library(kind: type[Argon2id], secret: bytes, asked: Parameters) -> None:
    hashing = kind(asked)
    expected = as_ever(secret, SALT, asked)
    # Once more in the same memory.
    assert hashing.encoded(secret, SALT) == hashing.encoded(secret, SALT) == expected
    assert PasswordHasher().verify(expected, secret)


def test_threads_do_not_share_a_memory(memories: list[mmap.mmap]) -> None:
    asked = parameters(8_192, 1)
    hashing, start = Argon2id(asked), threading.Barrier(4)

    def hash_some(number: int) -> bool:
        start.wait()
        secrets = [f"{number} {turn}".encode() for turn in range(10)]
        return all(hashing.encoded(secret, SALT) == as_ever(secret, SALT, asked) for secret in secrets)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(hash_some, range(4)))
    assert 1 <= len(memories) <= 4


def test_memory_is_wiped_after_a_hash(memories: list[mmap.mmap]) -> None:
    hashing = Argon2id(parameters())
    hashing.encoded(b"password", SALT)
    (memory,) = memories
    assert not any(memory[:])


def test_a_salt_that_is_too_short_is_refused_and_the_memory_kept() -> None:
    hashing = Argon2id(parameters())
    with pytest.raises(HashingError):
        hashing.encoded(b"password", b"short")
    assert hashing.encoded(b"password", SALT) == as_ever(b"password", SALT, parameters())


def test_a_changed_binding_is_replaced_by_the_public_function(binding: bool, caplog: pytest.LogCaptureFixture) -> None:
    hashed = hash_function(parameters())
    assert isinstance(hashed.__self__, Argon2id if binding else PublicArgon2id)  # type: ignore[attr-defined]
    assert hashed(b"password", SALT) == as_ever(b"password", SALT, parameters())
    assert ("another binding" in caplog.text) is not binding


@pytest.mark.usefixtures("binding")
def test_concurrent_hashes_are_limited(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    running, most, lock = 0, 0, threading.Lock()
    hashed = hash_function(Argon2idHasher().params())

    def counted(secret: bytes, salt: bytes) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        encoded = hashed(secret, salt)
        with lock:
            running -= 1
        return encoded

    monkeypatch.setattr(hashers, "cached_hash_function", lambda *costs: counted)
    limit = settings.PASSWORD_HASHES_AT_ONCE
    with ThreadPoolExecutor(limit + 2) as pool:
        hashes = set(pool.map(lambda number: Argon2idHasher().encode("password", "a salt of its own"), range(8)))
    assert (len(hashes), most) == (1, limit)


@pytest.mark.usefixtures("binding")
def test_hashes_with_other_parameters_are_verified() -> None:
    hasher = Argon2idHasher()
    ours = hasher.encode("password", "a salt of its own")
    others = "argon2" + as_ever(b"password", b"another salt", parameters(128, 3, 2))
    for encoded in (ours, others):
        assert hasher.verify("password", encoded)
        assert not hasher.verify("Password", encoded)
    damaged = ours[:-1] + ("A" if ours[-1] != "A" else "B")
    assert not hasher.verify("password", damaged)

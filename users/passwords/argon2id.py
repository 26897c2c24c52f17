"""Argon2id with memory that is reused.

A hash needs tens of megabytes. The C library allocates them for each hash and frees them afterwards; the page faults of
46 MiB cost as much CPU time as the hash itself. Memory that is reused, in large pages if the system has them, avoids
this cost (docs/decisions/0013). No data of a hash stay in it, because argon2 wipes its memory before it frees it.

`argon2.low_level.core`, `ffi` and `lib` are argon2-cffi's interface for own allocators. No public function takes one.
Its documentation warns that the structure may change with any release, so `hash_function` tries it once and otherwise
returns the public function, which makes the same hashes at half the rate.
"""

import logging
import mmap
import threading
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from typing import Any

from argon2 import Parameters, Type
from argon2.exceptions import HashingError
from argon2.low_level import ARGON2_VERSION, hash_secret

try:
    from argon2.low_level import core, error_to_str, ffi, lib  # type: ignore[attr-defined]
except ImportError:
    core = error_to_str = ffi = lib = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

_LARGE_PAGES = getattr(mmap, "MADV_HUGEPAGE", None)


class _Memory:
    """Memory for one hash at a time.

    Args:
        size: in bytes.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._pages = mmap.mmap(-1, size)
        if _LARGE_PAGES is not None:
            self._pages.madvise(_LARGE_PAGES)
        self._begin = ffi.from_buffer("uint8_t[]", self._pages)
        self.allocate = ffi.callback("int(uint8_t **, size_t)", self._allocate)
        self.free = ffi.callback("void(uint8_t *, size_t)", lambda begin, size: None)

    def _allocate(self, begin: Any, size: int) -> int:
        if size > self._size:
            return int(lib.ARGON2_MEMORY_ALLOCATION_ERROR)
        begin[0] = self._begin
        return int(lib.ARGON2_OK)


def hash_function(parameters: Parameters) -> Callable[[bytes, bytes], str]:
    """Return a function that hashes a secret with a salt: in memory that is reused, if the binding can be used.

    The function returns what `argon2.low_level.hash_secret` returns: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`. It raises
    HashingError if the salt is too short, or memory is exhausted.
    """
    return (Argon2id if is_binding_usable() else PublicArgon2id)(parameters).encoded


@cache
def is_binding_usable() -> bool:
    """Return whether the binding of this release of argon2-cffi makes the same hash as its public function."""
    trial, secret, salt = Parameters(Type.ID, ARGON2_VERSION, 8, 32, 1, 8, 1), b"secret", b"a salt of its own"
    try:
        usable = Argon2id(trial).encoded(secret, salt) == PublicArgon2id(trial).encoded(secret, salt)
    except Exception:  # A changed structure can raise anything.
        usable = False
    if not usable:
        logger.warning("This release of argon2-cffi has another binding: a password hash takes twice the CPU time.")
    return usable


class PublicArgon2id:
    """Hash function of argon2-cffi's public interface with fixed parameters."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters

    def encoded(self, secret: bytes, salt: bytes) -> str:
        """Hash a secret; see `hash_function`."""
        costs = self._parameters
        return hash_secret(
            secret,
            salt,
            costs.time_cost,
            costs.memory_cost,
            costs.parallelism,
            costs.hash_len,
            costs.type,
            costs.version,
        ).decode()


class Argon2id:
    """Hash function with fixed parameters. It reuses its memory: one block for each hash that runs at the same time."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._free: list[_Memory] = []
        self._lock = threading.Lock()

    def encoded(self, secret: bytes, salt: bytes) -> str:
        """Hash a secret; see `hash_function`."""
        parameters = self._parameters
        costs = f"m={parameters.memory_cost},t={parameters.time_cost},p={parameters.parallelism}"
        return f"$argon2id$v={parameters.version}${costs}${_base64(salt)}${_base64(self._hash(secret, salt))}"

    def _hash(self, secret: bytes, salt: bytes) -> bytes:
        parameters = self._parameters
        with self._lock:
            memory = self._free.pop() if self._free else None
        memory = memory or _Memory(parameters.memory_cost * 1024)
        out, password, salted = (
            ffi.new("uint8_t[]", parameters.hash_len),
            ffi.from_buffer(secret),
            ffi.from_buffer(salt),
        )
        context = ffi.new(
            "argon2_context *",
            {
                "out": out,
                "outlen": parameters.hash_len,
                "pwd": ffi.cast("uint8_t *", password),
                "pwdlen": len(secret),
                "salt": ffi.cast("uint8_t *", salted),
                "saltlen": len(salt),
                "t_cost": parameters.time_cost,
                "m_cost": parameters.memory_cost,
                "lanes": parameters.parallelism,
                "threads": parameters.parallelism,
                "version": parameters.version,
                "allocate_cbk": memory.allocate,
                "free_cbk": memory.free,
                "flags": lib.ARGON2_DEFAULT_FLAGS,
            },
        )
        result = core(context, parameters.type.value)
        with self._lock:
            self._free.append(memory)
        if result != lib.ARGON2_OK:
            raise HashingError(error_to_str(result))
        return bytes(ffi.buffer(out))


def _base64(value: bytes) -> str:
    return b64encode(value).rstrip(b"=").decode()

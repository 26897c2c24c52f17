"""Argon2id in memory that is kept.

A hash takes tens of megabytes. The C library takes so much from the system for each hash, and gives it back right
after; to be given 46 MiB of empty pages, one by one, costs as much CPU time as to hash in them. Kept, in large pages
where the system has them, they cost nothing (docs/decisions/0013). What was hashed does not stay there: argon2 wipes
its memory before it lets go of it.

`argon2.low_level.core` is what argon2-cffi has for such wishes. It warns that its structure may change with any
release: the version is pinned, and a test compares the results with those of the ordinary way.
"""

import mmap
import threading
from base64 import b64encode
from typing import Any

from argon2 import Parameters
from argon2.exceptions import HashingError
from argon2.low_level import core, error_to_str, ffi, lib  # type: ignore[attr-defined]

_LARGE_PAGES = getattr(mmap, "MADV_HUGEPAGE", None)


class _Memory:
    """A place for one hash at a time.

    Args:
        size: in bytes.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._pages = mmap.mmap(-1, size)
        if _LARGE_PAGES is not None:
            self._pages.madvise(_LARGE_PAGES)
        self._begin = ffi.from_buffer("uint8_t[]", self._pages)
        self.give = ffi.callback("int(uint8_t **, size_t)", self._give)
        self.take_back = ffi.callback("void(uint8_t *, size_t)", lambda begin, size: None)

    def _give(self, begin: Any, size: int) -> int:
        if size > self._size:
            return int(lib.ARGON2_MEMORY_ALLOCATION_ERROR)
        begin[0] = self._begin
        return int(lib.ARGON2_OK)


class Argon2id:
    """Hashes with these parameters; as many memories are kept as were needed at once."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._free: list[_Memory] = []
        self._lock = threading.Lock()

    def encoded(self, secret: bytes, salt: bytes) -> str:
        """As `argon2.low_level.hash_secret` has it: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.

        Raises:
            HashingError: the salt is too short, or there is no memory.
        """
        asked = self._parameters
        costs = f"m={asked.memory_cost},t={asked.time_cost},p={asked.parallelism}"
        return f"$argon2id$v={asked.version}${costs}${_base64(salt)}${_base64(self._hash(secret, salt))}"

    def _hash(self, secret: bytes, salt: bytes) -> bytes:
        asked = self._parameters
        with self._lock:
            memory = self._free.pop() if self._free else None
        memory = memory or _Memory(asked.memory_cost * 1024)
        out, password, salted = ffi.new("uint8_t[]", asked.hash_len), ffi.from_buffer(secret), ffi.from_buffer(salt)
        context = ffi.new(
            "argon2_context *",
            {
                "out": out,
                "outlen": asked.hash_len,
                "pwd": ffi.cast("uint8_t *", password),
                "pwdlen": len(secret),
                "salt": ffi.cast("uint8_t *", salted),
                "saltlen": len(salt),
                "t_cost": asked.time_cost,
                "m_cost": asked.memory_cost,
                "lanes": asked.parallelism,
                "threads": asked.parallelism,
                "version": asked.version,
                "allocate_cbk": memory.give,
                "free_cbk": memory.take_back,
                "flags": lib.ARGON2_DEFAULT_FLAGS,
            },
        )
        result = core(context, asked.type.value)
        with self._lock:
            self._free.append(memory)
        if result != lib.ARGON2_OK:
            raise HashingError(error_to_str(result))
        return bytes(ffi.buffer(out))


def _base64(value: bytes) -> str:
    return b64encode(value).rstrip(b"=").decode()

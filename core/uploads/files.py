"""Files in progress: outside of the storage of their kind until they are complete."""

import errno
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.db import transaction
from django.utils import timezone

from core.db.ids import parsed, uuid7
from core.errors import Locked, Unavailable

#: An unreferenced file that has not been written for so long was left by a process that died.
ABANDONED_AFTER = timedelta(days=2)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of files that clients send.

    Attributes:
        storage_name: of the storage in `settings.STORAGES` where complete files are kept.
        head_bytes: how many of the first bytes show whether a file is of this kind.
        check: raises UnsupportedMediaType if a file that begins with these bytes is not of this kind.
    """

    storage_name: str
    head_bytes: int
    check: Callable[[bytes], None]

    @property
    def storage(self) -> Storage:
        return storages[self.storage_name]

    def delete_on_commit(self, name: str) -> None:
        """Delete a stored file once the transaction is committed. If that fails, `prune` does it days later."""

        def delete() -> None:
            self.storage.delete(name)

        transaction.on_commit(delete, robust=True)

    def unreferenced(self, written_before: datetime, referenced: Callable[[list[str]], set[str]]) -> list[str]:
        """Return the names of the stored files that were written before this time, and that no row refers to.

        Args:
            referenced: returns which of these names rows refer to.
        """
        storage = self.storage
        try:
            names = storage.listdir("")[1]
        except FileNotFoundError:  # There is no folder before the first file.
            return []
        # Other files may share the folder or the bucket: ours are named by ids.
        old = [name for name in names if parsed(name) and storage.get_modified_time(name) < written_before]
        needed = referenced(old)
        return [name for name in old if name not in needed]


class PartialUpload:
    """An upload in progress: a file outside the storage, until `keep` moves it there."""

    def __init__(self, kind: FileKind, path: Path, file: BinaryIO) -> None:
        self._kind = kind
        self._path = path
        self._file = file
        self._hash = hashlib.sha256()
        self._head = b""
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Append these bytes.

        Raises:
            UnsupportedMediaType, Unavailable
        """
        self.size += len(chunk)
        wanted = self._kind.head_bytes
        if len(self._head) < wanted:
            self._head = (self._head + chunk[:wanted])[:wanted]
            if len(self._head) >= wanted:
                self._kind.check(self._head)
        self._hash.update(chunk)
        with _room():
            self._file.write(chunk)

    def keep(self) -> str:
        """Move the complete file to the storage and flush it to disk. Return its name there."""
        self._kind.check(self._head)
        with _room():
            self._file.flush()
            os.fsync(self._file.fileno())
            with self._path.open("rb") as whole:
                name = self._kind.storage.save(str(uuid7()), _Movable(whole, str(self._path)))
            _flush(self._kind.storage, name)
        return name


class _Movable(File):  # type: ignore[type-arg]
    """A file that a storage on the same disk may move instead of copying it."""

    def temporary_file_path(self) -> str:
        return str(self.name)


@contextmanager
def incoming(kind: FileKind) -> Iterator[PartialUpload]:
    """Provide a new partial upload. Its file is deleted at the end unless it was kept."""
    path = _folder() / f"{uuid7()}.part"
    with _room():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = path.open("xb")
    try:
        with file:
            yield PartialUpload(kind, path, file)
    finally:
        with suppress(FileNotFoundError):  # `keep` has moved it.
            path.unlink()


def prune_partial_uploads() -> int:
    """Delete abandoned partial uploads, and return how many."""
    oldest = (timezone.now() - ABANDONED_AFTER).timestamp()
    abandoned = [path for path in _folder().glob("*.part") if path.stat().st_mtime < oldest]
    for path in abandoned:
        path.unlink(missing_ok=True)
    return len(abandoned)


def _folder() -> Path:
    folder: Path = settings.DATA_DIR / "media" / "uploads"
    return folder


def _flush(storage: Storage, name: str) -> None:
    """Flush the file and its directory to disk, if the storage is a local directory."""
    try:
        path = Path(storage.path(name))
    except NotImplementedError:
        return
    for place in (path, path.parent):
        number = os.open(place, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


@contextmanager
def _room() -> Iterator[None]:
    """Raise Unavailable for errors caused by a full disk."""
    try:
        yield
    except OSError as exc:
        if exc.errno in _NO_ROOM:
            raise Unavailable("Insufficient storage. The upload was discarded; retry later.") from exc
        raise


class Resumed:
    """The file of a resumable upload, locked for writing by this process."""

    def __init__(self, kind: FileKind, path: Path, name: str, file: FileIO) -> None:
        self._kind = kind
        self._path = path
        self._name = name
        self._file = file

    def cut(self, size: int) -> None:
        """Truncate the file to this number of bytes, and continue after them."""
        self._file.truncate(size)
        self._file.seek(size)

    def write(self, chunk: bytes) -> None:
        """Append these bytes; if the disk is full, as many as fit."""
        rest = memoryview(chunk)
        with _room():
            while rest:
                rest = rest[self._file.write(rest) :]

    def patch(self, offset: int, content: bytes) -> None:
        """Replace bytes in the middle of the file."""
        self._file.seek(offset)
        self.write(content)
        self._file.seek(0, os.SEEK_END)

    @property
    def size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    @property
    def is_stored(self) -> bool:
        """True if the file has been moved to the storage, by a process that died before it recorded that."""
        return not self._is_here() and self._kind.storage.exists(self._name)

    def flush(self) -> int:
        """Flush the file to disk, and return its size."""
        with _room():
            os.fsync(self._file.fileno())
        return self._file.tell()

    def look(self) -> tuple[bytes, str]:
        """Return the first bytes of the file, and its SHA-256."""
        with self._path.open("rb") if self._is_here() else self._kind.storage.open(self._name) as whole:
            head = whole.read(self._kind.head_bytes)
            whole.seek(0)
            return head, hashlib.file_digest(whole, "sha256").hexdigest()

    def keep(self) -> str:
        """Move the complete, flushed file to the storage under the upload's id, and return that name."""
        if not self._is_here():
            # A process has moved the file, and died before it recorded that.
            return self._name
        os.utime(self._path)
        if self._kind.storage.exists(self._name):
            # An earlier attempt was interrupted while it copied the file.
            self._kind.storage.delete(self._name)
        with _room(), self._path.open("rb") as whole:
            name = self._kind.storage.save(self._name, _Movable(whole, str(self._path)))
            _flush(self._kind.storage, name)
        return name

    def drop(self, *, kept: bool = True) -> None:
        """Delete the file, and unless `kept` also its copy in the storage."""
        self._path.unlink(missing_ok=True)
        if not kept:
            self._kind.storage.delete(self._name)

    def _is_here(self) -> bool:
        return os.fstat(self._file.fileno()).st_size > 0


@contextmanager
def resumed(kind: FileKind, upload_id: UUID) -> Iterator[Resumed]:
    """Open and lock the file of this upload. Create it if it is missing.

    Raises:
        Locked: another request is writing it.
        Unavailable: the disk is full.
    """
    path = resumed_path(upload_id)
    with _room():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with FileIO(number, "r+") as file:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise Locked("Another request is writing to this upload; retry when it has ended.") from exc
        yield Resumed(kind, path, str(upload_id), file)


def resumed_path(upload_id: UUID) -> Path:
    return _folder() / f"{upload_id}.tus"


def resumed_ids() -> Iterator[UUID]:
    """Return the ids of the uploads that have a file."""
    return (UUID(path.stem) for path in _folder().glob("*.tus"))

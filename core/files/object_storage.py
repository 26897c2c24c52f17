"""Files in a storage with the interface of S3, by django-storages. Its packages are in `requirements-s3.txt`."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files import File
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

from core.errors import Unavailable

logger = logging.getLogger(__name__)

#: A file is read in requests for so many bytes.
BLOCK_BYTES = 4 * 2**20
#: A call waits for the storage, so that it is not repeated for minutes.
RETRIES = {"mode": "standard", "total_max_attempts": 3}
_NOT_FOUND = ("404", "NoSuchKey", "NotFound")


class StorageUnavailable(Unavailable, OSError):
    """The storage cannot be reached, or refuses the request."""


class ObjectStorage(S3Storage):  # type: ignore[misc]  # django-storages has no types.
    """A storage whose files are read block by block: django-storages copies a whole file to the disk before the first
    byte of it can be read. Failures are those of files: FileNotFoundError and OSError.
    """

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        if mode != "rb":
            raise ValueError("Files are opened for reading only; save them as a whole.")
        key = self._normalize_name(clean_name(name))
        with _answered():
            blocks = _Blocks(self.bucket.Object(key))
        return File(io.BufferedReader(blocks, BLOCK_BYTES), name)

    def _save(self, name: str, content: Any) -> str:
        with _answered():
            return str(super()._save(name, content))

    def exists(self, name: str) -> bool:
        with _answered():
            return bool(super().exists(name))

    def delete(self, name: str) -> None:
        with _answered():
            super().delete(name)

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        with _answered():
            folders, files = super().listdir(name)
        return folders, files

    def size(self, name: str) -> int:
        with _answered():
            return int(super().size(name))

    def get_modified_time(self, name: str) -> datetime:
        with _answered():
            modified: datetime = super().get_modified_time(name)
        return modified


class _Blocks(io.RawIOBase):
    """An object as a file that can be read from any place."""

    def __init__(self, stored: Any) -> None:
        super().__init__()
        self._stored = stored
        self._size: int = stored.content_length
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        last = min(self._at + len(buffer), self._size) - 1
        if last < self._at:
            return 0
        with _answered():
            data = self._stored.get(Range=f"bytes={self._at}-{last}")["Body"].read()
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


@contextmanager
def _answered() -> Iterator[None]:
    """Raise the errors of files for those of the client."""
    try:
        yield
    except FileNotFoundError:
        raise
    except ClientError as exc:
        if exc.response.get("Error", {}).get("Code") in _NOT_FOUND:
            raise FileNotFoundError(str(exc)) from exc
        raise _unavailable(exc) from exc
    except (Boto3Error, BotoCoreError, OSError) as exc:
        raise _unavailable(exc) from exc


def _unavailable(error: Exception) -> StorageUnavailable:
    logger.warning("The object storage cannot be used: %s", error)
    return StorageUnavailable("The storage of recordings cannot be reached; try again later.")

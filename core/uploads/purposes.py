"""Purposes of uploads: what becomes of the files that clients send in pieces. Apps register theirs in
`AppConfig.ready`.

register(Recordings())
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

from django.db.models import QuerySet

from core.actors import Actor
from core.errors import TooLarge
from core.uploads.files import FileKind, Resumed
from core.uploads.rows import ResumableUpload


class Purpose(ABC):
    """One purpose of resumable uploads.

    Attributes:
        name: of the purpose in `Upload-Metadata`.
        model: its rows, one for each upload.
        kind: of the files.
    """

    name: ClassVar[str]
    model: ClassVar[type[ResumableUpload]]
    kind: ClassVar[FileKind]

    @property
    @abstractmethod
    def max_bytes(self) -> int:
        """The maximum size of a file."""

    @abstractmethod
    def too_large(self) -> TooLarge:
        """Return the error for a file that exceeds the maximum size."""

    @abstractmethod
    def create(self, actor: Actor, declared: Any, length: int | None, metadata: str) -> ResumableUpload:
        """Check what the client declared, and create the row of an upload.

        Args:
            declared: the metadata, in the form that the app reads it.
            length: in bytes; None = not known yet.
            metadata: as the client sent it; to be returned unchanged.

        Raises:
            ValidationError, ObjectDoesNotExist, PermissionDenied, Conflict, QuotaExceeded, InsufficientStorage
        """

    @abstractmethod
    def finish(self, actor: Actor, upload: Any, file: Resumed) -> None:
        """Take over the complete file, and set `ended_at` of the upload in the same transaction; or refuse the file.

        Raises:
            Conflict, PermissionDenied, ObjectDoesNotExist, UnsupportedMediaType, ValidationError: the file can never
                be used; the upload is deleted with it.
        """

    def give_up(self, actor: Actor | str, upload: Any) -> None:
        """Delete the row of an upload that its user has ended, or that has expired."""
        upload.delete()

    def resumable(self) -> QuerySet[Any]:
        """Return the rows that clients resume by tus."""
        return self.model._default_manager.all()


#: Name → purpose, in the order of their registration.
registered: dict[str, Purpose] = {}


def register(purpose: Purpose) -> None:
    """Add a purpose of uploads."""
    registered[purpose.name] = purpose


def purposes() -> Iterable[Purpose]:
    """Return all registered purposes."""
    return registered.values()

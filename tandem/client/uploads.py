"""The messages that upload a file over gRPC."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

from tandem.drawing.v1.drawing_pb2 import DocumentMetadata, UploadDocumentRequest

#: How much of the file one message has.
_CHUNK_BYTES = 64 * 1024


def document_parts(project_id: str, path: Path, title: str, revision: str) -> Iterator[UploadDocumentRequest]:
    """Yield the messages of UploadDocument.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        yield UploadDocumentRequest(
            metadata=DocumentMetadata(
                project_id=project_id, title=title, revision=revision, filename=path.name, size=path.stat().st_size
            )
        )
        while chunk := file.read(_CHUNK_BYTES):
            yield UploadDocumentRequest(chunk=chunk)

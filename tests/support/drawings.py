"""Documents, and the messages that bring them."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from reportlab.pdfgen.canvas import Canvas

from drawings.models import Document
from drawings.services.uploads import UploadMetadata, upload_document
from projects.models import Project, Role
from tandem.drawing.v1.drawing_pb2 import UploadDocumentRequest
from tests.jobs import run_jobs
from tests.support.factories import ProjectFactory, ProjectMemberFactory
from users.models import User

CHUNK_BYTES = 64 * 1024
#: Of a page, in points.
WIDTH, HEIGHT = 842, 595


def a_pdf(*pages: Sequence[str], title: str = "Cabinet") -> bytes:
    """Return a PDF with these words on its pages, one below the other from (50, 50) on, 20 points apart, and a square
    from (100, 300) to (120, 320) on each. Positions are from the top left.
    """
    file = io.BytesIO()
    # Without the time, the same pages are the same bytes.
    canvas = Canvas(file, (WIDTH, HEIGHT), invariant=1)
    canvas.setTitle(title)
    for words in pages or (("-K12", "contactor"),):
        canvas.setFont("Helvetica", 10)
        for line, word in enumerate(words):
            canvas.drawString(50, HEIGHT - 50 - 20 * line, word)
        canvas.rect(100, HEIGHT - 320, 20, 20)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def an_upload(project: Project, content: bytes | None = None, **said: Any) -> list[UploadDocumentRequest]:
    """Return the messages of UploadDocument: the metadata of the file, then its bytes."""
    content = a_pdf() if content is None else content
    metadata = {
        "project_id": str(project.pk), "filename": "cabinet.pdf", "content_type": "application/pdf",
        "size": len(content), "sha256": hashlib.sha256(content).hexdigest(),
    } | said  # fmt: skip
    chunks = [content[start : start + CHUNK_BYTES] for start in range(0, len(content), CHUNK_BYTES)]
    return [UploadDocumentRequest(metadata=metadata), *(UploadDocumentRequest(chunk=chunk) for chunk in chunks)]


def member(project: Project, role: Role = Role.EDITOR, user: User | None = None) -> User:
    """Add a member to a project, and return the user."""
    added: User = ProjectMemberFactory(project=project, role=role, **({"user": user} if user else {})).user
    return added


def project_of(user: User, role: Role = Role.EDITOR) -> Project:
    """Return a new project with this member."""
    project: Project = ProjectFactory()
    member(project, role, user)
    return project


def a_document(project: Project, uploader: User, *pages: Sequence[str], content: bytes | None = None) -> Document:
    """Store a document, and return it QUEUED."""
    content = a_pdf(*pages) if content is None else content
    metadata = UploadMetadata(project_id=str(project.pk), filename="cabinet.pdf")
    return upload_document(uploader, metadata, [content]).document


def processed(document: Document) -> Document:
    """Run the jobs that are due, and return the document."""
    run_jobs()
    document.refresh_from_db()
    return document


def stored() -> list[Path]:
    """Return the stored files, and those that are being received."""
    return sorted(path for name in ("documents", "uploads") for path in (settings.DATA_DIR / "media" / name).glob("*"))

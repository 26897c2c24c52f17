"""Demo data: drawings that are read by the worker."""

from collections.abc import Callable, Iterator
from random import Random

from django.conf import settings

from core.demo_data import Growth
from drawings.models import Document
from drawings.services.uploads import UploadMetadata, upload_document
from projects.models import ProjectMember, Role, Status

_SAMPLE = "samples/cabinet.pdf"


def load(report: Callable[[str], object]) -> bool:
    """Load nothing: a first start reads no drawing unasked."""
    return True


def add_drawings(chance: Random, count: int) -> Iterator[int]:
    """Add the sample drawing to as many projects; if there are fewer, to some of them again. The worker reads it."""
    drawing = (settings.BASE_DIR / _SAMPLE).read_bytes()
    managers = ProjectMember.objects.filter(role=Role.MANAGER, project__status=Status.ACTIVE)
    chosen = list(managers.select_related("user").order_by("id")[:1_000])
    chance.shuffle(chosen)
    known = Document.objects.count()
    for number in range(1, count + 1):
        member = chosen[number % len(chosen)] if chosen else None
        if member is not None:
            metadata = UploadMetadata(
                project_id=str(member.project_id), title=f"Cabinet A{known + number}", revision=chance.choice("ABC"),
                filename="cabinet.pdf", content_type="application/pdf",
            )  # fmt: skip
            # A comment at the end changes only the digest: a project keeps the same file once.
            upload_document(member.user, metadata, [drawing, f"\n% {known + number}\n".encode()])
        yield number


GROWTH = {"drawings": Growth("sample drawings in projects", add_drawings)}

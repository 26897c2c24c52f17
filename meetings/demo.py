"""Demo data: meetings that are transcribed by the worker."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random

from django.conf import settings
from django.utils import timezone

from core.demo_data import Growth
from meetings.services.recordings import UploadMetadata, upload_recording
from projects.models import ProjectMember, Role, Status
from users import demo

_SAMPLE = "samples/planning.ogg"
_TITLES = ("Product weekly", "Site meeting", "Release planning", "Hand-over", "Review of the offer")


def load(report: Callable[[str], object]) -> bool:
    """Load nothing: a first start transcribes no meeting unasked."""
    return True


def add_meetings(chance: Random, count: int) -> Iterator[int]:
    """Add meetings with the sample recording, of members of projects. The worker transcribes them."""
    recording = (settings.BASE_DIR / _SAMPLE).read_bytes()
    for number in range(1, count + 1):
        owner, *others = demo.some_people(chance, 3)
        editors = ProjectMember.objects.filter(role__gte=Role.EDITOR, project__status=Status.ACTIVE, user=owner)
        projects = list(editors.values_list("project", flat=True).order_by("project")[:50])
        metadata = UploadMetadata(
            title=f"{chance.choice(_TITLES)} {number}", filename="planning.ogg", content_type="audio/ogg",
            participants=[str(user.pk) for user in (owner, *others)],
            starts_at=timezone.now() - timedelta(hours=chance.randint(1, 200)),
            project_id=str(chance.choice(projects)) if projects else "",
        )  # fmt: skip
        upload_recording(owner, metadata, [recording])
        yield number


GROWTH = {"meetings": Growth("meetings with the sample recording", add_meetings)}

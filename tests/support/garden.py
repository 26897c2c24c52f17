"""Rows of a team, for pages that show some of everything: a project with tasks, and a meeting."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from meetings.models import ActionItemStatus, Meeting
from projects.models import Project
from projects.models import Role as ProjectRole
from tasks.models import Priority, Status, Task
from tests.support.factories import (
    ActionItemFactory,
    ProjectFactory,
    ProjectMemberFactory,
    SegmentFactory,
    SpeakerFactory,
    SummaryFactory,
    TaskFactory,
    TranscribedMeetingFactory,
)
from users.models import User

#: Title, column, priority, days until it is due, label, and the beginning of the e-mail address of its assignee.
TASKS: list[tuple[str, Status, Priority, int | None, str, str]] = [
    ("Order the seeds for spring", Status.TODO, Priority.HIGH, -2, "garden", "admin"),
    ("Paint the fence towards the road", Status.TODO, Priority.MEDIUM, None, "garden", "jane"),
    ("Check the invoice, and ask for the missing crate of tulips", Status.TODO, Priority.LOW, 5, "paper", "admin"),
    ("Find a place for the workshop in May", Status.TODO, Priority.MEDIUM, 9, "shop", "john"),
    ("Write the opening speech", Status.TODO, Priority.LOW, -1, "shop", "jane"),
    ("Print the flyers", Status.IN_PROGRESS, Priority.CRITICAL, 3, "paper", "admin"),
    ("Call the electrician", Status.IN_PROGRESS, Priority.HIGH, None, "shop", "john"),
    ("Water the tomatoes", Status.DONE, Priority.MEDIUM, None, "garden", "jane"),
    ("Rent a van", Status.DONE, Priority.LOW, -3, "shop", "admin"),
    ("Order a second greenhouse", Status.CANCELLED, Priority.MEDIUM, None, "garden", "john"),
]  # fmt: skip


def a_garden_shop() -> Project:
    """Create a project with members and tasks, of the users of the demo data."""
    project: Project = ProjectFactory(name="Launch of the garden shop")
    users = {name: User.objects.get(email=f"{name}@example.com") for name in ("admin", "jane", "john")}
    for user, role in zip(users.values(), ProjectRole, strict=True):
        ProjectMemberFactory(project=project, user=user, role=role)
    for place, (title, status, priority, days, label, name) in enumerate(TASKS):
        due = timezone.now() + timedelta(days=days) if days else None
        TaskFactory(
            title=title, project=project, status=status, priority=priority, due_date=due, labels=[label],
            assigned_to=users[name], created_by=users["admin"], rank=f"{place + 1:02}V",
            description="The catalogue is in the office." if not place else "",
        )  # fmt: skip
    return project


def a_reviewed_meeting(project: Project, **fields: Any) -> Meeting:
    """Create a meeting whose transcript, summary and action items show every state that they have."""
    admin = User.objects.get(email="admin@example.com")
    meeting: Meeting = TranscribedMeetingFactory(
        title="Planning of the spring", owner=admin, project=project, participants=[str(admin.pk)], **fields
    )
    speakers = [
        SpeakerFactory(meeting=meeting, place=place, name=name) for place, name in enumerate(("Jane Smith", "", ""))
    ]
    lines = [
        SegmentFactory(meeting=meeting, speaker_id=speakers[place % 3].pk, start_ms=place * 2000) for place in range(30)
    ]
    evidence = {"meeting": meeting, "segment_ids": [str(lines[0].pk)]}
    SummaryFactory(meeting=meeting, overview=[{"text": "It was about seeds.", "segment_ids": [str(lines[1].pk)]}])
    ActionItemFactory(text="order the seeds", **evidence)
    ActionItemFactory(text="call the supplier", owner_name="jane", **evidence)
    ActionItemFactory(text="buy a lake", status=ActionItemStatus.REJECTED, **evidence)
    task = Task.objects.get(project=project, title="Print the flyers")
    ActionItemFactory(text="print the flyers", status=ActionItemStatus.ACCEPTED, task_id=task.pk, **evidence)
    return meeting

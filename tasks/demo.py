"""Demo data: a few tasks of the demo users."""

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from tasks.models import Priority, Status
from tasks.services import create_task, update_task
from users import demo
from users.models import User


def load(tell: Callable[[str], object]) -> bool:
    """Create the tasks. The demo users were just created, so they have none."""
    administrator = User.objects.get(email=demo.ADMINISTRATOR)
    john, jane = (User.objects.get(email=email) for _, _, email in demo.PEOPLE)
    now = timezone.now()
    create_task(
        john,
        {
            "title": "Write the release notes", "description": "What changed, and for whom.", "labels": ["docs"],
            "priority": Priority.HIGH, "due_date": now + timedelta(days=2), "assigned_to": str(jane.pk),
        },
    )  # fmt: skip
    create_task(jane, {"title": "Book a room for the retrospective", "due_date": now - timedelta(days=1)})
    begun = create_task(administrator, {"title": "Rotate the signing keys", "labels": ["security", "keys"]})
    update_task(administrator, str(begun.pk), {"status": Status.IN_PROGRESS})
    done = create_task(administrator, {"title": "Invite the team", "assigned_to": str(john.pk)})
    update_task(john, str(done.pk), {"status": Status.DONE})
    return True

"""Demo data: a few tasks of the demo users."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random
from typing import Any

from django.utils import timezone

from core.demo_data import Growth, phrases
from projects.models import ProjectMember, Role
from projects.models import Status as ProjectStatus
from tasks.models import OPEN_STATUSES, Priority, Status, Task
from tasks.services import create_task, update_task
from users import demo
from users.models import User


def load(report: Callable[[str], object]) -> bool:
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


_VERBS = phrases("""
    Check | Order | Draw | Review | Replace | Measure | Document | Test | Plan | Approve | Label | Install |
    Repair | Clean up
""")
_THINGS = phrases("""
    the motor list | the cable schedule | the emergency lights | cabinet A1 | the release notes | the offer
    of the supplier | the terminal plan | the fuse ratings | the sensor in bay 4 | the acceptance protocol |
    the heat pump | the access badges | the training for the night shift | the spare parts | the fire doors
    | the server room | the data sheet of relay K7 | the invoice of March | the drawing of the gallery | the
    pump controller
""")
_LABELS = phrases("""
    electrical | safety | docs | purchase | on-site | urgent | design | customer
""")
_STATUSES = (Status.TODO, Status.IN_PROGRESS, Status.DONE, Status.CANCELLED)
_STEP = 500


def add_tasks(chance: Random, count: int) -> Iterator[int]:
    """Add tasks of the last ninety days, most of them in projects, between their members."""
    people = demo.some_people(chance, 500)
    members: dict[Any, list[Any]] = {}
    writers = ProjectMember.objects.filter(role__gte=Role.EDITOR, project__status=ProjectStatus.ACTIVE)
    for project_id, user_id in writers.order_by("project", "id").values_list("project", "user")[:20_000]:
        members.setdefault(project_id, []).append(user_id)
    projects = list(members)
    for begun in range(0, count, _STEP):
        size = min(_STEP, count - begun)
        Task.objects.bulk_create(_task(chance, people, projects, members) for _ in range(size))
        yield begun + size


def _task(chance: Random, people: list[User], projects: list[Any], members: dict[Any, list[Any]]) -> Task:
    project_id = chance.choice(projects) if projects and chance.random() < 0.85 else None
    team = members[project_id] if project_id else [user.pk for user in chance.sample(people, min(2, len(people)))]
    now = timezone.now()
    created_at = now - timedelta(minutes=chance.randint(1, 90 * 24 * 60))
    status = chance.choices(_STATUSES, (40, 20, 36, 4))[0]
    return Task(
        title=_title(chance), status=status, priority=chance.choices(Priority.values, (20, 50, 22, 8))[0],
        labels=chance.sample(_LABELS, chance.randint(0, 2)), project_id=project_id, created_by_id=chance.choice(team),
        assigned_to_id=chance.choice((None, *team)), created_at=created_at,
        due_date=chance.choice((None, created_at + timedelta(days=chance.randint(2, 120)))),
        completed_at=created_at + (now - created_at) * chance.random() if status == Status.DONE else None,
    )  # fmt: skip


def _title(chance: Random) -> str:
    return f"{chance.choice(_VERBS)} {chance.choice(_THINGS)}"


def change_a_task(chance: Random) -> None:
    """Let the creator of a recent open task move it on, give it to a member of its project, or set its priority."""
    recent = Task.objects.filter(status__in=OPEN_STATUSES, created_by__isnull=False).order_by("-created_at")
    task = chance.choice(list(recent.select_related("created_by")[:200]) or [Task()])
    if task.created_by is None:
        return
    way = chance.choice(("status", "status", "assignee", "priority"))
    fields: dict[str, Any] = {"priority": chance.choice(Priority.values)}
    if way == "status":
        fields = {"status": Status.IN_PROGRESS if task.status == Status.TODO else Status.DONE}
    elif way == "assignee":
        team = ProjectMember.objects.filter(project=task.project_id).values_list("user", flat=True)
        fields = {"assigned_to": str(chance.choice([task.created_by_id, *team[:20]]))}
    update_task(task.created_by, str(task.pk), fields)


def create_a_task(chance: Random) -> None:
    """Let an editor of a project add a task to it."""
    writers = ProjectMember.objects.filter(role__gte=Role.EDITOR, project__status=ProjectStatus.ACTIVE)
    member = chance.choice(list(writers.select_related("user").order_by("-id")[:200]) or [None])
    if member is not None:
        create_task(member.user, {"title": _title(chance), "project_id": str(member.project_id)})


GROWTH = {"tasks": Growth("tasks of these users, in their projects", add_tasks)}
STEPS = [change_a_task, change_a_task, change_a_task, create_a_task]

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.core.management import CommandError, call_command

from core.models import Job
from drawings.models import Document
from meetings.models import Meeting
from projects.models import Project, ProjectMember, Role
from tasks.models import Status, Task
from users.models import Role as UserRole
from users.models import User


def demo(*options: str) -> str:
    out = StringIO()
    call_command("demo", *options, stdout=out)
    return out.getvalue()


def test_demo_creates_an_administrator_and_two_users_once(db: None) -> None:
    received = demo()
    administrator = User.objects.get(email="admin@example.com")
    password = received.partition("password ")[2].split()[0]
    assert check_password(password, administrator.password)
    assert (administrator.roles, administrator.is_superuser, administrator.number) == ([UserRole.ADMIN], True, None)
    people = [(user.display_name, user.email) for user in User.objects.exclude(number=None).order_by("number")]
    assert people == [("John Doe", "john@example.com"), ("Jane Smith", "jane@example.com")]
    assert "password" not in demo()
    assert User.objects.count() == 3
    assert Job.objects.count() == 0, "nobody is mailed"


def test_demo_does_not_restore_deleted_users(db: None) -> None:
    demo()
    User.objects.get(email="jane@example.com").delete()
    assert demo() == ""
    assert not User.objects.filter(email="jane@example.com").exists()


def test_demo_keeps_changed_users(db: None) -> None:
    demo()
    User.objects.filter(email="john@example.com").update(display_name="Johnny")
    demo()
    assert User.objects.get(email="john@example.com").display_name == "Johnny"


def test_the_users_have_tasks(db: None) -> None:
    demo()
    john, jane = User.objects.get(email="john@example.com"), User.objects.get(email="jane@example.com")
    assert [Task.objects.visible_to(user).count() for user in (john, jane)] == [2, 2]
    assert set(Task.objects.values_list("status", flat=True)) == {Status.TODO, Status.IN_PROGRESS, Status.DONE}
    Task.objects.all().delete()
    assert demo() == ""
    assert not Task.objects.exists()


def test_more_of_everything(db: None, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    amounts = {"users": 12, "projects": 3, "tasks": 40, "meetings": 2, "drawings": 4, "live": 1}
    options = [f"--{name}={amount}" for name, amount in amounts.items()]
    assert "40 tasks added." in demo(*options)
    assert (User.objects.count(), Project.objects.count(), Task.objects.count() >= 44) == (15, 4, True)
    assert (Meeting.objects.count(), Document.objects.count()) == (2, 4)
    assert ProjectMember.objects.filter(role=Role.EDITOR).exists()
    # The next time there are other addresses and numbers.
    demo(*options)
    assert (User.objects.count(), Project.objects.count(), Document.objects.count()) == (27, 7, 8)
    for row in (*User.objects.all(), *Task.objects.all(), *Project.objects.all()):
        row.full_clean()


@pytest.mark.parametrize("amount", ["-1", "many", "10000001"])
def test_amount_that_is_none(amount: str) -> None:
    with pytest.raises(CommandError, match="Give a number up to 10,000,000, not"):
        demo(f"--tasks={amount}")

from io import StringIO

from django.contrib.auth.hashers import check_password
from django.core.management import call_command

from core.models import Job
from tasks.models import Status, Task
from users.models import Role, User


def demo() -> str:
    out = StringIO()
    call_command("demo", stdout=out)
    return out.getvalue()


def test_demo_creates_an_administrator_and_two_users_once(db: None) -> None:
    received = demo()
    administrator = User.objects.get(email="admin@example.com")
    password = received.partition("password ")[2].split()[0]
    assert check_password(password, administrator.password)
    assert (administrator.roles, administrator.is_superuser, administrator.number) == ([Role.ADMIN], True, None)
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

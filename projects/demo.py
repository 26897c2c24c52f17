"""Demo data: a project of the demo users."""

from collections.abc import Callable

from projects.models import Role
from projects.services import add_member, create_project
from users import demo
from users.models import User

NAME = "Hall 3, lighting"


def load(tell: Callable[[str], object]) -> bool:
    """Create the project. The demo users were just created, so they have none."""
    administrator = User.objects.get(email=demo.ADMINISTRATOR)
    john, jane = (User.objects.get(email=email) for _, _, email in demo.PEOPLE)
    fields = {"number": "2030-17", "name": NAME, "client": "Example Works", "description": "Ground floor and gallery."}
    project, _ = create_project(john, fields)
    add_member(john, str(project.pk), str(jane.pk), Role.EDITOR)
    add_member(john, str(project.pk), str(administrator.pk), Role.VIEWER)
    return True

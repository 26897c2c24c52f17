"""Demo data: a project of the demo users."""

from collections.abc import Callable, Iterator
from random import Random

from core.demo_data import Growth, phrases
from projects.models import Project, ProjectMember, Role
from projects.services import add_member, create_project
from users import demo
from users.models import User

NAME = "Hall 3, lighting"


def load(report: Callable[[str], object]) -> bool:
    """Create the project. The demo users were just created, so they have none."""
    administrator = User.objects.get(email=demo.ADMINISTRATOR)
    john, jane = (User.objects.get(email=email) for _, _, email in demo.PEOPLE)
    fields = {"number": "2030-17", "name": NAME, "client": "Example Works", "description": "Ground floor and gallery."}
    project, _ = create_project(john, fields)
    add_member(john, str(project.pk), str(jane.pk), Role.EDITOR)
    add_member(john, str(project.pk), str(administrator.pk), Role.VIEWER)
    return True


_PLACES = phrases("""
    Hall 1 | Hall 2 | Hall 3 | North wing | South wing | Warehouse | Main building | Laboratory | Pump
    station | Workshop | Car park | Assembly line | Boiler house | Control room | Substation
""")
_WORKS = phrases("""
    lighting | ventilation | power supply | fire alarm | access control | heating | automation |
    refurbishment | safety
""")
_CLIENTS = ("Example Works", "Northside Hospital", "City of Oakfield", "Riverside Foods", "Harbour Logistics")


def add_projects(chance: Random, count: int) -> Iterator[int]:
    """Add projects, each with a manager and up to eleven other members."""
    known = Project.objects.count()
    for number in range(1, count + 1):
        manager, *others = demo.some_people(chance, chance.randint(3, 12))
        name = f"{chance.choice(_PLACES)}, {chance.choice(_WORKS)} {known + number}"
        fields = {"number": f"{2000 + known + number}-{number % 90 + 10}", "name": name}
        project, _ = create_project(manager, {**fields, "client": chance.choice(_CLIENTS)})
        ProjectMember.objects.bulk_create(
            ProjectMember(
                project=project, user=user, added_by_id=manager.pk, role=chance.choice((Role.EDITOR, Role.VIEWER))
            )
            for user in others
        )
        yield number


GROWTH = {"projects": Growth("projects with members", add_projects)}

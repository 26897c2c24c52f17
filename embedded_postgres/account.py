"""The user of the operating system that PostgreSQL runs as, and that user's access to its files.

PostgreSQL refuses to run as root. Root therefore starts it as the owner of the cluster, or for a new cluster as
`postgres` if the machine has that user, else as `nobody`. Root's umask or home may deny that user access to folders:
`open_way` gives the folders above a target the search bit (x, which allows passing but not listing) and nothing more,
and `open_for_reading` makes the wheel's files readable.
"""

import contextlib
import logging
import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedded_postgres.errors import EmbeddedDatabaseError

logger = logging.getLogger(__name__)

_ROOT = 0
#: The users that run PostgreSQL for root: the first that the machine has.
_NAMES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the operating system."""

    uid: int
    gid: int
    name: str

    def run(self, *command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a program of PostgreSQL as this user, without the caller's environment (`PGPORT` and the like)."""
        user: dict[str, Any] = {}
        if os.geteuid() == _ROOT:
            user = {"user": self.uid, "group": self.gid, "extra_groups": []}
        return subprocess.run(  # noqa: S603 - the wheel's programs, without a shell
            command,
            cwd=cwd,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **user,
        )

    def own(self, folder: Path) -> None:
        """Create `folder` if it is missing, and make it accessible only to this user, its owner.

        Raises:
            EmbeddedDatabaseError: another user owns it, or it is not a folder.
        """
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise EmbeddedDatabaseError(f"{folder} is not a folder: remove it, or set TANDEM_DATA_DIR.")
        if found.st_uid == _ROOT and os.geteuid() == _ROOT:
            os.chown(folder, self.uid, self.gid)
        elif found.st_uid != self.uid:
            raise EmbeddedDatabaseError(
                f"{folder} belongs to the user {_name_of(found.st_uid)}: run Tandem as that user (or as root, if root "
                f"created it for {' or '.join(_NAMES)}), remove it, or set TANDEM_DATA_DIR to your own folder."
            )
        folder.chmod(0o700)

    def open_way(self, target: Path) -> None:
        """Give every folder above `target` the search bit where this user lacks it, and log a warning."""
        opened = []
        for folder in reversed(target.parents):
            found = folder.stat()
            bit = self._search_bit(found)
            if not found.st_mode & bit:
                _add_bits(folder, found, bit, self)
                opened.append(str(folder))
        if opened:
            logger.warning(
                "PostgreSQL runs as the user %s: to reach %s, the search bit (x) was set on %s.",
                self.name,
                target,
                ", ".join(opened),
            )

    def open_for_reading(self, tree: Path) -> None:
        """Make all files under `tree` readable, and executable if they are for their owner."""
        for path in (tree, *tree.rglob("*")):
            found = path.lstat()
            if stat.S_ISLNK(found.st_mode):
                continue
            bits = 0o444 | (0o111 if found.st_mode & 0o100 else 0)
            if found.st_mode & bits != bits:
                _add_bits(path, found, bits, self)

    def _search_bit(self, found: os.stat_result) -> int:
        if found.st_uid == self.uid:
            return stat.S_IXUSR
        return stat.S_IXGRP if found.st_gid == self.gid else stat.S_IXOTH


def server_account(cluster: Path) -> Account:
    """Return the user that runs the PostgreSQL whose files are (or will be) in `cluster`."""
    if os.geteuid() != _ROOT:
        return Account(os.geteuid(), os.getegid(), _name_of(os.geteuid()))
    owner = cluster.stat().st_uid if cluster.exists() else _ROOT
    for name in _NAMES if owner == _ROOT else (_name_of(owner),):
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return Account(found.pw_uid, found.pw_gid, found.pw_name)
    raise EmbeddedDatabaseError(
        "PostgreSQL does not run as root, and this machine has no user to run it as (the owner of its files, "
        f"{' or '.join(_NAMES)}): start Tandem as an ordinary user, or set DATABASE_URL."
    )


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _add_bits(path: Path, found: os.stat_result, bits: int, account: Account) -> None:
    try:
        path.chmod(stat.S_IMODE(found.st_mode) | bits)
    except OSError as exc:
        raise EmbeddedDatabaseError(
            f"PostgreSQL runs as the user {account.name}, who cannot enter {path}: start Tandem as an ordinary "
            f"user, move it to a folder that all users may enter, or set DATABASE_URL."
        ) from exc

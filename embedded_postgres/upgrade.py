"""Upgrade of the embedded cluster to another major version of PostgreSQL.

The data are dumped and restored into a new cluster, which then takes the place of the
old one. `pg_upgrade` would be faster with many gigabytes, but it keeps the old cluster's locale and indexes, needs the
programs of both versions to be built alike, and leaves neither cluster usable if it is interrupted while it links.
"""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from embedded_postgres import binaries
from embedded_postgres.cluster import NAME, USER, Cluster
from embedded_postgres.errors import EmbeddedDatabaseError

_PATIENCE_SECONDS = 5


def upgrade(data_dir: Path, report: Callable[[str], None]) -> Path | None:
    """Upgrade the cluster to the newest installed version. Nothing has changed if the upgrade fails or is interrupted.

    Args:
        report: receives lines of progress.

    Returns:
        The folder of the old cluster, which is kept; None if the cluster is of the newest version, or does not exist.

    Raises:
        EmbeddedDatabaseError: the cluster is in use, the programs of its version are missing, or a step fails.
    """
    cluster = Cluster((data_dir / "postgres").resolve())
    if not cluster.data.exists() or cluster.version >= binaries.newest():
        return None
    old_version, new_version = cluster.version, binaries.newest()
    with _alone(cluster):
        made = Cluster(cluster.folder / "upgrade")
        _remove(made.folder, cluster.upgraded)
        try:
            cluster.account.own(made.folder)
            _transfer(cluster, made, report)
            made.data.rename(cluster.upgraded)
            report(f"Putting the cluster of PostgreSQL {new_version} in place.")
            kept = _free_name(cluster.folder / f"data-{old_version}")
            cluster.data.rename(kept)
            # The next start completes an upgrade that is killed here.
            cluster.upgraded.rename(cluster.data)
        finally:
            for one in (cluster, made):
                one.stop()
            _remove(made.folder)
            if cluster.data.exists():
                _remove(cluster.upgraded)
    return kept


def _transfer(old: Cluster, new: Cluster, report: Callable[[str], None]) -> None:
    version = binaries.newest()
    dump = new.folder / "dump"
    report(f"Dumping the database of PostgreSQL {old.version}.")
    server = old.bring_up(durable=True)
    place = [f"--host={server.socket_folder}", f"--port={server.port}", f"--username={USER}"]
    # By its own version's program: a newer one may write options of columns that only the old version accepts.
    old.run("pg_dump", "--format=custom", f"--file={dump}", *place, NAME)
    old.stop()
    report(f"Restoring it into PostgreSQL {version}.")
    server = new.bring_up(durable=True)
    place = [f"--host={server.socket_folder}", f"--port={server.port}", f"--username={USER}"]
    new.run("pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", *place, f"--dbname={NAME}", dump)
    new.run("vacuumdb", "--analyze-only", "--quiet", *place, NAME)
    new.stop()


@contextlib.contextmanager
def _alone(cluster: Cluster) -> Iterator[None]:
    """Keep every other process away from the cluster, and refuse if one uses it."""
    users = os.open(cluster.folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with cluster.exclusively(until=time.monotonic() + _PATIENCE_SECONDS):
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise EmbeddedDatabaseError(
                    f"The embedded PostgreSQL of {cluster.folder} is in use: stop runweb, rungrpc, runworker and other "
                    "commands, and try again."
                ) from None
            yield
    finally:
        os.close(users)


def _free_name(path: Path) -> Path:
    number = 1
    found = path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}.{number}")
    return found


def _remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)

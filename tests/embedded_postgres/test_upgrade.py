"""Upgrade of the embedded cluster to the newest installed version of PostgreSQL."""

import logging
import os
from pathlib import Path

import pytest

from embedded_postgres import binaries, lifecycle
from embedded_postgres.cluster import USER, Cluster
from embedded_postgres.errors import EmbeddedDatabaseError
from embedded_postgres.upgrade import upgrade
from tests.support.embedded_cluster import USER_PROGRAM, ClusterUser, cluster_of, query

DEBIAN = Path("/usr/lib/postgresql/15/bin")


def make_cluster(data_dir: Path, programs: Path) -> Cluster:
    cluster = cluster_of(data_dir)
    cluster.make_folder()
    if os.geteuid() == 0:
        cluster.account.open_way(cluster.folder)
    options = ["--encoding=UTF8", "--locale=C", f"--username={USER}", "--auth=trust", "--no-sync"]
    made = cluster.account.run(programs / "initdb", "-D", cluster.data, *options, cwd=cluster.folder)
    assert made.returncode == 0, made.stderr
    return cluster


def check_upgrade(data_dir: Path, old_version: int, caplog: pytest.LogCaptureFixture) -> None:
    """Write a row with the old version, upgrade, and read it with the new one."""
    lines: list[str] = []
    with ClusterUser(data_dir) as user:
        query(user.server(), "CREATE TABLE kept AS SELECT 'Zoë'::text AS name")
        with pytest.raises(EmbeddedDatabaseError, match="is in use: stop runweb"):
            upgrade(data_dir, lines.append)
    with caplog.at_level(logging.WARNING):
        kept = upgrade(data_dir, lines.append)
    assert f"created by PostgreSQL {old_version}, and version {binaries.newest()} is installed" in caplog.text
    assert kept == cluster_of(data_dir).folder / f"data-{old_version}"
    assert (kept / "PG_VERSION").read_text() == f"{old_version}\n"
    assert [line.split()[0] for line in lines] == ["Dumping", "Restoring", "Putting"]
    server = lifecycle.ensure_running(data_dir, durable=False)
    assert query(server, "SELECT name, current_setting('server_version_num')::int / 10000 FROM kept") == (
        "Zoë",
        binaries.newest(),
    )
    assert upgrade(data_dir, lines.append) is None


class TestUpgrade:
    def test_data_of_the_older_bundled_version_are_kept(self, new_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
        oldest, programs = next(iter(binaries.programs().items()))
        cluster = make_cluster(new_dir, programs)
        check_upgrade(new_dir, oldest, caplog)
        lifecycle.release(new_dir)
        # Killed between the last two steps.
        cluster.data.rename(cluster.upgraded)
        server = lifecycle.ensure_running(new_dir, durable=False)
        assert query(server, "SELECT name FROM kept") == ("Zoë",)

    @pytest.mark.tools(str(DEBIAN / "initdb"))
    def test_data_of_a_version_that_is_not_bundled(
        self, new_dir: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_cluster(new_dir, DEBIAN)
        with pytest.raises(EmbeddedDatabaseError, match=r"run manage\.py upgrade_database --programs FOLDER"):
            upgrade(new_dir, lambda line: None)
        with pytest.raises(EmbeddedDatabaseError, match="has no postgres: name the folder of PostgreSQL's programs"):
            binaries.add(new_dir)
        add = f"from pathlib import Path; from embedded_postgres import binaries; binaries.add(Path({str(DEBIAN)!r}))"
        monkeypatch.setattr("tests.support.embedded_cluster.USER_PROGRAM", f"{add}\n{USER_PROGRAM}")
        binaries.add(DEBIAN)
        try:
            check_upgrade(new_dir, 15, caplog)
        finally:
            binaries.programs().pop(15)

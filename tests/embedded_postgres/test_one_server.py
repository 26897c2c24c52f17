"""One embedded server for all processes that use a data folder, and where the folder may be."""

import os
import socket
import stat
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from embedded_postgres import lifecycle
from embedded_postgres.errors import EmbeddedDatabaseError
from tests.support.embedded_cluster import ClusterUser, only_root, postmaster_pid, query


class TestOneServer:
    def test_server_starts_with_its_first_process_and_stops_with_its_last(self, new_dir: Path) -> None:
        with ClusterUser(new_dir) as first:
            server = first.server()
            with ClusterUser(new_dir) as second:
                assert second.server() == server
                first.leave()
                assert query(server, "SELECT 1") == (1,)
        assert postmaster_pid(new_dir) is None
        assert not (new_dir / "postgres/data/postmaster.pid").exists()

    def test_server_uses_utf8_and_sorts_by_code_point(self, data_dir: Path) -> None:
        server = lifecycle.ensure_running(data_dir, durable=False)
        assert query(server, "SELECT current_setting('server_encoding'), upper('äé'), 'Z' < 'a'") == (
            "UTF8",
            "ÄÉ",
            True,
        )

    def test_other_users_cannot_connect(self, data_dir: Path) -> None:
        server = lifecycle.ensure_running(data_dir, durable=False)
        assert query(server, "SHOW listen_addresses") == ("",)
        for folder in (data_dir / "postgres", data_dir / "postgres/data", Path(server["HOST"])):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        pid = postmaster_pid(data_dir)
        assert not [connection for connection in psutil.Process(pid).net_connections("inet") if connection.laddr]

    def test_data_survives_a_stop(self, data_dir: Path) -> None:
        query(lifecycle.ensure_running(data_dir), "CREATE TABLE kept_over_a_stop AS SELECT 42 AS answer")
        lifecycle.release(data_dir)
        assert postmaster_pid(data_dir) is None
        assert query(lifecycle.ensure_running(data_dir), "SELECT answer FROM kept_over_a_stop") == (42,)

    @pytest.mark.parametrize(("durable", "fsync"), [(True, "on"), (False, "off")])
    def test_only_tests_disable_fsync(self, data_dir: Path, durable: bool, fsync: str) -> None:
        server = lifecycle.ensure_running(data_dir, durable=durable)
        assert query(server, "SHOW fsync") == (fsync,)

    def test_processes_that_start_it_at_once_share_one_server(self, new_dir: Path) -> None:
        users = [ClusterUser(new_dir) for _ in range(6)]
        try:
            servers = [user.server() for user in users]
            assert servers == [servers[0]] * 6
            assert query(servers[0], "SELECT 1") == (1,)
        finally:
            for user in users:
                user.leave()
        assert postmaster_pid(new_dir) is None

    def test_threads_of_one_process_share_one_server(self, data_dir: Path) -> None:
        servers: list[dict[str, Any]] = []
        threads = [
            threading.Thread(target=lambda: servers.append(lifecycle.ensure_running(data_dir, durable=False)))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert servers == [servers[0]] * 6

    def test_forked_child_does_not_stop_the_server_of_its_parent(self, data_dir: Path) -> None:
        server = lifecycle.ensure_running(data_dir, durable=False)
        child = os.fork()
        if child == 0:  # It joins and leaves; what goes wrong must not run the rest of the test twice.
            try:
                lifecycle.ensure_running(data_dir, durable=False)
                lifecycle.release(data_dir)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert query(server, "SELECT 1") == (1,)
        with ClusterUser(data_dir) as other:
            other.server()
        assert query(server, "SELECT 1") == (1,), "the parent's lock is gone: another process took itself for the last"


class TestPlaces:
    def test_path_too_long_for_a_socket(self, server_folder: Path) -> None:
        data_dir = server_folder / ("long" * 25)
        with ClusterUser(data_dir) as user:
            server = user.server()
            folder = Path(server["HOST"])
            assert not folder.is_relative_to(server_folder)
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert query(server, "SELECT 1") == (1,)
        assert not folder.exists()

    def test_path_with_spaces_and_quotes(self, server_folder: Path) -> None:
        data_dir = server_folder / "it's, a päth"
        assert query(lifecycle.ensure_running(data_dir, durable=False), "SELECT 1") == (1,)
        lifecycle.release(data_dir)

    def test_file_in_place_of_the_folder_is_named_in_the_error(self, new_dir: Path) -> None:
        new_dir.mkdir()
        (new_dir / "postgres").touch()
        with pytest.raises(EmbeddedDatabaseError, match=r"cannot be used: .*postgres"):
            lifecycle.ensure_running(new_dir)
        (new_dir / "postgres").unlink()

    def test_cluster_of_another_version_is_not_touched(self, new_dir: Path) -> None:
        (new_dir / "postgres/data").mkdir(parents=True)
        (new_dir / "postgres/data/PG_VERSION").write_text("11\n")
        with pytest.raises(EmbeddedDatabaseError, match="was created by PostgreSQL 11, and the installed wheel has"):
            lifecycle.ensure_running(new_dir)

    def test_server_of_another_container_is_detected(self, data_dir: Path) -> None:
        lifecycle.ensure_running(data_dir, durable=False)
        lifecycle.release(data_dir)
        # What a container shows of its server: a socket that answers, and no process.
        with socket.socket(socket.AF_UNIX) as hidden:
            path = data_dir / "postgres/run/.s.PGSQL.5432"
            hidden.bind(str(path))
            hidden.listen()
            with pytest.raises(EmbeddedDatabaseError, match="not visible from here"):
                lifecycle.ensure_running(data_dir)
            path.unlink()

    @only_root
    def test_root_opens_parent_folders_for_traversal_only(self, server_folder: Path) -> None:
        closed = server_folder / "closed"
        closed.mkdir(mode=0o700)
        data_dir = closed / "var"
        server = lifecycle.ensure_running(data_dir, durable=False)
        pid = postmaster_pid(data_dir)
        assert psutil.Process(pid).uids().effective not in (0, None)
        assert stat.S_IMODE(closed.stat().st_mode) == 0o701
        assert query(server, "SELECT 1") == (1,)
        lifecycle.release(data_dir)

    @only_root
    def test_root_runs_a_cluster_as_its_owner(self, new_dir: Path) -> None:
        (new_dir / "postgres").mkdir(parents=True)
        os.chown(new_dir / "postgres", 65534, 65534)
        lifecycle.ensure_running(new_dir, durable=False)
        assert psutil.Process(postmaster_pid(new_dir)).uids().effective == 65534

    @only_root
    def test_error_names_the_owner_of_a_foreign_folder(self, server_folder: Path) -> None:
        server_folder.chmod(0o755)
        (server_folder / "postgres").mkdir()
        os.seteuid(65534)
        try:
            with pytest.raises(EmbeddedDatabaseError, match=r"belongs to the user root: run Tandem as that user"):
                lifecycle.ensure_running(server_folder)
        finally:
            os.seteuid(0)

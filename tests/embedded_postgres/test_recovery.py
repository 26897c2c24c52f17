"""The embedded server after kill -9 and other signals."""

import contextlib
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import psutil
import psycopg2
import pytest

from embedded_postgres import lifecycle
from embedded_postgres.errors import EmbeddedDatabaseError
from tests.support.embedded_cluster import (
    ClusterUser,
    cluster_of,
    is_alive,
    kill,
    kill_server,
    never_ready,
    postmaster_pid,
    query,
)
from tests.support.servers import until


class TestAfterKill:
    def test_orphaned_server_is_used_and_stopped_by_the_next_process(self, data_dir: Path) -> None:
        users = [ClusterUser(data_dir), ClusterUser(data_dir)]
        for user in users:
            user.server()
        for user in users:
            user.kill()
        left = postmaster_pid(data_dir)
        assert left
        with ClusterUser(data_dir) as next_user:
            next_user.server()
            assert postmaster_pid(data_dir) == left
        assert postmaster_pid(data_dir) is None

    def test_killed_server_is_restarted_by_a_process_that_used_it(self, data_dir: Path) -> None:
        query(lifecycle.ensure_running(data_dir), "CREATE TABLE kept_over_a_crash AS SELECT 42 AS answer")
        kill_server(data_dir)
        assert query(lifecycle.ensure_running(data_dir), "SELECT answer FROM kept_over_a_crash") == (42,)

    def test_remains_of_a_killed_server_do_not_prevent_the_start(self, data_dir: Path) -> None:
        user = ClusterUser(data_dir)
        server = user.server()
        busy = psycopg2.connect(host=server["HOST"], port=server["PORT"], user=server["USER"], dbname=server["NAME"])
        with busy.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            left = psutil.Process((cursor.fetchone() or (0,))[0])
        left.suspend()  # It cannot notice that its server died, and holds the memory of both.
        user.kill()
        kill(psutil.Process(postmaster_pid(data_dir)))
        busy.close()
        assert query(lifecycle.ensure_running(data_dir, durable=False), "SELECT 1") == (1,)
        assert not is_alive(left)

    def test_reused_process_id_does_not_prevent_the_start(self, data_dir: Path) -> None:
        lifecycle.ensure_running(data_dir, durable=False)
        pid_file = data_dir / "postgres/data/postmaster.pid"
        lines = pid_file.read_text().split("\n")
        kill_server(data_dir)
        pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
        assert query(lifecycle.ensure_running(data_dir, durable=False), "SELECT 1") == (1,)

    def test_kill_during_cluster_creation(self, new_dir: Path) -> None:
        user = ClusterUser(new_dir)
        until((new_dir / "postgres/data.unfinished/global").exists)
        for process in psutil.Process(user.process.pid).children(recursive=True):
            process.kill()
        user.kill()
        assert not (new_dir / "postgres/data").exists()
        assert query(lifecycle.ensure_running(new_dir, durable=False), "SELECT 1") == (1,)

    def test_kill_during_server_start(self, data_dir: Path) -> None:
        lifecycle.ensure_running(data_dir, durable=False)
        lifecycle.release(data_dir)
        user = ClusterUser(data_dir)
        until((data_dir / "postgres/data/postmaster.pid").exists)
        user.kill()
        assert query(lifecycle.ensure_running(data_dir, durable=False), "SELECT 1") == (1,)

    def test_removed_data_folder_is_created_again(self, new_dir: Path) -> None:
        lifecycle.ensure_running(new_dir, durable=False)
        kill_server(new_dir)
        shutil.rmtree(new_dir)
        server = lifecycle.ensure_running(new_dir, durable=False)
        with ClusterUser(new_dir) as other:
            other.server()
        assert query(server, "SELECT 1") == (1,), "this process's lock was on the removed file"


class TestSignals:
    """The server's first process gets a signal while sessions are open; the next process restores it."""

    @pytest.mark.parametrize("signum", ["SIGTERM", "SIGINT", "SIGQUIT", "SIGKILL", "SIGABRT", "SIGSTOP"])
    def test_next_process_restores_the_server(self, data_dir: Path, signum: str) -> None:
        server = lifecycle.ensure_running(data_dir, durable=False)
        query(server, "CREATE TABLE IF NOT EXISTS kept_over_signals AS SELECT 42 AS answer")
        with contextlib.closing(
            psycopg2.connect(host=server["HOST"], port=server["PORT"], user=server["USER"], dbname=server["NAME"])
        ) as idle:
            with idle.cursor() as cursor:
                cursor.execute("SELECT 1")
            os.kill(postmaster_pid(data_dir) or 0, getattr(signal, signum))
            until(lambda: not (found := cluster_of(data_dir).postmaster()) or not found.ready)
            began = time.monotonic()
            with ClusterUser(data_dir) as other:
                server = other.server()
                assert query(server, "SELECT answer FROM kept_over_signals") == (42,)
        assert query(lifecycle.ensure_running(data_dir, durable=False), "SELECT 1") == (1,)
        assert time.monotonic() - began < 15

    def test_suspended_server_is_stopped_by_its_last_process(self, data_dir: Path) -> None:
        with ClusterUser(data_dir) as user:
            user.server()
            os.kill(postmaster_pid(data_dir) or 0, signal.SIGSTOP)
            until(lambda: not (found := cluster_of(data_dir).postmaster()) or found.suspended)
        assert postmaster_pid(data_dir) is None

    def test_threads_that_wait_for_an_unready_server_wait_once(
        self, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(lifecycle, "PATIENCE_SECONDS", 1.5)
        failures: list[str] = []

        def need_it() -> None:
            try:
                lifecycle.ensure_running(data_dir, durable=False)
            except EmbeddedDatabaseError as exc:
                failures.append(str(exc))

        with never_ready(data_dir):
            threads = [threading.Thread(target=need_it) for _ in range(8)]
            began = time.monotonic()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert time.monotonic() - began < 3
        assert len(failures) == 8
        assert all("is not ready in time" in failure for failure in failures)

    def test_process_gives_up_waiting_for_another_one(self, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lifecycle, "PATIENCE_SECONDS", 0.5)
        with cluster_of(data_dir).exclusively(), pytest.raises(EmbeddedDatabaseError, match="Another process is"):
            lifecycle.ensure_running(data_dir, durable=False)

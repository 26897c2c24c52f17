"""The development server, started as a newcomer does, in a copy of the project: real processes, ports and signals."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from scripts.dev.environment import environment_of
from scripts.dev.options import ADMINISTRATOR, Options, StartError, parse
from tests.support.recordings import a_form
from tests.support.servers import ROOT, free_port, until

RECORDING = ROOT / "tests/speech/data/meeting.ogg"
#: Compiled modules are copied, without those of pytest: three processes at once would compile all of them.
NOT_COPIED = shutil.ignore_patterns(
    ".venv", ".git", "var", "node_modules", "htmlcov", ".*_cache", "*-pytest-*.pyc", ".env", ".coverage*"
)


@contextmanager
def copied_checkout() -> Iterator[Path]:
    """Yield a copy of the project that has nothing yet but the installed requirements.

    Not under pytest's `tmp_path`: each run of pytest closes the folder above all of those again.
    """
    with tempfile.TemporaryDirectory(prefix="tandem-test-") as folder:
        copy = Path(folder).resolve() / "checkout"
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
        yield copy


@pytest.fixture
def checkout() -> Iterator[Path]:
    with copied_checkout() as copy:
        (copy / ".venv").symlink_to(ROOT / ".venv")
        yield copy


@pytest.fixture(scope="module")
def served_checkout() -> Iterator[Path]:
    """One that several tests start, one after the other: only the first start makes the database, in ten seconds."""
    with copied_checkout() as copy:
        (copy / ".venv").symlink_to(ROOT / ".venv")
        yield copy


@pytest.fixture(scope="module")
def shared_checkout() -> Iterator[Path]:
    """One for tests that start nothing; without the requirements."""
    with copied_checkout() as copy:
        yield copy


def run_script(checkout: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the start script until it ends by itself."""
    command = [checkout / "scripts/start_grpc_dev.sh", *options]
    return subprocess.run(
        command, env=environment(**variables), capture_output=True, text=True, timeout=60, check=False
    )


def environment(**variables: str) -> dict[str, str]:
    # Not the environment of the tests, which configures the test run.
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **variables}


def servers_of(started: "Started") -> set[int]:
    """Return the processes of the servers, without the one that builds the documentation once."""
    return {process.pid for process in started.running("scripts.dev.tether", "manage.py")}


class Started:
    """A running start script."""

    def __init__(self, checkout: Path, *options: str) -> None:
        self.checkout = checkout
        self.http_port, self.grpc_port = free_port(), free_port()
        ports = ("--http-port", str(self.http_port), "--grpc-port", str(self.grpc_port))
        self.output = checkout.parent / f"output-{self.http_port}"
        with self.output.open("w") as file:
            self.process = subprocess.Popen(
                [checkout / "scripts/start_grpc_dev.sh", *ports, *options],
                env=environment(),
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def until_it_prints(self, text: str) -> None:
        until(lambda: text in self.output_text or self.process.poll() is not None, seconds=120)
        assert text in self.output_text, self.output_text

    @property
    def output_text(self) -> str:
        return self.output.read_text()

    def get(self, path: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def post(self, path: str, body: object) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=10)
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            return connection.getresponse().status
        finally:
            connection.close()

    def work_on_a_recording(self) -> None:
        """Upload a recording, and wait until a speech node works on it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=10)
        connection.request("POST", "/api/v1/meetings/upload", *a_form(RECORDING.read_bytes(), "meeting.ogg"))
        meeting = json.loads(connection.getresponse().read())["id"]
        connection.close()
        until(lambda: self.get(f"/api/v1/meetings/{meeting}")[1]["status"] == "processing")
        until(lambda: self.running("speechnode"))

    def processes(self) -> list[psutil.Process]:
        """Return all processes of the script, the database server included."""
        return [process for process in psutil.process_iter() if self._belongs(process)]

    def running(self, *words: str) -> list[psutil.Process]:
        """Return the processes with these words in their command."""
        found = []
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):  # It may end at any time.
                if set(words) <= set(process.cmdline()):
                    found.append(process)
        return found

    def _belongs(self, process: psutil.Process) -> bool:
        try:
            alive = process.status() != psutil.STATUS_ZOMBIE
            return alive and Path(process.cwd()).is_relative_to(self.checkout)
        except psutil.Error:
            return False

    def kill_all(self) -> None:
        """Kill all processes of the script."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):  # One that went may have taken it along.
                process.kill()
        self.process.wait(timeout=30)


@contextmanager
def starting(checkout: Path) -> Iterator[Callable[..., Started]]:
    """Yield a function that runs the start script; kill what it started."""
    started: list[Started] = []

    def start_one(*options: str) -> Started:
        started.append(Started(checkout, *options))
        return started[-1]

    yield start_one
    for one in started:
        one.kill_all()


@pytest.fixture
def start(checkout: Path) -> Iterator[Callable[..., Started]]:
    with starting(checkout) as start:
        yield start


@pytest.fixture
def start_again(served_checkout: Path) -> Iterator[Callable[..., Started]]:
    with starting(served_checkout) as start:
        yield start


@pytest.mark.real_server
class TestServing:
    def test_script_serves_both_transports_until_ctrl_c_and_leaves_no_process(
        self, start: Callable[..., Started], checkout: Path
    ) -> None:
        server = start()
        server.until_it_prints("Ctrl-C stops everything")
        assert re.search(rf"{re.escape(ADMINISTRATOR)}\W.*password \S+", server.output_text)
        status, page = server.get("/api/v1/users")
        assert status == 200
        assert {user["display_name"] for user in page["users"]} >= {"John Doe", "Jane Smith"}
        assert server.post("/api/v1/users", {"email": "ada@example.com"}) == 201
        server.until_it_prints("Subject: Confirm your e-mail address")
        (grpc_call,) = re.findall(r"\.venv/bin/python -c .*", server.output_text)
        answer = subprocess.run(
            grpc_call, shell=True, cwd=checkout, capture_output=True, text=True, check=True, timeout=30
        )
        assert "john@example.com" in answer.stdout
        assert f"grpcurl -plaintext 127.0.0.1:{server.grpc_port} " in server.output_text
        server.work_on_a_recording()

        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=30) == 0
        assert server.output_text.endswith("Everything is stopped.\n")
        assert server.processes() == []

    def test_reload_restarts_all_when_a_source_file_changes(
        self, start_again: Callable[..., Started], served_checkout: Path
    ) -> None:
        server = start_again("--reload")
        server.until_it_prints("Ctrl-C stops everything")
        before = servers_of(server)
        edited = served_checkout / "config/urls.py"
        with edited.open("a") as file:
            file.write("\nraise RuntimeError('half an edit')\n")
        try:
            server.until_it_prints("half an edit")
        finally:
            shutil.copy(ROOT / "config/urls.py", edited)
        server.until_it_prints("ready again")
        after = servers_of(server)
        assert len(before) == len(after) == 3
        assert not before & after
        assert server.get("/api/v1/users")[0] == 200

    def test_a_worker_that_is_killed_is_started_again_and_a_server_ends_the_others(
        self, start_again: Callable[..., Started]
    ) -> None:
        server = start_again()
        server.until_it_prints("Ctrl-C stops everything")
        for turn in range(2):
            (one,) = server.running("runworker")
            one.kill()
            until(partial(was_restarted, server, turn + 1))
            until(lambda: server.running("runworker"))
        (one,) = server.running("rungrpc")
        one.kill()
        assert server.process.wait(timeout=30) == 1
        assert "gRPC ended (exit code -9): it was killed." in server.output_text
        assert server.processes() == []

    def test_killed_it_takes_its_children_along_and_starts_again_with_its_data(
        self, start_again: Callable[..., Started]
    ) -> None:
        first = start_again()
        first.until_it_prints("Ctrl-C stops everything")
        first.work_on_a_recording()
        first.process.kill()
        first.process.wait()
        until(lambda: first.processes() == [])

        second = start_again()
        second.until_it_prints("Ctrl-C stops everything")
        second.kill_all()

        third = start_again()
        third.until_it_prints("Ctrl-C stops everything")
        assert third.get("/api/v1/users")[0] == 200
        assert "password" not in third.output_text, "the demo data was loaded twice"


def was_restarted(server: Started, count: int) -> bool:
    return server.output_text.count("was killed (signal 9); started again") == count


class TestRefusing:
    @pytest.fixture
    def checkout(self, shared_checkout: Path) -> Iterator[Path]:
        environment = shared_checkout / ".venv"
        environment.symlink_to(ROOT / ".venv")
        yield shared_checkout
        environment.unlink(missing_ok=True)
        shutil.rmtree(shared_checkout / "var", ignore_errors=True)

    @pytest.mark.parametrize(("option", "what"), [("--http-port", "HTTP"), ("--grpc-port", "gRPC")])
    def test_port_in_use_is_reported(self, checkout: Path, option: str, what: str) -> None:
        ports = {"--http-port": free_port(), "--grpc-port": free_port()}
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            ports[option] = other.getsockname()[1]
            done = run_script(checkout, *(str(part) for pair in ports.items() for part in pair))
        assert done.returncode == 1
        assert done.stderr.startswith(f"{what} cannot be served on port {ports[option]} of 127.0.0.1")
        assert done.stderr.count("\n") == 1
        assert not (checkout / "var/postgres").exists()

    def test_address_of_another_machine_is_reported(self, checkout: Path) -> None:
        done = run_script(checkout, "--host", "192.0.2.1")
        assert done.returncode == 1
        assert "of 192.0.2.1" in done.stderr
        assert done.stderr.count("\n") == 1

    def test_help_works_without_an_installation(self, checkout: Path) -> None:
        (checkout / ".venv").unlink()
        done = run_script(checkout, "--help")
        assert done.returncode == 0
        assert "--grpc-port" in done.stdout
        assert not (checkout / ".venv").exists()

    @pytest.mark.parametrize("system", ["msys", "cygwin"])
    def test_windows_without_wsl_is_rejected_with_a_message(self, checkout: Path, system: str) -> None:
        (checkout / ".venv").unlink()
        done = run_script(checkout, OSTYPE=system)
        assert done.returncode == 1
        assert done.stderr.startswith("Tandem does not run on Windows itself: install WSL")
        assert done.stderr.count("\n") == 1
        assert not (checkout / ".venv").exists()

    def test_too_old_python_is_reported(self, checkout: Path) -> None:
        (checkout / ".venv").unlink()
        old = checkout / "old-python"
        old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n')
        old.chmod(0o755)
        done = run_script(checkout, PYTHON=str(old))
        assert done.returncode == 1
        assert "Tandem needs Python 3.11 or newer" in done.stderr
        assert "Python 3.9.2" in done.stderr


class TestDevelopmentIdentity:
    @pytest.fixture(autouse=True)
    def plain_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in (
            "DEBUG",
            "DEV_AUTH_AS",
            "DEV_AUTH_PUBLISHED_ON_LOOPBACK",
            "SECRET_KEY",
            "ALLOWED_HOSTS",
            "TANDEM_HOST",
        ):
            monkeypatch.delenv(name, raising=False)

    def options(self, data_dir: Path, host: str) -> Options:
        return parse(["--data-dir", str(data_dir), "--host", host])

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
    def test_on_loopback_calls_without_credentials_act_as_the_administrator(self, tmp_path: Path, host: str) -> None:
        environment_found = environment_of(self.options(tmp_path, host))
        assert (environment_found["DEBUG"], environment_found["DEV_AUTH_AS"]) == ("true", ADMINISTRATOR)

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "tandem.example.com"])
    def test_development_identity_is_limited_to_loopback(self, tmp_path: Path, host: str) -> None:
        environment_found = environment_of(self.options(tmp_path, host))
        assert "DEV_AUTH_AS" not in environment_found
        assert "DEBUG" not in environment_found
        assert len(environment_found["SECRET_KEY"]) >= 50
        assert environment_of(self.options(tmp_path, host))["SECRET_KEY"] == environment_found["SECRET_KEY"]
        assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600

    def test_elsewhere_asking_for_it_is_refused(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DEV_AUTH_AS", ADMINISTRATOR)
        with pytest.raises(StartError, match=r"every client that reaches 0\.0\.0\.0"):
            environment_of(self.options(tmp_path, "0.0.0.0"))

    def test_a_container_whose_port_is_published_on_loopback_counts_as_loopback(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DEV_AUTH_PUBLISHED_ON_LOOPBACK", "true")
        assert environment_of(self.options(tmp_path, "0.0.0.0"))["DEV_AUTH_AS"] == ADMINISTRATOR

    def test_options_override_the_environment(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DEBUG", "false")
        assert "DEV_AUTH_AS" not in environment_of(self.options(tmp_path, "127.0.0.1"))


class TestOptions:
    def test_relative_data_folder_is_resolved_from_the_working_directory(self, tmp_path: Path) -> None:
        assert parse(["--data-dir", "data", "--called-from", str(tmp_path)]).data_dir == tmp_path / "data"

    def test_environment_provides_missing_options(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PORT", "8181")
        monkeypatch.setenv("GRPC_PORT", "50505")
        found = parse(["--grpc-port", "50506"])
        assert (found.http_port, found.grpc_port) == (8181, 50506)

    @pytest.mark.parametrize("port", ["0", "65536", "eighty", "-1", "８０"])
    def test_invalid_port_is_rejected(self, port: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            parse([f"--http-port={port}"])
        assert "is not a port" in capsys.readouterr().err

    def test_equal_ports_are_rejected(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            parse(["--http-port", "8000", "--grpc-port", "8000"])
        assert "cannot share port 8000" in capsys.readouterr().err

    def test_addresses_to_call(self) -> None:
        everywhere = Options("::", 8000, 50051, Path("var"), reload=False)
        assert (everywhere.http_address, everywhere.grpc_address) == ("[::1]:8000", "[::1]:50051")

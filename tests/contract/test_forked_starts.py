"""Starts by forks (`tests/support/fork_server.py`), which must be like whole ones."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from tests.support.embedded_cluster import is_alive
from tests.support.fork_server import Process, start, start_whole
from tests.support.servers import PATIENCE_SECONDS, ROOT, until

pytestmark = [
    pytest.mark.real_server,
    pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux only"),
]

VARIABLES = {
    **{name: value for name, value in os.environ.items() if name not in {"WHOLE_STARTS", "COVERAGE_PROCESS_CONFIG"}},
    "DJANGO_SETTINGS_MODULE": "tests.server_settings",
    "DATABASE_URL": "postgres://user@/none",
}
SLEEP = ["shell", "--no-imports", "-c", "import time; time.sleep(600)"]


def result_of(program: str, start: Callable[..., Process] = start, **variables: str) -> tuple[int, str, str]:
    """Return the exit code, the standard output and the standard error of a program in the shell of `manage.py`."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        command = ["shell", "--no-imports", "-c", program]
        code = start(command, VARIABLES | variables, stdout=stdout, stderr=stderr).wait(PATIENCE_SECONDS)
        return code, *(os.pread(file.fileno(), 1_000_000, 0).decode() for file in (stdout, stderr))


STATE = """
import gc, os, signal, sys, threading
import config.urls, config.rpc, meetings.views.audio
from django.conf import settings
for name in sorted(filter(str.isupper, dir(settings))):
    print(name, getattr(settings, name))
print(sorted((name, value) for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"))
print(os.getcwd(), sys.argv, sys.path[1:], gc.isenabled(), threading.active_count(), sys.getswitchinterval())
print([signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE)])
print(len(os.listdir("/proc/self/fd")))
"""


def test_settings_environment_and_process_are_those_of_a_whole_start() -> None:
    forked, whole = (result_of(STATE, way, HTTP_THREADS="3") for way in (start, start_whole))
    assert [re.sub("0x[0-9a-f]+", "", text) for text in forked[1:]] == [
        re.sub("0x[0-9a-f]+", "", text) for text in whole[1:]
    ]
    assert "HTTP_THREADS 3\n" in forked[1]


def test_each_environment_has_its_own_settings() -> None:
    program = "from django.conf import settings; print(settings.HTTP_THREADS)"
    results = [result_of(program, HTTP_THREADS=count) for count in ("3", "4", "3", "5", "6", "3")]
    assert results == [(0, f"{count}\n", "") for count in (3, 4, 3, 5, 6, 3)]


def test_lines_of_the_log_are_written_by_the_command() -> None:
    code, _, stderr = result_of("import config.urls", LOG_LEVEL="DEBUG")
    assert code == 0
    assert '"level": "DEBUG"' in stderr


def test_invalid_environment_is_reported_by_the_command() -> None:
    with tempfile.TemporaryFile() as stderr:
        assert start(["check"], VARIABLES | {"HTTP_THREADS": "many"}, stderr=stderr).wait(PATIENCE_SECONDS) == 1
        assert b"it is 'many'" in os.pread(stderr.fileno(), 1_000_000, 0)


def test_outputs_and_exit_code_are_those_of_the_command() -> None:
    program = "import atexit, sys; atexit.register(print, 'ended'); print('warning', file=sys.stderr); sys.exit(3)"
    assert result_of(program) == (3, "ended\n", "warning\n")


@pytest.mark.parametrize("way", [start, start_whole])
def test_process_is_stopped_by_signals(way: Callable[..., Process]) -> None:
    process = way(SLEEP, VARIABLES)
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.kill()
    assert process.wait(PATIENCE_SECONDS) == process.poll() == process.returncode == -signal.SIGKILL
    process.terminate()


PYTEST = f"""
import os, sys
from tests.support.fork_server import start
print(start({SLEEP}, {{**os.environ}}).pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["it ends", "it is killed"])
def test_all_processes_end_with_the_one_of_pytest(how: str) -> None:
    def run() -> subprocess.Popen[Any]:
        return subprocess.Popen(
            [sys.executable, "-c", PYTEST], cwd=ROOT, env=VARIABLES, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    with run() as pytest_process:
        assert pytest_process.stdin
        assert pytest_process.stdout
        pid = int(pytest_process.stdout.readline())
        started = psutil.Process(pytest_process.pid).children(recursive=True)
        assert len(started) == 3
        assert pid in {process.pid for process in started}
        if how == "it is killed":
            pytest_process.kill()
        pytest_process.stdin.close()
    until(lambda: not any(is_alive(process) for process in started), "they have ended")

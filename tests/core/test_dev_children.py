"""The processes of the development server: none outlives the sentence that everything is stopped."""

import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest

from scripts.dev.children import Child

# Starts a program in its own process group, which outlives this process, and writes its number to a file.
PROGRAM = """
import pathlib, signal, subprocess, sys, time
other = subprocess.Popen([sys.executable, "-c", {other!r}], process_group=0)
pathlib.Path({pid_file!r}).write_text(str(other.pid))
time.sleep(60)
"""
ENDS_LATER = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1)"
NEVER_ENDS = "import time; time.sleep(600)"


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def started(folder: Path, other: str) -> tuple[Child, int]:
    pid_file = folder / "pid"
    program = folder / "program.py"
    program.write_text(PROGRAM.format(other=other, pid_file=str(pid_file)))
    child = Child("program", str(program), environment=dict(os.environ))
    await child.start()
    while not (pid_file.exists() and pid_file.read_text()):
        await asyncio.sleep(0.01)
    return child, int(pid_file.read_text())


@pytest.mark.parametrize("other", [ENDS_LATER, NEVER_ENDS], ids=["ends later", "never ends"])
def test_stop_waits_until_what_the_child_started_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    monkeypatch.setattr("scripts.dev.children.GRACE_SECONDS", 3)

    async def stop() -> tuple[Child, int]:
        child, pid = await started(tmp_path, other)
        assert is_alive(pid)
        await child.stop()
        return child, pid

    child, pid = asyncio.run(stop())
    assert child.exit_code is not None
    assert not is_alive(pid)


def test_kill_ends_what_the_child_started_in_another_process_group(tmp_path: Path) -> None:
    async def kill() -> tuple[int | None, int]:
        child, pid = await started(tmp_path, NEVER_ENDS)
        child.kill()
        await child.stop()
        return child.exit_code, pid

    code, pid = asyncio.run(kill())
    assert code == -signal.SIGKILL
    assert not is_alive(pid)

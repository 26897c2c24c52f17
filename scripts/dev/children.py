"""The processes that the development server starts, each in its own session and ending with this process."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping

import psutil

from scripts.dev.options import ROOT
from scripts.dev.tether import GRACE_SECONDS


class Child:
    """A program that may be started again after it has ended.

    Attributes:
        name: of the program, for messages.
    """

    def __init__(self, name: str, *arguments: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self._command = [sys.executable, "-m", "scripts.dev.tether", *arguments]
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    @property
    def exit_code(self) -> int | None:
        """Exit code of the last run; None while it runs, or before it was started."""
        return self._process.returncode if self._process else None

    async def start(self) -> None:
        # In its own session, so that Ctrl-C reaches this process only, which then stops its children in order.
        self._process = await asyncio.create_subprocess_exec(
            *self._command, cwd=ROOT, env=self._environment, stdin=asyncio.subprocess.PIPE, start_new_session=True
        )

    async def ended(self) -> int:
        """Wait until it has ended. Returns its exit code."""
        return await self._process.wait() if self._process else 0

    async def stop(self) -> None:
        """Terminate the program, and wait until all processes of its session have ended.

        Processes that are left after the grace period are killed.
        """
        if self._process and self._process.returncode is None:
            self._process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._session_ended(), GRACE_SECONDS)
        self.kill()
        await self._session_ended()

    def kill(self) -> None:
        """Kill the program and everything it started, at once."""
        for pid in self._session():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def _session_ended(self) -> None:
        await self.ended()
        while self._session():
            await asyncio.sleep(0.02)

    def _session(self) -> list[int]:
        """List the live processes of the child's session.

        A child may start processes in other process groups, but not by accident in another session. While one of them
        lives, the kernel does not reuse the session's ID.
        """
        return [pid for pid in psutil.pids() if _is_in_session(pid, self._process.pid)] if self._process else []


def _is_in_session(pid: int, session: int) -> bool:
    try:
        return os.getsid(pid) == session and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (OSError, psutil.Error):
        return False

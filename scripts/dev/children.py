"""The processes that the development server starts, each in a session of its own and tethered to this process."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping

from scripts.dev.options import ROOT
from scripts.dev.tether import GRACE_SECONDS


class Child:
    """One program, which may be started again when it has ended.

    Attributes:
        name: for people.
    """

    def __init__(self, name: str, *arguments: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self._command = [sys.executable, "-m", "scripts.dev.tether", *arguments]
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    @property
    def exit_code(self) -> int | None:
        """Of its last run; None while it runs, or before it was started."""
        return self._process.returncode if self._process else None

    async def start(self) -> None:
        # A session of its own: Ctrl-C reaches this process only, which then ends its children in order.
        self._process = await asyncio.create_subprocess_exec(
            *self._command, cwd=ROOT, env=self._environment, stdin=asyncio.subprocess.PIPE, start_new_session=True
        )

    async def ended(self) -> int:
        """Waits until it has ended, and gives its exit code."""
        return await self._process.wait() if self._process else 0

    async def stop(self) -> None:
        """Asks it to end, waits, and ends whatever is left of it and of what it started."""
        if self._process and self._process.returncode is None:
            self._process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.ended(), GRACE_SECONDS)
        self.kill()
        await self.ended()

    def kill(self) -> None:
        """Ends it and what it started, at once."""
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

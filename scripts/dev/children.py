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
    """One program, running or not.

    Attributes:
        name: for people.
        process: of the last start.
    """

    process: asyncio.subprocess.Process

    def __init__(self, name: str, *arguments: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self._command = [sys.executable, "-m", "scripts.dev.tether", *arguments]
        self._environment = environment

    async def start(self) -> None:
        # A session of its own: Ctrl-C reaches this process only, which then ends its children in order.
        self.process = await asyncio.create_subprocess_exec(
            *self._command, cwd=ROOT, env=self._environment, stdin=asyncio.subprocess.PIPE, start_new_session=True
        )

    async def ended(self) -> int:
        """Waits until it has ended, and gives its exit code."""
        return await self.process.wait()

    async def stop(self) -> None:
        """Asks it to end, waits, and ends whatever is left of it and of what it started."""
        if self.process.returncode is None:
            self.process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), GRACE_SECONDS)
        self.kill()
        await self.process.wait()

    def kill(self) -> None:
        """Ends it and what it started, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

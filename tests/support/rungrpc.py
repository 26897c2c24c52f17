"""`manage.py rungrpc` as a process, for tests."""

import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest

from tandem.example.v1.example_pb2_grpc import ExampleServiceStub
from tests.support.setting_overrides import as_variables

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120
#: No server is there: these servers need no database unless a test provides one.
NO_DATABASE = "postgres://nobody@127.0.0.1:1/nothing"


class RunGrpc:
    """A running `manage.py rungrpc`.

    Args:
        arguments: of the command; the port is any free one unless they name another.
        environment: on top of the test's own.
    """

    def __init__(self, *arguments: str, **environment: str) -> None:
        variables = {
            "DJANGO_SETTINGS_MODULE": "tests.support.rungrpc_settings",
            "DATABASE_URL": NO_DATABASE,
            "DEV_AUTH_AS": "",
            "LOG_LEVEL": "INFO",
            "LOG_JSON": "true",
        }
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "rungrpc", "--port", "0", *arguments],
            cwd=ROOT,
            env=os.environ | as_variables(variables | environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        self.stdout = _Lines(self.process.stdout)
        self.stderr = _Lines(self.process.stderr)
        self._channels: list[grpc.Channel] = []

    def wait_until_it_serves(self) -> "RunGrpc":
        """Wait for the line with its address."""
        self.port = int(self.stdout.wait_for(r"^Serving gRPC on \S+:(\d+) ")[1])
        return self

    def channel(self, credentials: grpc.ChannelCredentials | None = None) -> grpc.Channel:
        """Return a new connection."""
        # Channels with equal options share a connection otherwise.
        options = [("grpc.use_local_subchannel_pool", 1)]
        if credentials:
            channel = grpc.secure_channel(f"localhost:{self.port}", credentials, options)
        else:
            channel = grpc.insecure_channel(f"127.0.0.1:{self.port}", options)
        self._channels.append(channel)
        return channel

    @property
    def example(self) -> ExampleServiceStub:
        """A client with a connection of its own."""
        return ExampleServiceStub(self.channel())

    def children(self) -> list[int]:
        """Return the ids of its processes that run, in the order of their start."""
        try:
            found = psutil.Process(self.process.pid).children()
            return [child.pid for child in found if child.status() != psutil.STATUS_ZOMBIE]
        except psutil.NoSuchProcess:
            return []

    def exit_code(self) -> int:
        """Wait for its end."""
        return self.process.wait(PATIENCE)

    def logged(self) -> list[dict[str, Any]]:
        """Return the lines of the log so far."""
        return [json.loads(line) for line in self.stderr.so_far() if line.startswith("{")]

    def close(self) -> None:
        for channel in self._channels:
            channel.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class _Lines:
    """The lines that a process writes."""

    def __init__(self, stream: Any) -> None:
        self._read: list[str] = []
        self._new: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._follow, args=(stream,), daemon=True).start()

    def wait_for(self, pattern: str, seconds: float = PATIENCE) -> re.Match[str]:
        """Wait for a line in which the pattern is found."""
        until = time.monotonic() + seconds
        while True:
            line = self._new.get(timeout=max(0.0, until - time.monotonic()))
            assert line is not None, f"ended without {pattern}: {self._read}"
            if found := re.search(pattern, line):
                return found

    def so_far(self) -> list[str]:
        return list(self._read)

    def all(self) -> str:
        """Wait for the end of the process, and return its whole output."""
        while self._new.get(timeout=PATIENCE) is not None:
            pass
        return "".join(f"{line}\n" for line in self._read)

    def _follow(self, stream: Any) -> None:
        for line in stream:
            self._read.append(line.rstrip("\n"))
            self._new.put(line.rstrip("\n"))
        self._new.put(None)


@pytest.fixture
def rungrpc() -> Iterator[Callable[..., RunGrpc]]:
    """Starts `manage.py rungrpc` and waits until it serves; ends it after the test."""
    started: list[RunGrpc] = []

    def start(*arguments: str, **environment: str) -> RunGrpc:
        started.append(RunGrpc(*arguments, **environment))
        return started[-1].wait_until_it_serves()

    yield start
    for server in started:
        server.close()

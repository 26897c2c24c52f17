"""`python -m speechnode` as a process, for tests."""

import json
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import grpc
import psutil
from grpc_health.v1.health_pb2_grpc import HealthStub

from tandem.speech.v1.speech_pb2 import AsrUp, AudioChunk, AudioUp
from tandem.speech.v1.speech_pb2_grpc import (
    AsrServiceStub,
    NodeInfoServiceStub,
    SpeakerServiceStub,
    SummaryServiceStub,
)
from tests.support.servers import ROOT

PATIENCE = 60


class SpeechNode:
    """A running node.

    Args:
        arguments: of the command; it listens on any free port unless they name another.
    """

    def __init__(self, *arguments: str) -> None:
        where = [] if "--listen" in arguments else ["--listen", "127.0.0.1:0"]
        metrics = [] if "--metrics-port" in arguments else ["--metrics-port", "0"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "speechnode", "--log", "json", *where, *metrics, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.stderr: list[str] = []
        self._readers = [
            threading.Thread(target=self._follow, args=(self.process.stdout, self._lines.put), daemon=True),
            threading.Thread(target=self._follow, args=(self.process.stderr, self.stderr.append), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        self._channels: list[grpc.Channel] = []

    def wait_until_it_serves(self) -> "SpeechNode":
        """Wait for the line with its address."""
        line = self._lines.get(timeout=PATIENCE)
        found = re.fullmatch(r"Serving speech\.v1 on (\S+)", line)
        assert found, f"{line!r} {self.stderr}"
        self.address = found[1]
        return self

    def channel(self) -> grpc.Channel:
        """Return a new connection."""
        # Channels with equal options share a connection otherwise.
        channel = grpc.insecure_channel(self.address, [("grpc.use_local_subchannel_pool", 1)])
        self._channels.append(channel)
        return channel

    @property
    def info(self) -> NodeInfoServiceStub:
        return NodeInfoServiceStub(self.channel())

    @property
    def asr(self) -> AsrServiceStub:
        return AsrServiceStub(self.channel())

    @property
    def speakers(self) -> SpeakerServiceStub:
        return SpeakerServiceStub(self.channel())

    @property
    def summaries(self) -> SummaryServiceStub:
        return SummaryServiceStub(self.channel())

    @property
    def health(self) -> HealthStub:
        return HealthStub(self.channel())

    def engine_processes(self) -> list[psutil.Process]:
        """Return the processes that recognise speech."""
        found = []
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):  # It has ended by now.
                if "spawn_main" in " ".join(child.cmdline()):
                    found.append(child)
        return found

    def exit_code(self) -> int:
        """Wait for its end."""
        return self.process.wait(PATIENCE)

    def logged(self) -> list[dict[str, Any]]:
        """Return the lines of the log; all of them, if the node has ended."""
        if self.process.poll() is not None:
            self._readers[1].join(PATIENCE)
        return [json.loads(line) for line in self.stderr if line.startswith("{")]

    def close(self) -> None:
        for channel in self._channels:
            channel.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    @staticmethod
    def _follow(stream: Any, take: Callable[[str], None]) -> None:
        for line in stream:
            take(line.rstrip("\n"))


def sent(start: Any, audio: bytes, size: int = 65536) -> Iterator[Any]:
    """Yield the messages that carry audio: AsrUp or AudioUp, by the type of `start`."""
    up = AsrUp if type(start).__name__ == "AsrStart" else AudioUp
    yield up(start=start)
    for seq, begin in enumerate(range(0, len(audio), size)):
        yield up(audio=AudioChunk(seq=seq, data=audio[begin : begin + size]))


class Talk:
    """Requests that a test sends one by one."""

    _END = object()

    def __init__(self, *messages: Any) -> None:
        self._messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for message in messages:
            self.say(message)

    def say(self, message: Any) -> None:
        self._messages.put(message)

    def end(self) -> None:
        self._messages.put(self._END)

    def __iter__(self) -> "Talk":
        return self

    def __next__(self) -> Any:
        if (message := self._messages.get()) is self._END:
            raise StopIteration
        return message


def seconds_of(work: Callable[[], Any]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def ended(pid: int) -> bool:
    """Return whether a process has ended, even if its parent has not collected it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True

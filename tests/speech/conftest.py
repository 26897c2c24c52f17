"""Fixtures for the speech node: real processes, real sound."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from speechnode.engines.decode import Decoder
from tests.support.speech_node import SpeechNode

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def node() -> Iterator[SpeechNode]:
    """A node with all engines, for tests that leave it as it is."""
    node = SpeechNode("--max-streams", "4")
    try:
        yield node.wait_until_it_serves()
    finally:
        node.close()


@pytest.fixture
def start_node() -> Iterator[Callable[..., SpeechNode]]:
    """Starts a node of the test's own and waits until it serves."""
    started: list[SpeechNode] = []

    def start(*arguments: str) -> SpeechNode:
        started.append(SpeechNode(*arguments))
        return started[-1].wait_until_it_serves()

    yield start
    for node in started:
        node.close()


@pytest.fixture(scope="session")
def meeting_file() -> bytes:
    """A conversation of 34 s between two voices; see data/README.md."""
    return (DATA / "meeting.ogg").read_bytes()


@pytest.fixture(scope="session")
def meeting_pcm() -> bytes:
    """The same as samples."""
    with (DATA / "meeting.ogg").open("rb") as file:
        return b"".join(Decoder(file))


@pytest.fixture(scope="session")
def meeting_lines() -> list[dict[str, Any]]:
    """Its utterances: voice, text, start_ms, end_ms."""
    lines: list[dict[str, Any]] = json.loads((DATA / "meeting.json").read_text())["lines"]
    return lines

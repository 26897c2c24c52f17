"""Results that several processes keep in a real Redis, which is killed and suspended."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from config import environment
from core import cached_results
from core.cached_results import cached_result
from tests.support.redis_server import TOOLS, RedisServer
from tests.support.servers import ROOT

pytestmark = pytest.mark.tools(*TOOLS)

#: Another process of the installation. It prints the result it was given, and whether it had to make it.
OTHER_PROCESS = """
import json, os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.server_settings"
django.setup()
from core.cached_results import cached_result
made = []
result = cached_result("test", ("hash", 1), lambda: made.append(1) or b"made by the other")
print(json.dumps([result.decode(), len(made)]))
"""


@pytest.fixture
def redis_server(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    monkeypatch.setattr(cached_results, "ask_at", 0.0)
    with RedisServer() as server:
        settings.CACHES = {"default": environment.cache("REDIS_URL", server.url)}
        yield server


def get(*arguments: object, made: bytes) -> bytes:
    return cached_result("test", arguments, lambda: made)


def test_one_process_finds_what_another_has_made(redis_server: RedisServer) -> None:
    assert get("hash", 1, made=b"made here") == b"made here"
    done = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS],
        cwd=ROOT, env={**os.environ, "REDIS_URL": redis_server.url},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert json.loads(done.stdout) == ["made here", 0]


def test_server_that_is_killed_and_returns(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached_results, "AWAY_SECONDS", 0.05)
    assert get("hash", made=b"first") == b"first"
    redis_server.kill()
    assert [get("hash", made=made) for made in (b"second", b"third")] == [b"second", b"third"]
    redis_server.start()  # It has forgotten all.
    time.sleep(0.05)
    assert [get("hash", made=made) for made in (b"fourth", b"fifth")] == [b"fourth", b"fourth"]


def test_server_that_does_not_answer_delays_one_call(redis_server: RedisServer) -> None:
    with redis_server.suspended():
        began = time.monotonic()
        assert [get("hash", made=b"%d" % number) for number in range(20)] == [b"%d" % number for number in range(20)]
        # The first call waits for the time limit of a second; twenty would wait for 20 s.
        assert time.monotonic() - began < 10

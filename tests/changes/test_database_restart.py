"""A process that serves streams goes on by itself when its database is stopped, or killed, and comes back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT

pytestmark = pytest.mark.real_server

#: In a process of its own, with an embedded server of its own that nobody else uses.
SCRIPT = """
import os, signal, sys, time
from pathlib import Path

import django

django.setup()

from django.core.management import call_command
from django.db import Error, connection

from changes import feed
from changes.feed.view import View
from changes.feed.watching import open_watch
from changes.messages import change_message
from tests.factories import AdministratorFactory, UserFactory

PATIENCE_SECONDS = 30


def until(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def writes():
    try:
        UserFactory()
    except Error:
        connection.close()
        return False
    return True


call_command("migrate", verbosity=0)
root = AdministratorFactory()
feed.start()
until(lambda: feed.live.known_head is not None)
watch = open_watch(feed.live, View("test", change_message, ("user",)), root)
watch.start(lambda: None)
told = []
for number in (None, signal.SIGINT, signal.SIGKILL):
    if number is not None:
        (file,) = Path(sys.argv[1]).glob("**/postmaster.pid")
        first = int(file.read_text().split()[0])
        os.kill(first, number)
        if number == signal.SIGINT:  # It ends in its own time.
            until(lambda: not file.exists() or int(file.read_text().split()[0]) != first)
    until(writes)
    before = len(told)
    until(lambda: told.extend(watch.take(10)) or len(told) > before)
feed.stop()
print([event.payload.message.subject_version for event in told])
"""


def test_streams_go_on_after_a_restart(tmp_path: Path) -> None:
    variables = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "true", "DATABASE_URL": "",
        "TANDEM_DATA_DIR": str(tmp_path), "LOG_LEVEL": "CRITICAL",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("[1, 1, 1]\n", 0), done.stderr

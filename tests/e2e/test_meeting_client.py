"""`scripts/try_meeting.py`, as people run it. What it shows of a whole recording is in test_offline.py."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from meetings.models import Meeting, Status
from tests.support.factories import MeetingFactory
from tests.support.recordings import a_recording
from tests.support.servers import ROOT, Servers, until
from tests.test_grpc_client import host_and_port

SCRIPT = [sys.executable, ROOT / "scripts/try_meeting.py"]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SCRIPT, *map(str, arguments)], capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )


def test_help_and_wrong_arguments() -> None:
    assert "--participant EMAIL" in run("--help").stdout
    for arguments, output in (
        ((), "Name a recording, for example samples/planning.ogg"),
        (("x.ogg", "--watch"), "is watched anyway"),
        (("x.ogg", "--email", "ann@example.com"), "--email and --password go together"),
    ):
        done = run(*arguments)
        assert (done.returncode, output in done.stderr, "Traceback" in done.stderr) == (2, True, False)


def test_missing_file_and_missing_server_are_reported(tmp_path: Path) -> None:
    for arguments, output in (
        ((tmp_path / "none.ogg",), "There is no file"),
        (("--watch", "--port", "1"), "No gRPC server answers at localhost:1; start one"),
    ):
        done = run(*arguments)
        assert (done.returncode, output in done.stderr, "Traceback" in done.stderr) == (1, True, False)


@pytest.mark.real_server
@pytest.mark.django_db(transaction=True)
class TestServed:
    def test_a_file_that_is_refused_leaves_no_meeting(self, servers: Servers, tmp_path: Path) -> None:
        file = tmp_path / "notes.wav"
        file.write_text("These are notes. " * 100)
        done = run(file, *host_and_port(servers.grpc_address))
        assert (done.returncode, "The file is not a recording" in done.stderr) == (1, True)
        assert not Meeting.objects.exists()

    def test_interrupted_while_it_sends_it_leaves_no_meeting(self, servers: Servers, tmp_path: Path) -> None:
        file = tmp_path / "long.wav"
        with file.open("wb") as long:
            long.write(a_recording(seconds=1))
            long.truncate(3_000_000_000)
        options = [str(option) for option in host_and_port(servers.grpc_address)]
        sending = subprocess.Popen(
            [*SCRIPT, file, *options], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        try:
            opened = psutil.Process(sending.pid).open_files
            until(lambda: any(one.path == str(file) for one in opened()), "it reads the file for its meeting")
            assert Meeting.objects.exists()
            sending.send_signal(signal.SIGINT)
            _, output = sending.communicate(timeout=30)
        finally:
            sending.kill()
        assert (sending.returncode, "nothing of the recording was stored" in output) == (130, True)
        assert not Meeting.objects.exists()

    def test_meeting_without_recording_cannot_be_watched(self, servers: Servers) -> None:
        port = host_and_port(servers.grpc_address)
        assert "There is no meeting yet" in run("--watch", *port).stderr
        meeting = MeetingFactory(title="Later")
        assert "“Later” has no recording yet" in run("--watch", meeting.pk, *port).stderr

    def test_failed_meeting_shows_its_reason(self, servers: Servers) -> None:
        meeting = MeetingFactory(status=Status.FAILED, failure_reason="There is no sound in it.", recording="x")
        done = run("--watch", meeting.pk, *host_and_port(servers.grpc_address))
        assert (done.returncode, "There is no sound in it." in done.stderr) == (1, True)

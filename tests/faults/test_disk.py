"""A full disk under the database and the files, while others watch and write."""

import http.client
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tandem.task.v1.task_pb2 import CreateTaskRequest
from tests.faults.conftest import SEED, seconds_left
from tests.support.faults.calling import NotDoneError, TaskClient
from tests.support.faults.load import Load
from tests.support.faults.product import PATIENCE_SECONDS, Database, Installation
from tests.support.servers import answers_grpc, answers_http, until
from tests.support.tools import MOUNT

pytestmark = [pytest.mark.faults, pytest.mark.tools(MOUNT)]

DISK_BYTES = 256 * 2**20
#: The product's reserve, of which half has to be free for it to be ready.
RESERVE_BYTES = 16 * 2**20


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small file system."""
    with tempfile.TemporaryDirectory(prefix="tandem-disk.", ignore_cleanup_errors=True) as place:
        options = f"size={DISK_BYTES},mode=0711"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tandem-tests", place], check=True)
        try:
            yield Path(place)
        finally:
            subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def installation(disk: Path, tmp_path: Path) -> Iterator[Installation]:
    assert seconds_left() > 0
    database = Database(disk, DISK_RESERVE_BYTES=str(RESERVE_BYTES))
    installation = Installation(database, tmp_path)
    try:
        yield installation.start()
    finally:
        installation.close()
        database.close()


def fill(file: Path) -> None:
    """Write zeros until the disk is full."""
    with file.open("wb", buffering=0) as target, suppress(OSError):
        for size in (2**20, 2**10, 1):
            with suppress(OSError):
                while target.write(bytes(size)):
                    pass


def uploaded(installation: Installation) -> tuple[int, bytes]:
    """Upload a document, and return the status and the body of the answer."""
    connection = http.client.HTTPConnection(urlsplit(installation.http_url).netloc, timeout=PATIENCE_SECONDS)
    body = (
        b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nWeekly\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.ogg"\r\n'
        b"Content-Type: audio/ogg\r\n\r\nOggS\r\n"
        b"--b--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    connection.request("POST", "/api/v1/meetings/upload", body, headers)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_disk_that_is_full_for_a_while(installation: Installation, disk: Path, report: Callable[[str], None]) -> None:
    client = TaskClient(installation.http_url, installation.grpc_address)
    failures: dict[str, int] = {}
    with Load(installation, SEED) as load:
        until(lambda: load.written > 10, "the load has begun", PATIENCE_SECONDS)
        fill(disk / "large")
        assert not answers_http(f"{installation.http_url}/health/ready")
        assert answers_http(f"{installation.http_url}/health/live")
        assert answers_grpc(installation.grpc_address)
        report(f"an upload: {uploaded(installation)}")

        def has_failed() -> bool:
            for call in (client.over_http, client.over_grpc):
                try:
                    call("CreateTask", CreateTaskRequest(title=f"Large {time.monotonic()}", description="d" * 9_000))
                except NotDoneError as exc:
                    failures[f"{call.__name__} {exc}"] = failures.get(f"{call.__name__} {exc}", 0) + 1
            return len(failures) > 1

        until(has_failed, "writes fail over both transports", PATIENCE_SECONDS)
        report(f"writes: {failures}")
        (disk / "large").unlink()
        written = load.written
        until(lambda: load.written > written + 20, "it is written to again", PATIENCE_SECONDS)
        until(lambda: answers_http(f"{installation.http_url}/health/ready"), "it is ready")
        log, faults = load.judged()
    client.channel.close()
    report(load.summary(log, faults))
    assert set(failures) == {"over_http UNAVAILABLE", "over_grpc UNAVAILABLE"}
    assert faults == []

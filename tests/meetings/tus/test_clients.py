"""The clients that people use for resumable uploads, unchanged and as they are documented: tus-js-client and Uppy."""

import json
import subprocess
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from meetings.models import Meeting, Status, Upload
from tests.support.proxy import Proxy
from tests.support.recordings import a_recording, stored
from tests.support.rest_transport import RestTransport
from tests.support.servers import Servers, until
from tests.support.shared_servers import db as db
from tests.support.tools import NPM_PROGRAMS
from tests.support.tus import TusClient
from users.models import User

CLIENTS = Path(__file__).parent / "clients"
PACKAGES = [str(NPM_PROGRAMS.parent / name / "package.json") for name in ("tus-js-client", "@uppy/core", "@uppy/tus")]
CONTENT = a_recording(seconds=30)

pytestmark = [pytest.mark.real_server, pytest.mark.tools("node", *PACKAGES)]


class Clients:
    """Runs the clients against one server, for one user, with one file."""

    def __init__(self, server: str, bearer: str, folder: Path) -> None:
        self.endpoint = f"{server}/api/v1/uploads/"
        self._bearer = bearer
        self._file = folder / "talk.wav"
        self._file.write_bytes(CONTENT)
        self._store = folder / "urls.json"
        self.tus = TusClient(server, Authorization=bearer)

    def tus_js(self, scenario: str, *, keeps_urls: bool = False) -> dict[str, Any]:
        return self._run("tus_js.mjs", scenario, *[str(self._store)] * keeps_urls)

    def uppy(self, scenario: str) -> dict[str, Any]:
        return self._run("uppy.mjs", scenario)

    def _run(self, program: str, scenario: str, *more: str) -> dict[str, Any]:
        arguments = [scenario, self.endpoint, self._bearer, str(self._file), *more]
        done = subprocess.run(
            ["node", CLIENTS / program, *arguments], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        happened: dict[str, Any] = json.loads(done.stdout)
        return happened


@pytest.fixture
def clients(serving: Servers, owner: User, tmp_path: Path) -> Clients:
    return Clients(serving.http_url, RestTransport().bearer(owner), tmp_path)


def whole(happened: dict[str, Any], *, count: int = 1) -> list[str]:
    """Return the requests that were made, after this many recordings are complete and queued."""
    assert happened.get("done") in (True, count), happened
    kept = [path for path in stored() if path.parent.name == "recordings"]
    assert [path.read_bytes() for path in kept] == [CONTENT] * count
    assert list(Meeting.objects.values_list("status", flat=True)) == [Status.QUEUED] * count
    assert not Upload.objects.filter(ended_at=None).exists()
    requests: list[str] = happened["requests"]
    return requests


def forget_all() -> None:
    Meeting.objects.all().delete()
    for path in stored():
        path.unlink()


def test_tus_js_client_sends_and_resumes(clients: Clients) -> None:
    pieces = -(-len(CONTENT) // 65_536)
    for scenario, expected in {
        "upload": ["POST 201", "PATCH 204"],
        "pieces": ["POST 201", *["PATCH 204"] * pieces],
        "with_creation": ["POST 201"],
        "with_creation_in_pieces": ["POST 201", *["PATCH 204"] * (pieces - 1)],
    }.items():
        assert whole(clients.tus_js(scenario)) == expected, scenario
        forget_all()


def test_tus_js_client_sends_a_live_recording_of_unknown_length(clients: Clients) -> None:
    for scenario in ("deferred", "deferred_with_creation"):
        first, *pieces = whole(clients.tus_js(scenario))
        assert (first, set(pieces)) == ("POST 201", {"PATCH 204"}), scenario
        assert len(pieces) > 10
        forget_all()


def test_tus_js_client_pauses_stops_and_resumes(clients: Clients) -> None:
    assert "HEAD 200" in whole(clients.tus_js("pause"))
    forget_all()
    stopped = clients.tus_js("stop", keeps_urls=True)
    assert clients.tus.head(urlsplit(stopped["url"]).path).offset > 0
    assert whole(clients.tus_js("resume", keeps_urls=True)) == ["HEAD 200", "PATCH 204"]


def test_tus_js_client_terminates(clients: Clients) -> None:
    terminated = clients.tus_js("terminate")
    assert terminated["requests"][-1] == "DELETE 204", terminated
    assert clients.tus.head(urlsplit(terminated["url"]).path).status == 404
    assert stored() == []


def test_tus_js_client_learns_that_concatenation_is_not_offered(clients: Clients) -> None:
    happened = clients.tus_js("parallel")
    assert "does not support the concatenation of uploads" in happened["error"], happened
    assert not Upload.objects.exists()


@pytest.mark.parametrize("client", ["tus_js", "uppy"])
def test_client_resumes_after_repeated_cuts(serving: Servers, owner: User, tmp_path: Path, client: str) -> None:
    proxy = Proxy(urlsplit(serving.http_url).netloc)
    ended = threading.Event()

    def cut() -> None:
        for sixth in range(1, 4):
            until(lambda at=sixth: has_come(at) or ended.is_set(), "some of it has come")  # type: ignore[misc]
            proxy.cut()

    cutting = threading.Thread(target=cut)
    try:
        clients = Clients(f"http://{proxy.address}", RestTransport().bearer(owner), tmp_path)
        cutting.start()
        happened = clients.tus_js("pieces") if client == "tus_js" else clients.uppy("pieces")
    finally:
        ended.set()
        cutting.join()
        cuts = proxy.cuts
        proxy.close()
    assert "HEAD 200" in whole(happened)
    assert cuts > 0


def has_come(sixths: int) -> bool:
    return any(path.stat().st_size >= sixths * len(CONTENT) // 6 for path in stored())


def test_uppy_sends_several_files_pauses_and_resumes(clients: Clients) -> None:
    assert whole(clients.uppy("upload")) == ["POST 201", "PATCH 204"]
    forget_all()
    assert "HEAD 200" in whole(clients.uppy("pause"))
    forget_all()
    assert whole(clients.uppy("several"), count=3).count("POST 201") == 3


def test_uppy_cancels(clients: Clients) -> None:
    happened = clients.uppy("cancel")
    assert "DELETE 204" in happened["requests"], happened
    assert (stored(), Upload.objects.exists()) == ([], False)

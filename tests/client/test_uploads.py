"""Uploads by both clients: through cuts, a restart of the web process, and refusals."""

import asyncio
import hashlib
import random
import secrets
import signal
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tandem.client import AsyncClient, Client, Invalid, TandemError, Unauthenticated, Unavailable
from tandem.drawing.v1.drawing_pb2 import ListDocumentsRequest
from tandem.meeting.v1.meeting_pb2 import (
    MEETING_STATUS_QUEUED,
    CreateMeetingRequest,
    DownloadRecordingRequest,
    ListMeetingsRequest,
    RecordingMetadata,
)
from tandem.project.v1.project_pb2 import CreateProjectRequest
from tests.client.conftest import NewClient
from tests.support.client_server import Server
from tests.support.drawings import a_pdf
from tests.support.proxy import Proxy

pytestmark = [pytest.mark.real_server, pytest.mark.django_db]


@pytest.fixture
def client(server: Server, web: Server, new_client: NewClient) -> Iterator[Client]:
    with new_client(server.address, http=f"http://{web.address}") as client:
        yield client


@pytest.fixture
def proxy(web: Server) -> Iterator[Proxy]:
    """Between the client and the web process."""
    proxy = Proxy(web.address)
    yield proxy
    proxy.close()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Three megabytes of noise."""
    path = tmp_path / "talk.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(random.Random(4).randbytes(3_000_000))
    return path


def stored(client: Client, meeting_id: str) -> str:
    """Return the SHA-256 of a meeting's recording."""
    parts = client.meetings.DownloadRecording(DownloadRecordingRequest(meeting_id=meeting_id))
    return hashlib.sha256(b"".join(part.chunk for part in parts)).hexdigest()


def test_recording_is_uploaded_through_cuts(
    server: Server,
    proxy: Proxy,
    recording: Path,
    new_client: NewClient,
) -> None:
    size, chance = recording.stat().st_size, random.Random(7)
    seen: list[int] = []

    def on_progress(done: int, total: int) -> None:
        assert total == size
        seen.append(done)
        if proxy.cuts < 4:
            proxy.cut_after_sent(chance.randrange(1_000, 300_000))

    metadata = RecordingMetadata(title="Planning", language="en", vocabulary=["Ada, Lovelace", "Kubernetes"])
    with new_client(server.address, http=f"http://{proxy.address}") as client:
        proxy.cut_after_sent(200_000)
        meeting = client.upload_recording(recording, metadata, on_progress=on_progress)
        assert proxy.cuts >= 4
        assert (meeting.title, meeting.status) == ("Planning", MEETING_STATUS_QUEUED)
        assert list(meeting.vocabulary) == ["Ada, Lovelace", "Kubernetes"]
        assert stored(client, meeting.id) == hashlib.sha256(recording.read_bytes()).hexdigest()
    assert seen == sorted(set(seen))
    assert seen[-1] == size


def test_upload_outlives_a_restart_of_the_web_process(
    web: Server,
    client: Client,
    recording: Path,
) -> None:
    restarts = []

    def on_progress(done: int, total: int) -> None:
        if not restarts:
            web.end(signal.SIGTERM)
            web.start()
            restarts.append(done)

    meeting_id = client.meetings.CreateMeeting(CreateMeetingRequest(title="There")).meeting.id
    meeting = client.upload_recording(recording, RecordingMetadata(meeting_id=meeting_id), on_progress=on_progress)
    assert (meeting.id, meeting.title) == (meeting_id, "There")
    assert 0 < restarts[0] < recording.stat().st_size
    assert stored(client, meeting_id) == hashlib.sha256(recording.read_bytes()).hexdigest()


def test_document_is_uploaded_through_a_cut(
    server: Server,
    proxy: Proxy,
    tmp_path: Path,
    new_client: NewClient,
) -> None:
    path = tmp_path / "floor.pdf"
    path.write_bytes(a_pdf(["K12"]) + b"%" + secrets.token_hex(200_000).encode())
    with new_client(server.address, http=f"http://{proxy.address}") as client:
        project_id = client.projects.CreateProject(CreateProjectRequest(name=secrets.token_hex(4))).project.id
        proxy.cut_after_sent(100_000)
        document = client.upload_document(project_id, path, title="Ground floor", revision="B")
        assert proxy.cuts == 1
        assert (document.title, document.revision) == ("Ground floor", "B")
        assert client.upload_document(project_id, path).id == document.id
        found = client.drawings.ListDocuments(ListDocumentsRequest(project_id=project_id)).documents
        assert [one.id for one in found] == [document.id]


def test_upload_over_grpc_fails_when_it_is_cut(
    server: Server,
    recording: Path,
    new_client: NewClient,
) -> None:
    wire = Proxy(server.address)
    with new_client(server.address) as client, new_client(wire.address) as behind:
        meetings = client.meetings.ListMeetings(ListMeetingsRequest()).pagination.total_count
        wire.cut_after_sent(1_000_000)
        with pytest.raises(Unavailable):
            behind.upload_recording(recording)
        assert wire.cuts == 1
        assert client.meetings.ListMeetings(ListMeetingsRequest()).pagination.total_count == meetings
        seen: list[tuple[int, int]] = []
        meeting = behind.upload_recording(recording, on_progress=lambda *counts: seen.append(counts))
        assert meeting.title == "talk.wav"
    assert seen[-1] == (recording.stat().st_size,) * 2
    wire.close()


def test_refusals_are_equal_over_both_transports(
    web: Server,
    server: Server,
    recording: Path,
    new_client: NewClient,
) -> None:
    def refusal(**arguments: Any) -> tuple[Any, ...]:
        with new_client(server.address, **arguments) as client, pytest.raises(TandemError) as caught:
            client.upload_recording(recording, RecordingMetadata(language="not a language", participants=["nobody"]))
        error = caught.value
        assert error.request_id
        return type(error), error.message, error.code, error.fields

    by_http, by_grpc = refusal(http=f"http://{web.address}"), refusal()
    assert by_http == by_grpc
    assert by_http[0] is Invalid
    assert {field.field for field in by_http[3]} == {"language", "participants.0"}
    assert refusal(http=f"http://{web.address}", token="forged")[0] is refusal(token="forged")[0] is Unauthenticated


def test_missing_file_is_an_error(client: Client, server: Server, tmp_path: Path, new_client: NewClient) -> None:
    with new_client(server.address) as over_grpc:
        for one in (client, over_grpc):
            with pytest.raises(FileNotFoundError):
                one.upload_recording(tmp_path / "none.wav")


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://localhost", "https://"])
def test_address_of_another_kind_is_refused(url: str, recording: Path) -> None:
    with Client("127.0.0.1:1", http=url) as client, pytest.raises(ValueError, match="is not the address of a server"):
        client.upload_recording(recording)


def test_cancelled_upload_ends(server: Server, proxy: Proxy, recording: Path) -> None:
    async def cancel() -> None:
        begun = asyncio.Event()
        async with AsyncClient(server.address, http=f"http://{proxy.address}") as client:

            def on_progress(done: int, total: int) -> None:
                # The answer of the next piece does not arrive.
                proxy.swallows = True
                begun.set()

            upload = asyncio.ensure_future(client.upload_recording(recording, on_progress=on_progress))
            await begun.wait()
            upload.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(upload, 5)
            await asyncio.wait_for(asyncio.get_running_loop().shutdown_default_executor(), 5)

    asyncio.run(cancel())

"""Downloads on real ports: clients that do not read cost the others nothing, and are cut."""

import hashlib
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import grpc
import pytest

from tandem.meeting.v1.meeting_pb2 import DownloadRecordingRequest
from tandem.meeting.v1.meeting_pb2_grpc import MeetingServiceStub
from tests.meetings.conftest import folder as folder
from tests.support.raw_http import Connection
from tests.support.recordings import a_form, a_recording
from tests.support.servers import Servers

pytestmark = pytest.mark.real_server

#: Fewer threads than clients that do not read.
FEW = {"STREAM_STALL_SECONDS": "3", "HTTP_THREADS": "2", "GRPC_SENDERS": "2", "MAX_STREAMS_PER_CALLER": "20"}
STALLED = 5
#: Far more than the buffers between take.
RECORDING = a_recording(seconds=0.1) + bytes(range(256)) * 64 * 1024


@pytest.mark.parametrize("servers", [FEW], indirect=True)
def test_clients_that_do_not_read_hold_up_nobody_and_are_cut(servers: Servers) -> None:
    with Connection(servers.http_url) as client, ExitStack() as stalled:
        body, headers = a_form(RECORDING, "talk.wav")
        uploaded = client.request("POST", "/api/v1/meetings/upload", body, Content_Type=headers["Content-Type"])
        meeting_id = uploaded.document["id"]
        path = f"/api/v1/meetings/{meeting_id}/recording"
        sockets = [stalled.enter_context(a_stalled_client(servers, path)) for _ in range(STALLED)]
        calls = [stalled.enter_context(a_stalled_call(servers, meeting_id)) for _ in range(STALLED)]
        whole = client.request("GET", path)
        assert (whole.status, whole.headers["etag"]) == (200, f'"{hashlib.sha256(RECORDING).hexdigest()}"')
        assert whole.body == RECORDING
        part = client.request("GET", path, Range="bytes=-100")
        assert (part.status, part.body) == (206, RECORDING[-100:])
        with grpc.insecure_channel(servers.grpc_address) as channel:
            request = DownloadRecordingRequest(meeting_id=meeting_id, offset=1_000_000)
            metadata, *rest = MeetingServiceStub(channel).DownloadRecording(request, timeout=30)
            assert metadata.metadata.size == len(RECORDING)
            assert b"".join(message.chunk for message in rest) == RECORDING[1_000_000:]
        time.sleep(float(FEW["STREAM_STALL_SECONDS"]) + 1)
        for connection in sockets:
            assert is_cut(connection)
        for call in calls:
            with pytest.raises(grpc.RpcError):
                list(call)


def a_stalled_client(servers: Servers, path: str) -> socket.socket:
    """Open a download over HTTP, and read no more than its first line."""
    parts = urlsplit(servers.http_url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((parts.hostname or "", parts.port or 0))
    connection.settimeout(30)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert connection.recv(15) == b"HTTP/1.1 200 OK"
    return connection


@contextmanager
def a_stalled_call(servers: Servers, meeting_id: str) -> Iterator[Iterator[object]]:
    """Open a download over gRPC, and read no more than its first message."""
    options = [("grpc.http2.lookahead_bytes", 1024), ("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(servers.grpc_address, options=options) as channel:
        call = MeetingServiceStub(channel).DownloadRecording(
            DownloadRecordingRequest(meeting_id=meeting_id), timeout=60
        )
        assert next(call).metadata.size == len(RECORDING)
        yield call


def is_cut(connection: socket.socket) -> bool:
    """Read the rest, and return whether the connection ended before the file did."""
    received = 0
    try:
        while data := connection.recv(1024 * 1024):
            received += len(data)
    except ConnectionResetError:
        return True
    return received < len(RECORDING)

"""The asyncio client: a connection, the services' stubs on it, and their feeds."""

from __future__ import annotations

import asyncio
import weakref
from pathlib import Path
from types import TracebackType
from typing import Any, AsyncIterator, Iterable

import grpc
from grpc import aio

from tandem.auth.v1.auth_pb2_grpc import AuthServiceAsyncStub
from tandem.change.v1.change_pb2 import Change
from tandem.change.v1.change_pb2_grpc import ChangeServiceAsyncStub
from tandem.client import feeds
from tandem.client.aio.interceptors import interceptors
from tandem.client.aio.runtime import Asyncio
from tandem.client.aio.watching import AsyncWatch
from tandem.client.calls import Calls
from tandem.client.certificates import ClientCertificate
from tandem.client.channel import connect_async
from tandem.client.circuit import Circuit
from tandem.client.feeds import Event, Feed
from tandem.client.following import Patience
from tandem.client.http import HttpConnection
from tandem.client.paging import Request, Response, next_request
from tandem.client.tokens import OnTokens, credentials_of
from tandem.client.uploads import OnProgress, ResumedUpload, parts
from tandem.drawing.v1.drawing_pb2 import (
    Document,
    DocumentMetadata,
    GetDocumentRequest,
    UploadDocumentRequest,
    WatchDocumentResponse,
)
from tandem.drawing.v1.drawing_pb2_grpc import DrawingServiceAsyncStub
from tandem.meeting.v1.meeting_pb2 import (
    GetMeetingRequest,
    Meeting,
    RecordingMetadata,
    UploadRecordingRequest,
    WatchMeetingResponse,
)
from tandem.meeting.v1.meeting_pb2_grpc import MeetingServiceAsyncStub
from tandem.project.v1.project_pb2_grpc import ProjectServiceAsyncStub
from tandem.task.v1.task_pb2 import TaskEvent, TaskStatus
from tandem.task.v1.task_pb2_grpc import TaskServiceAsyncStub
from tandem.user.v1.user_pb2_grpc import UserServiceAsyncStub


class AsyncClient:
    """`Client` for asyncio: the same names and arguments, and the same errors.

    Calls are awaited; streams, pages and watches are iterated over by `async for`. Create it in the event loop that
    uses it, and share it between the tasks of that loop. A cancelled task ends its call.

    Args and attributes: those of `Client`. `on_tokens` and the circuit's `on_change` are ordinary functions, which must
    not block.

    Raises:
        RuntimeError: there is no running event loop.
        ValueError: an address that is a URL, contradictory credentials, or a client certificate that is not one.
        OSError: a file of the client certificate cannot be read.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        api_key: str | None = None,
        email: str | None = None,
        password: str | None = None,
        refresh_token: str | None = None,
        tls: bool | grpc.ChannelCredentials | ClientCertificate = False,
        timeout: float = 10.0,
        on_tokens: OnTokens | None = None,
        circuit: Circuit | None = None,
        options: Iterable[tuple[str, Any]] = (),
        http: str = "",
    ) -> None:
        asyncio.get_running_loop()
        options = tuple(options)
        self.circuit = circuit or Circuit()
        self._runtime, self._http, self._tls = Asyncio(), http, tls
        # Without interceptors, which grpcio has for a whole channel. Both channels share one connection.
        self._connection = connect_async(address, tls, options)
        self._credentials = credentials_of(
            self._runtime,
            AuthServiceAsyncStub(self._connection),
            token=token,
            api_key=api_key,
            email=email,
            password=password,
            refresh_token=refresh_token,
            on_tokens=on_tokens,
        )
        self._calls = Calls(self._credentials, self.circuit, timeout)
        self.channel: aio.Channel = connect_async(address, tls, options, interceptors(self._calls))
        self.users = UserServiceAsyncStub(self.channel)
        self.projects = ProjectServiceAsyncStub(self.channel)
        self.tasks = TaskServiceAsyncStub(self.channel)
        self.meetings = MeetingServiceAsyncStub(self.channel)
        self.drawings = DrawingServiceAsyncStub(self.channel)
        self.changes = ChangeServiceAsyncStub(self.channel)
        self.auth = AuthServiceAsyncStub(self.channel)
        self._watches: weakref.WeakSet[AsyncWatch[Any]] = weakref.WeakSet()

    async def pages(
        self, rpc: aio.UnaryUnaryMultiCallable[Request, Response], request: Request
    ) -> AsyncIterator[Response]:
        """Iterate over the pages of a list, each by a call; see `Client.pages`."""
        following: Request | None = request
        while following is not None:
            page = await rpc(following)
            yield page
            following = next_request(following, page)

    def watch_changes(
        self,
        *,
        subject_types: Iterable[str] = (),
        cursor: str = "",
        include_initial: bool = False,
        patience: Patience = Patience(),  # noqa: B008 (it is frozen)
    ) -> AsyncWatch[Change]:
        """Watch all changes; see `Client.watch_changes`."""
        feed = feeds.changes(ChangeServiceAsyncStub(self._connection), subject_types)
        return self._watch(feed, cursor, include_initial, patience)

    def watch_tasks(
        self,
        *,
        task_ids: Iterable[str] = (),
        statuses: Iterable[TaskStatus] = (),
        labels: Iterable[str] = (),
        project_id: str = "",
        cursor: str = "",
        include_initial: bool = False,
        patience: Patience = Patience(),  # noqa: B008 (it is frozen)
    ) -> AsyncWatch[TaskEvent]:
        """Watch the tasks that the caller may see; see `Client.watch_tasks`."""
        stub = TaskServiceAsyncStub(self._connection)
        return self._watch(feeds.tasks(stub, task_ids, statuses, labels, project_id), cursor, include_initial, patience)

    def watch_meeting(
        self,
        meeting_id: str,
        *,
        cursor: str = "",
        patience: Patience = Patience(),  # noqa: B008 (it is frozen)
    ) -> AsyncWatch[WatchMeetingResponse]:
        """Watch the processing of a meeting; see `Client.watch_meeting`."""
        return self._watch(feeds.meeting(MeetingServiceAsyncStub(self._connection), meeting_id), cursor, True, patience)

    def watch_document(
        self,
        document_id: str,
        *,
        cursor: str = "",
        patience: Patience = Patience(),  # noqa: B008 (it is frozen)
    ) -> AsyncWatch[WatchDocumentResponse]:
        """Watch the processing of a document; see `Client.watch_document`."""
        feed = feeds.document(DrawingServiceAsyncStub(self._connection), document_id)
        return self._watch(feed, cursor, True, patience)

    async def upload_recording(
        self, path: Path, metadata: RecordingMetadata | None = None, *, on_progress: OnProgress | None = None
    ) -> Meeting:
        """Store a recording; see `Client.upload_recording`. Cancellation ends it; what the server has expires."""
        described = metadata or RecordingMetadata()
        if self._http:
            headers = await self._resumed(path, described, "recording", on_progress).run()
            found = await self.meetings.GetMeeting(GetMeetingRequest(meeting_id=headers["tandem-meeting-id"]))
            return found.meeting
        return (
            await self.meetings.UploadRecording(parts(UploadRecordingRequest, described, path, on_progress))
        ).meeting

    async def upload_document(
        self,
        project_id: str,
        path: Path,
        *,
        title: str = "",
        revision: str = "",
        supersedes: str = "",
        on_progress: OnProgress | None = None,
    ) -> Document:
        """Store a PDF in a project; see `Client.upload_document`. Cancellation ends it; what the server has expires."""
        described = DocumentMetadata(project_id=project_id, title=title, revision=revision, supersedes=supersedes)
        if self._http:
            headers = await self._resumed(path, described, "document", on_progress).run()
            request = GetDocumentRequest(document_id=headers["tandem-document-id"])
            return (await self.drawings.GetDocument(request)).document
        return (await self.drawings.UploadDocument(parts(UploadDocumentRequest, described, path, on_progress))).document

    async def close(self) -> None:
        """Close all feeds, in any task, and the connection. Idempotent."""
        for watch in list(self._watches):
            await watch.close()
        self._runtime.stop()
        await self.channel.close(None)
        await self._connection.close(None)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _resumed(self, path: Path, metadata: Any, purpose: str, on_progress: OnProgress | None) -> ResumedUpload:
        connection = HttpConnection(self._http, self._tls)
        return ResumedUpload(self._runtime, self._credentials, connection, path, metadata, purpose, on_progress)

    def _watch(self, feed: Feed[Event], cursor: str, include_initial: bool, patience: Patience) -> AsyncWatch[Event]:
        watch = AsyncWatch(
            feed, self._credentials, self._calls, cursor=cursor, include_initial=include_initial, patience=patience
        )
        self._watches.add(watch)
        return watch

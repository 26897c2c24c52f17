"""The client: a connection, the services' stubs on it, and their feeds."""

from __future__ import annotations

import weakref
from pathlib import Path
from types import TracebackType
from typing import Any, Iterable, Iterator

import grpc

from tandem.auth.v1.auth_pb2_grpc import AuthServiceStub
from tandem.change.v1.change_pb2 import Change
from tandem.change.v1.change_pb2_grpc import ChangeServiceStub
from tandem.client import feeds
from tandem.client.calls import Calls
from tandem.client.certificates import ClientCertificate
from tandem.client.channel import connect
from tandem.client.circuit import Circuit
from tandem.client.feeds import Event, Feed
from tandem.client.following import Patience
from tandem.client.http import HttpConnection
from tandem.client.interceptor import Interceptor
from tandem.client.paging import Request, Response, next_request
from tandem.client.runtime import Blocking, run
from tandem.client.tokens import OnTokens, credentials_of
from tandem.client.uploads import OnProgress, ResumedUpload, parts
from tandem.client.watching import Watch
from tandem.drawing.v1.drawing_pb2 import (
    Document,
    DocumentMetadata,
    GetDocumentRequest,
    UploadDocumentRequest,
    WatchDocumentResponse,
)
from tandem.drawing.v1.drawing_pb2_grpc import DrawingServiceStub
from tandem.meeting.v1.meeting_pb2 import (
    GetMeetingRequest,
    Meeting,
    RecordingMetadata,
    UploadRecordingRequest,
    WatchMeetingResponse,
)
from tandem.meeting.v1.meeting_pb2_grpc import MeetingServiceStub
from tandem.project.v1.project_pb2_grpc import ProjectServiceStub
from tandem.task.v1.task_pb2 import TaskEvent, TaskStatus
from tandem.task.v1.task_pb2_grpc import TaskServiceStub
from tandem.user.v1.user_pb2_grpc import UserServiceStub


class Client:
    """A client of one server or load balancer. Thread-safe; create it once and share it.

    Not fork-safe, since gRPC channels are not: create it after the fork (in a worker's start-up hook).

    Pass one credential: `token`, `api_key`, or a session, which is `email` with `password`, a `refresh_token`, or both.
    Without any, calls send no credential, which a development server may accept.

    Args:
        address: host and port, such as `localhost:50051`.
        token: an access token that the application renews.
        refresh_token: valid for one use: store the one that `on_tokens` receives, and pass that the next time.
        tls: True = with the system's root certificates; a `ClientCertificate`, whose files may change; or the
            credentials to use; False = without encryption.
        timeout: seconds for each unary call without its own `timeout=`. Streams have none.
        on_tokens: called with each new pair of tokens, before it is used.
        circuit: a circuit to share, observe or configure; the client creates one by default.
        options: gRPC channel options, which are added to and override those of `tandem.client.channel`.
        http: the address of the same server over HTTP, such as `https://tandem.example.com`, for uploads that resume.

    Attributes:
        users: the stub of user.v1.UserService; its calls raise `TandemError`s.
        projects: the stub of project.v1.ProjectService.
        tasks: the stub of taskservice.TaskService.
        meetings: the stub of meeting.v1.MeetingService.
        drawings: the stub of drawing.v1.DrawingService.
        changes: the stub of change.v1.ChangeService.
        auth: the stub of auth.v1.AuthService.
        channel: for further stubs, whose calls are handled in the same way.
        circuit: makes calls fail at once while the server cannot be reached.

    Raises:
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
        self.circuit = circuit or Circuit()
        self._runtime, self._http, self._tls = Blocking(), http, tls
        self._connection = connect(address, tls, options)
        self._credentials = credentials_of(
            self._runtime,
            AuthServiceStub(self._connection),
            token=token,
            api_key=api_key,
            email=email,
            password=password,
            refresh_token=refresh_token,
            on_tokens=on_tokens,
        )
        calls = Calls(self._credentials, self.circuit, timeout)
        self.channel: grpc.Channel = grpc.intercept_channel(self._connection, Interceptor(calls))
        self.users = UserServiceStub(self.channel)
        self.projects = ProjectServiceStub(self.channel)
        self.tasks = TaskServiceStub(self.channel)
        self.meetings = MeetingServiceStub(self.channel)
        self.drawings = DrawingServiceStub(self.channel)
        self.changes = ChangeServiceStub(self.channel)
        self.auth = AuthServiceStub(self.channel)
        self._watches: weakref.WeakSet[Watch[Any]] = weakref.WeakSet()

    def pages(self, rpc: grpc.UnaryUnaryMultiCallable[Request, Response], request: Request) -> Iterator[Response]:
        """Iterate over the pages of a list, each by a call.

        Args:
            rpc: of a stub of this client, such as `client.tasks.ListTasks`.
            request: for the first page; the size of the pages, filters and order are those of all pages.

        Raises:
            TypeError: the operation does not answer with pages.
        """
        following: Request | None = request
        while following is not None:
            page = rpc(following)
            yield page
            following = next_request(following, page)

    def watch_changes(
        self,
        *,
        subject_types: Iterable[str] = (),
        cursor: str = "",
        include_initial: bool = False,
        patience: Patience = Patience(),  # noqa: B008 (it is frozen)
    ) -> Watch[Change]:
        """Watch all changes, as `change.v1.Change`; see `Watch`.

        Args:
            subject_types: `user`, `task`, `meeting`, `project`, `drawing.document`; empty = all.
        """
        return self._watch(feeds.changes(self.changes, subject_types), cursor, include_initial, patience)

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
    ) -> Watch[TaskEvent]:
        """Watch the tasks that the caller may see, as `TaskEvent`; see `Watch`.

        Args:
            task_ids: only these; empty = all.
            statuses: any of these; empty = all.
            labels: any of these; empty = all.
            project_id: only the tasks of this project; empty = all.
        """
        return self._watch(
            feeds.tasks(self.tasks, task_ids, statuses, labels, project_id), cursor, include_initial, patience
        )

    def watch_meeting(
        self,
        meeting_id: str,
        *,
        cursor: str = "",
        patience: Patience = Patience(),  # noqa: B008 (it is frozen)
    ) -> Watch[WatchMeetingResponse]:
        """Watch the processing of a meeting, as `WatchMeetingResponse`; see `Watch`.

        The last event is `end`: the meeting is completed, failed or cancelled. Without a cursor, and after a Resync,
        the feed begins with the current state.
        """
        return self._watch(feeds.meeting(self.meetings, meeting_id), cursor, True, patience)

    def watch_document(
        self,
        document_id: str,
        *,
        cursor: str = "",
        patience: Patience = Patience(),  # noqa: B008 (it is frozen)
    ) -> Watch[WatchDocumentResponse]:
        """Watch the processing of a document, as `WatchDocumentResponse`; see `Watch`.

        The last event is `end`: the document is ready, partial, failed or cancelled. Without a cursor, and after a
        Resync, the feed begins with the current state.
        """
        return self._watch(feeds.document(self.drawings, document_id), cursor, True, patience)

    def upload_recording(
        self, path: Path, metadata: RecordingMetadata | None = None, *, on_progress: OnProgress | None = None
    ) -> Meeting:
        """Store a recording, and return its meeting, which is QUEUED.

        With `http`, the upload resumes after a cut connection. Without, it is sent over gRPC in one piece, and fails.

        Args:
            path: of the file, which is read piece by piece.
            metadata: of the new meeting, or `meeting_id` of one that has no recording; name and size are added.
            on_progress: called with the bytes that the server has (without `http`: that were sent), and all.

        Raises:
            OSError: the file cannot be read.
        """
        described = metadata or RecordingMetadata()
        if self._http:
            headers = run(self._resumed(path, described, "recording", on_progress).run())
            return self.meetings.GetMeeting(GetMeetingRequest(meeting_id=headers["tandem-meeting-id"])).meeting
        return self.meetings.UploadRecording(parts(UploadRecordingRequest, described, path, on_progress)).meeting

    def upload_document(
        self,
        project_id: str,
        path: Path,
        *,
        title: str = "",
        revision: str = "",
        supersedes: str = "",
        on_progress: OnProgress | None = None,
    ) -> Document:
        """Store a PDF in a project, and return the document, which is QUEUED, or the one with the same content.

        With `http`, the upload resumes after a cut connection. Without, it is sent over gRPC in one piece, and fails;
        then `duplicate` is set if the project had the content.

        Args:
            path: of the file, which is read piece by piece.
            title: empty = the file's name.
            supersedes: the id of a document that the new one replaces.
            on_progress: called with the bytes that the server has (without `http`: that were sent), and all.

        Raises:
            OSError: the file cannot be read.
        """
        described = DocumentMetadata(project_id=project_id, title=title, revision=revision, supersedes=supersedes)
        if self._http:
            headers = run(self._resumed(path, described, "document", on_progress).run())
            request = GetDocumentRequest(document_id=headers["tandem-document-id"])
            return self.drawings.GetDocument(request).document
        return self.drawings.UploadDocument(parts(UploadDocumentRequest, described, path, on_progress)).document

    def close(self) -> None:
        """Close all feeds, in any thread, and the connection. Idempotent."""
        for watch in list(self._watches):
            watch.close()
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _resumed(self, path: Path, metadata: Any, purpose: str, on_progress: OnProgress | None) -> ResumedUpload:
        connection = HttpConnection(self._http, self._tls)
        return ResumedUpload(self._runtime, self._credentials, connection, path, metadata, purpose, on_progress)

    def _watch(self, feed: Feed[Event], cursor: str, include_initial: bool, patience: Patience) -> Watch[Event]:
        watch = Watch(feed, self._credentials, cursor=cursor, include_initial=include_initial, patience=patience)
        self._watches.add(watch)
        return watch

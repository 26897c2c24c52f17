"""The client: one connection, the services' stubs on it, and their feeds."""

from __future__ import annotations

import weakref
from types import TracebackType
from typing import Any, Iterable

import grpc

from tandem.auth.v1.auth_pb2_grpc import AuthServiceStub
from tandem.change.v1.change_pb2 import Change
from tandem.change.v1.change_pb2_grpc import ChangeServiceStub
from tandem.client import feeds
from tandem.client.calls import Calls
from tandem.client.channel import connect
from tandem.client.circuit import Circuit
from tandem.client.feeds import Event, Feed
from tandem.client.tokens import OnTokens, credentials_of
from tandem.client.watching import Patience, Watch
from tandem.meeting.v1.meeting_pb2 import WatchMeetingResponse
from tandem.meeting.v1.meeting_pb2_grpc import MeetingServiceStub
from tandem.task.v1.task_pb2 import TaskEvent, TaskStatus
from tandem.task.v1.task_pb2_grpc import TaskServiceStub
from tandem.user.v1.user_pb2_grpc import UserServiceStub


class Client:
    """A client of one server (or of what balances many). Thread-safe; make it once and share it.

    Not fork-safe, as no gRPC channel is: make it after the fork (in a worker's start-up hook).

    Who calls is said by one of `token`, `api_key`, or a session: `email` with `password`, a `refresh_token`, or both.
    With none of them calls show no credential, which a development server may accept.

    Args:
        address: host and port.
        token: an access token that somebody else keeps good.
        refresh_token: good for one use: keep what `on_tokens` is told, and begin with that the next time.
        tls: with the system's root certificates, or with these credentials; without, nothing is encrypted.
        timeout: seconds for each unary call that brings no `timeout=` of its own. Streams have none.
        on_tokens: told of each new pair of tokens, before it is used.
        circuit: to share one, watch it, or set its limits; otherwise the client has one of its own.
        options: gRPC channel options, beside and over those of `tandem.client.channel`.

    Attributes:
        users: the stub of user.v1.UserService; its calls raise `TandemError`s.
        tasks: the stub of taskservice.TaskService.
        meetings: the stub of meeting.v1.MeetingService.
        changes: the stub of change.v1.ChangeService.
        auth: the stub of auth.v1.AuthService.
        channel: for other stubs; calls on it are made in the same way.
        circuit: what fails calls at once while the server is away.

    Raises:
        ValueError: contradictory credentials.
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
        tls: bool | grpc.ChannelCredentials = False,
        timeout: float = 10.0,
        on_tokens: OnTokens | None = None,
        circuit: Circuit | None = None,
        options: Iterable[tuple[str, Any]] = (),
    ) -> None:
        self.circuit = circuit or Circuit()
        self._connection = connect(address, tls, options)
        self._credentials = credentials_of(
            AuthServiceStub(self._connection),
            token=token,
            api_key=api_key,
            email=email,
            password=password,
            refresh_token=refresh_token,
            on_tokens=on_tokens,
        )
        self.channel: grpc.Channel = grpc.intercept_channel(
            self._connection, Calls(self._credentials, self.circuit, timeout)
        )
        self.users = UserServiceStub(self.channel)
        self.tasks = TaskServiceStub(self.channel)
        self.meetings = MeetingServiceStub(self.channel)
        self.changes = ChangeServiceStub(self.channel)
        self.auth = AuthServiceStub(self.channel)
        self._watches: weakref.WeakSet[Watch[Any]] = weakref.WeakSet()

    def watch_changes(
        self,
        *,
        subject_types: Iterable[str] = (),
        cursor: str = "",
        include_initial: bool = False,
        patience: Patience = Patience(),  # noqa: B008 (it is frozen)
    ) -> Watch[Change]:
        """Everything that changes, as `change.v1.Change`; see `Watch`.

        Args:
            subject_types: `user`, `task`; none = all.
        """
        return self._watch(feeds.changes(self.changes, subject_types), cursor, include_initial, patience)

    def watch_tasks(
        self,
        *,
        task_ids: Iterable[str] = (),
        statuses: Iterable[TaskStatus] = (),
        labels: Iterable[str] = (),
        cursor: str = "",
        include_initial: bool = False,
        patience: Patience = Patience(),  # noqa: B008 (it is frozen)
    ) -> Watch[TaskEvent]:
        """What happens to the tasks that the caller may see, as `TaskEvent`; see `Watch`.

        Args:
            task_ids: only these; none = all.
            statuses: any of these; none = all.
            labels: any of these; none = all.
        """
        return self._watch(feeds.tasks(self.tasks, task_ids, statuses, labels), cursor, include_initial, patience)

    def watch_meeting(
        self,
        meeting_id: str,
        *,
        cursor: str = "",
        patience: Patience = Patience(),  # noqa: B008 (it is frozen)
    ) -> Watch[WatchMeetingResponse]:
        """What becomes of a meeting, as `WatchMeetingResponse`; see `Watch`.

        The last event is `end`: the meeting is completed, failed or cancelled. Without a cursor, and after a Resync, it
        begins with all there is.
        """
        return self._watch(feeds.meeting(self.meetings, meeting_id), cursor, True, patience)

    def close(self) -> None:
        """Ends what is open, in whichever thread, and the connection. May be called more than once."""
        for watch in list(self._watches):
            watch.close()
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _watch(self, feed: Feed[Event], cursor: str, include_initial: bool, patience: Patience) -> Watch[Event]:
        watch = Watch(feed, self._credentials, cursor=cursor, include_initial=include_initial, patience=patience)
        self._watches.add(watch)
        return watch

"""Operations: what the transports serve, read from the proto descriptors and bound to an app's handlers.

An operation is one rpc. Its HTTP side is the rpc's `google.api.http` rule, so the `.proto` files are the only table of
operations; `operations` binds each rpc to the handler of the same name (in snake case) in an app's `handlers`. Both
transports run a unary operation by `execute` and a stream by `open_stream` (`core.execution`):

| rpc | its handler |
|---|---|
| unary | `(call, request) -> response` |
| stream of responses | `(call, request) -> core.feeds.Feed` |
| a file as stream of responses | `(call, request) -> core.downloads.Download` |
| stream of requests | `(call, items) -> response` |
| streams of both | `(call, items) -> iterator of responses` |

`items` (`core.request_streams`) are request messages; in place of one that cannot be read is its ValidationError.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, TypeVar

from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from core.actors import Actor
from core.auth import ANONYMOUS, Credential
from core.limits import costs
from core.merge_patch import MapChange
from core.preconditions import ANY_VERSION, ExpectedVersion
from core.replays import Replay

#: Fields of a write's message that a caller may also send as headers or metadata.
_PRECONDITION_FIELDS = frozenset(("version", "request_id"))
VERBS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Http:
    """An rpc's `google.api.http` rule.

    Attributes:
        verb: upper case.
        path: with `{field}` for each field that is taken from the path.
        body: `*` (the request's fields), the name of the request's field that the body is, or empty (no body).
        response_body: the response's field that is the answer, or empty (the whole response).
        path_fields: the names in the path.
    """

    verb: str
    path: str
    body: str
    response_body: str
    path_fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One rpc and its handler.

    Attributes:
        name: `user.v1.UserService/CreateUser`.
        rpc: the last part of the name.
        function: the app's handler.
        public: callers that are not authenticated may call it.
        secret: its answer holds secrets and is never kept for an idempotency key.
        works_without_database: it answers while the database is unavailable.
        scope: what an API key must have for it, as `users:read`; empty = no API key is accepted. Where only a part of
            the request needs a further scope, the handler checks it (`Call.has_scope`).
        other_scope: admits an API key as well; the handler then checks `scope` where the request needs it.
        checks_version: its handler passes the call's expected version on; otherwise it changes nothing that has one.
        ticks: of streams in both directions: while its client sends nothing, `items` yields None every
            `core.request_pump.TICK_SECONDS`, and at once after `Call.wake`, so that the handler can answer.
        replay: how a kept answer is replayed for an idempotency key; None = no answer is kept, or it is empty.
        preconditions_in_body: `version` and `request_id`, as far as the request message has them.
        cost: units of the caller's budget that a call takes (`core.limits.costs`); 0 = none.
    """

    name: str
    rpc: str
    method: MethodDescriptor
    request_class: type[Message]
    response_class: type[Message]
    http: Http
    function: Callable[["Call", Any], Any]
    public: bool
    secret: bool
    works_without_database: bool
    scope: str
    other_scope: str
    checks_version: bool
    ticks: bool
    replay: Replay | None
    preconditions_in_body: frozenset[str]
    cost: int

    @property
    def writes(self) -> bool:
        return self.http.verb != "GET"

    @property
    def takes_key(self) -> bool:
        """Return whether a call with an idempotency key takes effect once."""
        return self.writes and not (self.takes_stream or self.answers_stream or self.secret)

    @property
    def keeps_answers(self) -> bool:
        """Return whether an answer that holds anything is kept for an idempotency key."""
        return self.takes_key and bool(self.method.output_type.fields)

    @property
    def takes_stream(self) -> bool:
        return bool(self.method.client_streaming)

    @property
    def takes_file(self) -> bool:
        """Return whether the stream of requests is a file: first `metadata`, then its bytes, each message a `chunk`."""
        return self.takes_stream and {"metadata", "chunk"} <= set(self.method.input_type.fields_by_name)

    @property
    def stores_file(self) -> bool:
        """Return whether the file that it takes is kept, as a part of the resource that it answers with."""
        return self.takes_file and bool(self.http.response_body)

    @property
    def answers_stream(self) -> bool:
        return bool(self.method.server_streaming)

    @property
    def answers_file(self) -> bool:
        """Return whether the stream of responses is a file: first `metadata`, then its bytes, each a `chunk`."""
        is_file = {"metadata", "chunk"} <= set(self.method.output_type.fields_by_name)
        return self.answers_stream and not self.takes_stream and is_file

    @property
    def is_feed(self) -> bool:
        """Return whether one request is answered with events as they occur."""
        return self.answers_stream and not self.takes_stream and not self.answers_file


@dataclass(slots=True)
class Call:
    """A call: its caller, and the headers or metadata that belong to the request message. The same for both transports.

    Attributes:
        credential: of the caller.
        address: the caller's network address, in its canonical form and without port.
        expected_version: from `If-Match` and `If-None-Match`, or the message's `version`.
        idempotency_key: empty = none.
        exact_count: count a list's rows however many there are.
        atomic: of a stream of writes, write all items or none (metadata or header `x-bulk-mode: atomic`).
        map_changes: field → what a merge patch changes of that map; the request message has only the keys that stay.
        replayed: set if the answer is that of an earlier request with this idempotency key.
        reauthorize: of a stream of requests, authenticates the caller again; raises if the stream may not continue.
        wake: of an operation with `ticks`, makes `items` yield None soon. Any thread may call it.
        is_charged: the transport has charged the call to its caller's budget (`core.execution.admit`).
    """

    operation: Operation
    credential: Credential = ANONYMOUS
    address: str = ""
    user_agent: str = ""
    expected_version: ExpectedVersion = ANY_VERSION
    idempotency_key: str = ""
    exact_count: bool = False
    atomic: bool = False
    replayed: bool = False
    map_changes: dict[str, MapChange] = field(default_factory=dict)
    is_charged: bool = False
    reauthorize: Callable[[], None] = lambda: None
    wake: Callable[[], None] = lambda: None

    @property
    def actor(self) -> Actor:
        """The caller: a user, an anonymous caller, or a part of the system."""
        return self.credential.actor

    def has_scope(self, scope: str) -> bool:
        """Return whether the credential covers this scope: an API key that has it, or any credential but an API key."""
        return self.credential.scopes is None or scope in self.credential.scopes

    def of(self, operation: Operation) -> "Call":
        """Return the same caller's call of another operation, for an item of a stream that represents one."""
        no_options: dict[str, Any] = {"expected_version": ANY_VERSION, "idempotency_key": "", "map_changes": {}}
        return replace(self, operation=operation, replayed=False, **no_options)


Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Declaration:
    """The options of an operation that its app declares; the attributes are those of `Operation`."""

    public: bool = False
    secret: bool = False
    works_without_database: bool = False
    scope: str = ""
    other_scope: str = ""
    ticks: bool = False
    replay: Replay | None = None
    cost: int | None = None


#: Declarations by handler; a handler without one requires an authenticated caller.
_DECLARATIONS: dict[Callable[..., Any], Declaration] = {}


def operation(
    *,
    public: bool = False,
    secret: bool = False,
    works_without_database: bool = False,
    scope: str = "",
    other_scope: str = "",
    ticks: bool = False,
    replay: Replay | None = None,
    cost: int | None = None,
) -> Callable[[Handler], Handler]:
    """Declare how a handler's operation is served; see `Operation`.

    Args:
        scope: what an API key needs for it, in place of its area's `read` or `write`; empty = the area's.
        replay: how a kept answer is replayed; required if `Operation.keeps_answers`.
        cost: None = that of its kind.
    """
    declaration = Declaration(public, secret, works_without_database, scope, other_scope, ticks, replay, cost)

    def declare(handler: Handler) -> Handler:
        _DECLARATIONS[handler] = declaration
        return handler

    return declare


def operations(service: ServiceDescriptor, calls: ModuleType) -> tuple[Operation, ...]:
    """Return the operations of a service, each bound to the handler of its name in `calls`.

    The module's `AREA` names the scopes that API keys need: `users` → `users:read` for GET, `users:write` for the rest.
    Without an area no API key is accepted.

    Raises:
        LookupError: an rpc has no handler or no `google.api.http` rule.
    """
    area = getattr(calls, "AREA", "")
    return tuple(bind(method, _handler(method, calls), area) for method in service.methods)


def snake_case(name: str) -> str:
    """Convert a name to snake case: `GetUserByEmail` → `get_user_by_email`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _handler(method: MethodDescriptor, calls: ModuleType) -> Callable[..., Any]:
    function: Callable[..., Any] | None = getattr(calls, snake_case(method.name), None)
    if function is None:
        raise LookupError(f"{method.full_name} has no handler {snake_case(method.name)} in {calls.__name__}.")
    return function


def bind(method: MethodDescriptor, function: Callable[..., Any], area: str) -> Operation:
    """Return the operation of one rpc with this handler.

    Args:
        area: names the scopes that API keys need; empty = no API key is accepted.

    Raises:
        LookupError: the rpc has no `google.api.http` rule.
    """
    service, http = method.containing_service, _http(method)
    of_area = area and f"{area}:{'read' if http.verb == 'GET' else 'write'}"
    declared = _DECLARATIONS.get(function, Declaration())
    bound = Operation(
        name=f"{service.full_name}/{method.name}",
        rpc=method.name,
        method=method,
        request_class=GetMessageClass(method.input_type),
        response_class=GetMessageClass(method.output_type),
        http=http,
        function=function,
        # Read from the code, so that no separate list can be out of date.
        checks_version="expected_version" in _names_in(function),
        preconditions_in_body=_PRECONDITION_FIELDS & set(method.input_type.fields_by_name)
        if http.verb != "GET"
        else frozenset(),
        public=declared.public,
        secret=declared.secret,
        works_without_database=declared.works_without_database,
        scope=declared.scope or of_area,
        other_scope=declared.other_scope,
        ticks=declared.ticks,
        replay=declared.replay,
        cost=declared.cost or 0,
    )
    return bound if declared.cost is not None else replace(bound, cost=_default_cost(bound))


def _default_cost(operation: Operation) -> int:
    """Return the cost of an operation that declares none, by its kind. What works without a database is free."""
    if operation.works_without_database:
        return 0
    if operation.takes_file:
        return costs.UPLOAD
    if operation.takes_stream:
        return costs.REQUEST_STREAM
    if operation.answers_file:
        return costs.DOWNLOAD
    if operation.is_feed:
        return costs.WATCH
    return costs.WRITE if operation.writes else costs.READ


def _names_in(function: Callable[..., Any]) -> tuple[str, ...]:
    code = getattr(function, "__code__", None)
    return code.co_names if code else ()


def _http(method: MethodDescriptor) -> Http:
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    if verb not in VERBS:
        raise LookupError(f"{method.full_name} has no google.api.http rule.")
    path = getattr(rule, verb)
    return Http(verb.upper(), path, rule.body, rule.response_body, tuple(re.findall(r"{(\w+)}", path)))

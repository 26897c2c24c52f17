"""Operations: what the transports serve, read from the proto descriptors and bound to an app's handlers.

An operation is one rpc. Its HTTP side is the rpc's `google.api.http` rule, so the `.proto` files are the only table of
operations; `operations` binds each rpc to the handler of the same name (in snake case) in an app's `handlers`. Both
transports run a unary operation by `execute` and a stream by `open_stream`:

| rpc | its handler |
|---|---|
| unary | `(call, request) -> response` |
| stream of responses | `(call, request) -> core.feeds.Feed` |
| stream of requests | `(call, items) -> response` |
| streams of both | `(call, items) -> iterator of responses` |

`items` (`core.request_streams`) are request messages; in place of one that cannot be read is its ValidationError.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, TypeVar

from django.db import Error
from google.api import annotations_pb2
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from core import idempotency, rate_limits
from core.addresses import caller_key
from core.auth import ANONYMOUS, Credential, authenticate, scope_lacking
from core.errors import Unauthenticated, invalid, is_database_away
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
        replay: how a kept answer is replayed for an idempotency key; None = no answer is kept, or it is empty.
        preconditions_in_body: `version` and `request_id`, as far as the request message has them.
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
    replay: Replay | None
    preconditions_in_body: frozenset[str]

    @property
    def writes(self) -> bool:
        return self.http.verb != "GET"

    @property
    def keeps_answers(self) -> bool:
        """Return whether an answer that holds anything is kept for an idempotency key."""
        is_unary = not (self.takes_stream or self.answers_stream)
        return self.writes and is_unary and not self.secret and bool(self.method.output_type.fields)

    @property
    def takes_stream(self) -> bool:
        return bool(self.method.client_streaming)

    @property
    def takes_file(self) -> bool:
        """Return whether the stream of requests is a file: first `metadata`, then its bytes, each message a `chunk`."""
        return self.takes_stream and {"metadata", "chunk"} <= set(self.method.input_type.fields_by_name)

    @property
    def answers_stream(self) -> bool:
        return bool(self.method.server_streaming)

    @property
    def is_feed(self) -> bool:
        """Return whether one request is answered with events as they occur."""
        return self.answers_stream and not self.takes_stream


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
    reauthorize: Callable[[], None] = lambda: None

    @property
    def actor(self) -> Any:
        """The caller: a user, or AnonymousUser."""
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
    replay: Replay | None = None


#: Declarations by handler; a handler without one requires an authenticated caller.
_DECLARATIONS: dict[Callable[..., Any], Declaration] = {}


def operation(
    *,
    public: bool = False,
    secret: bool = False,
    works_without_database: bool = False,
    scope: str = "",
    other_scope: str = "",
    replay: Replay | None = None,
) -> Callable[[Handler], Handler]:
    """Declare how a handler's operation is served; see `Operation`.

    Args:
        scope: what an API key needs for it, in place of its area's `read` or `write`; empty = the area's.
        replay: how a kept answer is replayed; required if `Operation.keeps_answers`.
    """
    declaration = Declaration(public, secret, works_without_database, scope, other_scope, replay)

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
    return tuple(_operation(method, calls) for method in service.methods)


def identify(operation: Operation | None, authorization: str | None) -> Credential:
    """Authenticate the caller of this operation.

    The caller is anonymous if the database is unavailable and the operation works without it.

    Raises:
        Unauthenticated: see `core.auth.authenticate`.
    """
    try:
        return authenticate(authorization)
    except Error as exc:
        if operation is None or not operation.works_without_database or not is_database_away(exc):
            raise
        return ANONYMOUS


def execute(call: Call, request: Message) -> Message:
    """Run a unary operation for this caller. Both transports use this function.

    Raises:
        Unauthenticated: the caller is not authenticated, and the operation is not public.
        PermissionDenied: the caller's API key lacks the scope.
        RequestInProgress, IdempotencyKeyReused: see `core.idempotency`.
        Exception: any exception of the service; `core.errors.problem_of` maps it.
    """
    operation = call.operation
    call.credential = authorize(operation, call.credential)
    if operation.preconditions_in_body:
        _read_preconditions(call, request)
    _check_precondition(call)
    if not (call.idempotency_key and operation.writes and not operation.secret):
        with rate_limits.recount_after_rollback():
            return operation.function(call, request)  # type: ignore[no-any-return]
    answer = operation.response_class()

    def effect() -> bytes:
        answer.CopyFrom(operation.function(call, request))
        return answer.SerializeToString(deterministic=True)

    with rate_limits.recount_after_rollback():
        kept, call.replayed = idempotency.once(
            principal=principal(call),
            operation=operation.name,
            key=call.idempotency_key,
            request=request.SerializeToString(deterministic=True) + _canonical(call),
            effect=effect,
            subject=lambda: operation.replay.subject(call, request, answer) if operation.replay else None,
        )
    if call.replayed:
        answer = operation.response_class.FromString(kept)
        if operation.replay:
            answer = operation.replay.show(call, request, answer)
    return answer


def principal(call: Call) -> str:
    """Return the principal that the call's idempotency keys belong to."""
    return str(call.actor.pk) if call.actor.is_authenticated else f"anonymous {caller_key(call.address)}"


def open_stream(call: Call, request: Any) -> Any:
    """Run an operation that takes or answers a stream.

    Args:
        request: the request message, or items.

    Returns:
        The handler's result: a response message, an iterator over them, or a Feed.

    Raises:
        Exception: as `execute`; an iterator raises while it is iterated over.
    """
    call.credential = authorize(call.operation, call.credential)
    _check_precondition(call)
    return call.operation.function(call, request)


def authorize(operation: Operation, credential: Credential) -> Credential:
    """Authorize the caller. Return the effective credential.

    Raises:
        Unauthenticated, PermissionDenied: the call is not permitted.
    """
    if credential.scopes is not None and credential.scopes.isdisjoint((operation.scope, operation.other_scope)):
        if not operation.public:
            raise scope_lacking(operation.scope)
        # The key's holder may call what is public, but anonymously: a key grants nothing beyond its scopes.
        credential = ANONYMOUS
    if not (operation.public or credential.actor.is_authenticated):
        raise Unauthenticated("Sign in first: this call needs credentials.")
    return credential


def _read_preconditions(call: Call, request: Any) -> None:
    """Move the version and the idempotency key from the message to the call, which may have them from headers too."""
    if "version" in call.operation.preconditions_in_body and (version := request.version):
        if version < 0:
            raise invalid("version", "range", "Versions start at 1.")
        if call.expected_version.one_of is not None and version not in call.expected_version.one_of:
            raise invalid("version", "mismatch", "The message and If-Match name different versions.")
        call.expected_version = replace(call.expected_version, one_of=frozenset((version,)))
        request.ClearField("version")
    if "request_id" in call.operation.preconditions_in_body and request.request_id:
        key = idempotency_key(request.request_id, "request_id")
        if call.idempotency_key not in ("", key):
            raise invalid("request_id", "mismatch", "The message and Idempotency-Key name different keys.")
        call.idempotency_key = key
        request.ClearField("request_id")


def _canonical(call: Call) -> bytes:
    """Return what distinguishes the call from another with the same message."""
    changes = {name: sorted(change.entries.items()) for name, change in sorted(call.map_changes.items())}
    return call.expected_version.canonical() + (repr(changes).encode() if changes else b"")


def _check_precondition(call: Call) -> None:
    """Reject a precondition on an object without versions. If there is a version, the service compares it."""
    operation = call.operation
    if operation.writes and not operation.checks_version:
        # A path that ends with a field names one object, which exists or the call fails anyway.
        call.expected_version.check_without_version(exists=operation.http.path.endswith("}"))


def idempotency_key(value: str | None, field: str = "idempotency_key") -> str:
    """Read `Idempotency-Key`: 1 to 255 printable ASCII characters; empty if the caller sent none."""
    if value is None:
        return ""
    key = value.strip().strip('"')
    if not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        raise invalid(field, "invalid", "An idempotency key has 1 to 255 printable ASCII characters.")
    return key


def is_atomic(value: str | None) -> bool:
    """Return whether `X-Bulk-Mode` is `atomic`; the caller may send no other value."""
    if value not in (None, "atomic"):
        raise invalid("x-bulk-mode", "choice", "Choose one of: atomic.")
    return value is not None


def snake_case(name: str) -> str:
    """Convert a name to snake case: `GetUserByEmail` → `get_user_by_email`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _operation(method: MethodDescriptor, calls: ModuleType) -> Operation:
    function = getattr(calls, snake_case(method.name), None)
    if function is None:
        raise LookupError(f"{method.full_name} has no handler {snake_case(method.name)} in {calls.__name__}.")
    service, http, area = method.containing_service, _http(method), getattr(calls, "AREA", "")
    of_area = area and f"{area}:{'read' if http.verb == 'GET' else 'write'}"
    declared = _DECLARATIONS.get(function, Declaration())
    return Operation(
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
        replay=declared.replay,
    )


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

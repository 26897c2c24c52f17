"""Authorization, idempotency keys and modes of calls, without a transport."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, OperationalError

from core import execution
from core.auth import ANONYMOUS, Credential, System
from core.errors import IdempotencyKeyReused, Stale, Unauthenticated, problem_of
from core.execution import authorize, execute, idempotency_key, identify, is_atomic, open_stream, principal
from core.merge_patch import MapChange
from core.models import IdempotencyRecord
from core.operations import Call, Operation, operation, operations
from core.preconditions import ExpectedVersion
from core.replays import NOTHING_TO_HIDE
from tandem.example.v1 import example_pb2
from tandem.task.v1 import task_pb2
from tandem.task.v1.task_pb2 import CreateTaskRequest, UpdateTaskRequest
from tasks import handlers as task_handlers
from users.models import User

EXAMPLE = example_pb2.DESCRIPTOR.services_by_name["ExampleService"]
TASKS = {one.rpc: one for one in operations(task_pb2.DESCRIPTOR.services_by_name["TaskService"], task_handlers)}
ANN = Credential(System("ann"))


def bound(area: str = "", **functions: Any) -> dict[str, Operation]:
    """Return the operations of `ExampleService`; handlers that are not given do nothing."""
    nothing: dict[str, Any] = {
        name: lambda call, request: None for name in ("get_user", "create_user", "list_users") if name not in functions
    }
    handlers = SimpleNamespace(__name__="handlers", AREA=area, **nothing, **functions)
    return {one.rpc: one for one in operations(EXAMPLE, cast(Any, handlers))}


def seen_by_handler(rpc: str) -> tuple[Operation, list[Call]]:
    """Return an operation whose handler records its calls and answers with an empty message."""
    calls: list[Call] = []

    def handle(call: Call, request: Any) -> Any:
        calls.append(call)
        return TASKS[rpc].response_class()

    return replace(TASKS[rpc], function=handle, replay=NOTHING_TO_HIDE), calls


def rejected(run: Callable[[], object]) -> tuple[str, str, str]:
    with pytest.raises(ValidationError) as caught:
        run()
    (violation,) = problem_of(caught.value).violations
    return violation.field, violation.code, violation.message


def test_authorization_depends_on_scopes_and_publicity() -> None:
    @operation(public=True)
    def list_users(call: Any, request: Any) -> None: ...

    @operation(other_scope="users:other")
    def get_user(call: Any, request: Any) -> None: ...

    found = bound("users", list_users=list_users, get_user=get_user)
    session = Credential(System("test"))

    def key(*scopes: str) -> Credential:
        return Credential(System("test"), scopes=frozenset(scopes))

    assert authorize(found["CreateUser"], session) is session
    for scope, rpc in (("users:write", "CreateUser"), ("users:read", "GetUser"), ("users:other", "GetUser")):
        credential = key(scope)
        assert authorize(found[rpc], credential) is credential
    with pytest.raises(PermissionDenied, match="lacks the scope users:write"):
        authorize(found["CreateUser"], key("users:read"))
    with pytest.raises(Unauthenticated) as caught:
        authorize(found["CreateUser"], ANONYMOUS)
    assert caught.value.message == "Sign in first: this call needs credentials."
    assert authorize(found["ListUsers"], ANONYMOUS) is ANONYMOUS
    # A key without the scope counts as no credential where the operation is public.
    assert authorize(found["ListUsers"], key("users:write")) is ANONYMOUS


@pytest.mark.parametrize(
    ("sent", "key"),
    [(None, ""), ("a", "a"), (' "quoted" ', "quoted"), ('"X~!X"', "X~!X"), ("k" * 255, "k" * 255)],
)
def test_an_idempotency_key_is_read_without_its_quotes(sent: str | None, key: str) -> None:
    assert idempotency_key(sent) == key


@pytest.mark.parametrize("sent", ["", " ", "a b", "ä", "k" * 256, '""', "\x7f"])
def test_an_invalid_idempotency_key_is_rejected(sent: str) -> None:
    message = "An idempotency key has 1 to 255 printable ASCII characters."
    assert rejected(lambda: idempotency_key(sent)) == ("idempotency_key", "invalid", message)
    assert rejected(lambda: idempotency_key(sent, "request_id")) == ("request_id", "invalid", message)


def test_the_mode_of_a_bulk_write_is_atomic_or_not_sent() -> None:
    assert is_atomic("atomic") is True
    assert is_atomic(None) is False
    assert rejected(lambda: is_atomic("ATOMIC")) == ("x-bulk-mode", "choice", "Choose one of: atomic.")


def test_a_caller_is_anonymous_only_where_the_database_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    @operation(works_without_database=True)
    def list_users(call: Any, request: Any) -> None: ...

    found = bound(list_users=list_users)
    failure: Exception = OperationalError("away")

    def fail(authorization: str | None) -> Credential:
        assert authorization == "Bearer x"
        raise failure

    monkeypatch.setattr(execution, "authenticate", fail)
    assert identify(found["ListUsers"], "Bearer x") is ANONYMOUS
    for one in (found["GetUser"], None):
        with pytest.raises(OperationalError):
            identify(one, "Bearer x")
    failure = IntegrityError("a fault of the server")
    with pytest.raises(IntegrityError):
        identify(found["ListUsers"], "Bearer x")


def test_keys_belong_to_the_user_or_the_network() -> None:
    create = TASKS["CreateTask"]
    assert principal(Call(create, ANN)) == "ann"
    assert principal(Call(create, Credential(AnonymousUser()), address="192.0.2.1")) == "anonymous 192.0.2.1"


def test_a_version_in_the_message_is_the_expected_one() -> None:
    update, calls = seen_by_handler("UpdateTask")
    request = UpdateTaskRequest(version=3)
    execute(Call(update, ANN), request)
    execute(Call(update, ANN, expected_version=ExpectedVersion(frozenset((2, 3)), frozenset((5,)))), request)
    execute(Call(update, ANN, expected_version=ExpectedVersion(frozenset((2, 3)))), UpdateTaskRequest())
    assert [(call.expected_version.one_of, call.expected_version.none_of) for call in calls] == [
        ({3}, frozenset()),
        ({3}, {5}),
        ({2, 3}, frozenset()),
    ]
    # The client's message is not modified.
    assert request == UpdateTaskRequest(version=3)


def test_a_version_that_contradicts_the_header_is_rejected() -> None:
    update, calls = seen_by_handler("UpdateTask")
    other = Call(update, ANN, expected_version=ExpectedVersion(frozenset((2,))))
    assert rejected(lambda: execute(other, UpdateTaskRequest(version=3))) == (
        "version", "mismatch", "The message and If-Match name different versions.",
    )  # fmt: skip
    assert rejected(lambda: execute(Call(update, ANN), UpdateTaskRequest(version=-1))) == (
        "version", "range", "Versions start at 1.",
    )  # fmt: skip
    assert calls == []


def test_a_call_without_versions_rejects_preconditions() -> None:
    create, calls = seen_by_handler("CreateTask")
    expecting = Call(create, ANN, expected_version=ExpectedVersion(one_of=frozenset((2,))))
    for run in (execute, open_stream):
        with pytest.raises(Stale):
            run(expecting, CreateTaskRequest())
    # A path that does not end with a field makes a new object.
    execute(Call(create, ANN, expected_version=ExpectedVersion(none_of=None)), CreateTaskRequest())
    assert len(calls) == 1


def test_a_stream_is_authorized_before_its_handler_runs() -> None:
    create, calls = seen_by_handler("CreateTask")
    with pytest.raises(Unauthenticated):
        open_stream(Call(create, ANONYMOUS), iter(()))
    assert calls == []
    call = Call(create, ANN)
    assert open_stream(call, iter(())) == create.response_class()
    assert calls == [call]


@pytest.mark.django_db
def test_a_key_in_the_message_counts_as_one_in_the_header(ann: User) -> None:
    create, calls = seen_by_handler("CreateTask")
    caller = Credential(ann)

    def send(key: str, request: CreateTaskRequest, **fields: Any) -> bool:
        call = Call(create, caller, idempotency_key=key, **fields)
        execute(call, request)
        return call.replayed

    assert send("", CreateTaskRequest(request_id="k1", title="a")) is False
    assert send("k1", CreateTaskRequest(title="a")) is True
    assert send("k1", CreateTaskRequest(request_id="k1", title="a")) is True
    assert len(calls) == 1
    assert rejected(lambda: send("k2", CreateTaskRequest(request_id="k1"))) == (
        "request_id", "mismatch", "The message and Idempotency-Key name different keys.",
    )  # fmt: skip
    assert rejected(lambda: send("", CreateTaskRequest(request_id="a b")))[0] == "request_id"


@pytest.mark.django_db
def test_the_order_of_a_map_makes_no_other_request(ann: User) -> None:
    create, calls = seen_by_handler("CreateTask")
    names = [f"name {number}" for number in range(20)]
    for order in (names, names[::-1]):
        execute(
            Call(create, Credential(ann), idempotency_key="k"), CreateTaskRequest(metadata=dict.fromkeys(order, ""))
        )
    assert len(calls) == 1


@pytest.mark.django_db
def test_other_changes_of_a_map_make_another_request(ann: User) -> None:
    update, calls = seen_by_handler("UpdateTask")

    def send(**entries: str | None) -> None:
        changes = {"metadata": MapChange(entries)}
        execute(Call(update, Credential(ann), idempotency_key="k", map_changes=changes), UpdateTaskRequest(id="1"))

    send(a="1", b=None)
    send(b=None, a="1")
    assert len(calls) == 1
    for entries in ({}, {"a": "1"}, {"a": "1", "b": ""}):
        with pytest.raises(IdempotencyKeyReused):
            send(**entries)


@pytest.mark.django_db
def test_a_kept_answer_belongs_to_its_subject(ann: User) -> None:
    create, _ = seen_by_handler("CreateTask")
    subjects: list[tuple[Any, ...]] = []

    def subject(*what: Any) -> Any:
        subjects.append(what)
        return ann.pk

    create = replace(create, replay=replace(NOTHING_TO_HIDE, subject=subject))
    call, request = Call(create, Credential(ann), idempotency_key="k"), CreateTaskRequest(title="a")
    answer = execute(call, request)
    assert subjects == [(call, request, answer)]
    assert IdempotencyRecord.objects.get().subject == ann.pk


@pytest.mark.django_db
def test_an_answer_without_rules_for_replays_is_repeated_as_it_was(ann: User) -> None:
    create, calls = seen_by_handler("CreateTask")
    create = replace(create, replay=None)
    for replayed in (False, True):
        call = Call(create, Credential(ann), idempotency_key="k")
        assert execute(call, CreateTaskRequest(title="a")) == create.response_class()
        assert call.replayed is replayed
    assert len(calls) == 1
    assert IdempotencyRecord.objects.get().subject is None

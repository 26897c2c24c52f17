"""Operations as they are read from the descriptors and bound to handlers."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from google.api import annotations_pb2, http_pb2
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor

from core.auth import Credential, System
from core.merge_patch import MapChange
from core.operations import Call, Http, Operation, operation, operations, snake_case
from core.preconditions import ANY_VERSION, ExpectedVersion
from core.replays import NOTHING_TO_HIDE
from tandem.example.v1 import example_pb2
from tandem.task.v1 import task_pb2
from tandem.task.v1.task_pb2 import CreateTaskRequest
from tasks import handlers as task_handlers

TASKS: ServiceDescriptor = task_pb2.DESCRIPTOR.services_by_name["TaskService"]
EXAMPLE: ServiceDescriptor = example_pb2.DESCRIPTOR.services_by_name["ExampleService"]


def bound(service: ServiceDescriptor, handlers: Any) -> dict[str, Operation]:
    return {one.rpc: one for one in operations(service, handlers)}


def handlers(area: str | None = None, **functions: Any) -> Any:
    """Return a module of handlers of `ExampleService`; those that are not given do nothing."""
    names = [snake_case(method.name) for method in EXAMPLE.methods]
    missing: dict[str, Any] = {name: lambda call, request: None for name in names if name not in functions}
    areas = {} if area is None else {"AREA": area}
    return cast(Any, SimpleNamespace(__name__="handlers", **areas, **functions, **missing))


def test_an_operation_has_what_its_rpc_declares() -> None:
    found = bound(TASKS, task_handlers)
    create = found["CreateTask"]
    assert create.name == "taskservice.TaskService/CreateTask"
    assert create.method is TASKS.methods_by_name["CreateTask"]
    assert (create.request_class, create.response_class) == (CreateTaskRequest, create.response_class)
    assert create.response_class.DESCRIPTOR is create.method.output_type
    assert create.function is task_handlers.create_task
    assert create.preconditions_in_body == {"request_id"}
    assert not create.checks_version
    assert found["UpdateTask"].checks_version
    assert found["UpdateTask"].http.verb == "PATCH"


def test_version_in_the_request_of_a_read_is_no_precondition() -> None:
    file = descriptor_pb2.FileDescriptorProto(
        name="reading.proto", package="reading", syntax="proto3", dependency=["google/api/annotations.proto"]
    )
    version = file.message_type.add(name="Which").field.add(name="version", number=1)
    version.type, version.label = version.TYPE_INT32, version.LABEL_OPTIONAL
    service = file.service.add(name="Reading")
    for name, rule in (("Get", {"get": "/api/which"}), ("Change", {"patch": "/api/which"})):
        method = service.method.add(name=name, input_type=".reading.Which", output_type=".reading.Which")
        method.options.Extensions[annotations_pb2.http].CopyFrom(http_pb2.HttpRule(**rule))
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    found = bound(
        pool.FindServiceByName("reading.Reading"),
        SimpleNamespace(__name__="handlers", get=lambda call, request: None, change=lambda call, request: None),
    )
    assert found["Get"].preconditions_in_body == set()
    assert found["Change"].preconditions_in_body == {"version"}


def test_http_rules_are_read_with_their_fields() -> None:
    found = bound(EXAMPLE, handlers())
    rules = {name: (one.http.verb, one.http.body, one.http.path_fields, one.writes) for name, one in found.items()}
    assert {rule[0] for rule in rules.values()} >= {"GET", "POST"}
    create = found["CreateUser"].http
    assert create == Http("POST", "/api/users", "*", "user", ())
    assert found["ListUsers"].http.response_body == ""
    get = found["GetUser"].http
    assert (get.verb, get.body, get.path_fields) == ("GET", "", ("user_id",))
    assert get.path.endswith("/{user_id}")
    assert found["CreateUser"].writes
    assert not found["GetUser"].writes


def test_streams_are_told_apart() -> None:
    found = bound(TASKS, task_handlers)
    kinds = {name: (one.takes_stream, one.answers_stream, one.is_feed, one.takes_file) for name, one in found.items()}
    assert kinds["CreateTask"] == (False, False, False, False)
    assert kinds["BulkCreateTasks"] == (True, False, False, False)
    assert kinds["ProcessTaskStream"] == (True, True, False, False)
    assert kinds["WatchTasks"] == (False, True, True, False)


def test_scopes_follow_the_area_and_the_verb() -> None:
    @operation(scope="users:special", other_scope="users:other")
    def list_users(call: Any, request: Any) -> None: ...

    found = bound(EXAMPLE, handlers("users", list_users=list_users))
    assert (found["GetUser"].scope, found["GetUser"].other_scope) == ("users:read", "")
    assert found["CreateUser"].scope == "users:write"
    assert (found["ListUsers"].scope, found["ListUsers"].other_scope) == ("users:special", "users:other")
    assert {one.scope for one in bound(EXAMPLE, handlers()).values()} == {""}


def test_a_declaration_belongs_to_its_handler() -> None:
    @operation(public=True, secret=True, works_without_database=True, replay=NOTHING_TO_HIDE)
    def create_user(call: Any, request: Any) -> None: ...

    found = bound(EXAMPLE, handlers(create_user=create_user))
    declared, other = found["CreateUser"], found["GetUser"]
    assert (declared.public, declared.secret, declared.works_without_database) == (True, True, True)
    assert declared.replay is NOTHING_TO_HIDE
    assert (declared.scope, declared.other_scope) == ("", "")
    assert (other.public, other.secret, other.works_without_database, other.replay) == (False, False, False, None)


@pytest.mark.parametrize("option", ["public", "secret", "works_without_database"])
def test_each_option_is_declared_alone(option: str) -> None:
    @operation(**{option: True})
    def create_user(call: Any, request: Any) -> None: ...

    found = bound(EXAMPLE, handlers(create_user=create_user))["CreateUser"]
    assert {name for name in ("public", "secret", "works_without_database") if getattr(found, name)} == {option}


def test_a_handler_checks_versions_if_it_reads_the_expected_one() -> None:
    def create_user(call: Call, request: Any) -> Any:
        return call.expected_version

    class WithoutCode:
        def __call__(self, call: Any, request: Any) -> None: ...

    found = bound(EXAMPLE, handlers(create_user=create_user, list_users=WithoutCode()))
    assert {name for name, one in found.items() if one.checks_version} == {"CreateUser"}


def test_an_rpc_without_a_handler_stops_the_start() -> None:
    with pytest.raises(LookupError) as caught:
        operations(EXAMPLE, cast(Any, SimpleNamespace(__name__="some.handlers")))
    first = EXAMPLE.methods[0]
    name = snake_case(first.name)
    assert str(caught.value) == f"{first.full_name} has no handler {name} in some.handlers."


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("GetUserByEmail", "get_user_by_email"),
        ("Login", "login"),
        ("ListV2Users", "list_v2_users"),
        ("GetAPI", "get_api"),
    ],
)
def test_names_of_rpcs_in_snake_case(name: str, snake: str) -> None:
    assert snake_case(name) == snake


def test_a_call_of_another_operation_is_by_the_same_caller_and_has_no_options() -> None:
    first, second = (bound(TASKS, task_handlers)[name] for name in ("ProcessTaskStream", "CreateTask"))
    call = Call(
        first,
        Credential(System("test")),
        address="192.0.2.1",
        user_agent="agent",
        expected_version=ExpectedVersion(one_of=frozenset((3,))),
        idempotency_key="key",
        map_changes={"metadata": MapChange({})},
        replayed=True,
    )
    other = call.of(second)
    assert other.operation is second
    assert (other.credential, other.address, other.user_agent) == (call.credential, "192.0.2.1", "agent")
    assert (other.expected_version, other.idempotency_key, other.map_changes) == (ANY_VERSION, "", {})
    assert other.replayed is False


def test_only_api_keys_have_scopes() -> None:
    create = bound(TASKS, task_handlers)["CreateTask"]
    session, key = Credential(System("test")), Credential(System("test"), scopes=frozenset(("tasks:read",)))
    assert Call(create, session).has_scope("tasks:write")
    assert Call(create, key).has_scope("tasks:read")
    assert not Call(create, key).has_scope("tasks:write")


def test_an_rpc_without_an_http_rule_stops_the_start() -> None:
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name="bare.proto", package="bare")
    file.message_type.add(name="Nothing")
    file.service.add(name="Bare").method.add(name="Do", input_type=".bare.Nothing", output_type=".bare.Nothing")
    pool.Add(file)
    service = pool.FindServiceByName("bare.Bare")
    with pytest.raises(LookupError) as caught:
        operations(service, cast(Any, SimpleNamespace(__name__="handlers", do=lambda call, request: None)))
    assert str(caught.value) == "bare.Bare.Do has no google.api.http rule."

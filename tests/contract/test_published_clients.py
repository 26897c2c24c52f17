"""Clients generated from the published contracts work unchanged, without credentials, with a development server."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.servers import Servers

PUBLISHED = Path(__file__).parent / "published"

pytestmark = pytest.mark.real_server

Call = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published protos as other people generate them: with protoc's own generators."""
    out = tmp_path_factory.mktemp("generated")
    protos = sorted(path.name for path in PUBLISHED.glob("*.proto"))
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PUBLISHED}"]
    subprocess.run([*protoc, f"--python_out={out}", f"--grpc_python_out={out}", *protos], check=True)
    return out


@pytest.fixture
def users(servers: Servers, generated: Path) -> Iterator[Call]:
    with client(servers.grpc_address, "user.UserService", generated) as call:
        yield call


@pytest.fixture
def examples(servers: Servers, generated: Path) -> Iterator[Call]:
    with client(servers.grpc_address, "example.ExampleService", generated) as call:
        yield call


@pytest.fixture
def tasks(servers: Servers, generated: Path) -> Iterator[Call]:
    with client(servers.grpc_address, "task.TaskService", generated) as call:
        yield call


@contextmanager
def client(address: str, service: str, generated: Path) -> Iterator[Call]:
    """Start a client as a separate process, because the same symbols cannot be loaded twice in one."""
    command = [sys.executable, str(PUBLISHED / "client.py"), address, service]
    environment = os.environ | {"PYTHONPATH": str(generated)}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdin
        assert process.stdout
        stdin, stdout = process.stdin, process.stdout

        def call(rpc: str, **fields: Any) -> dict[str, Any]:
            stdin.write(json.dumps([rpc, fields]) + "\n")
            stdin.flush()
            answer: dict[str, Any] = json.loads(stdout.readline())
            return answer

        yield call
        stdin.close()
    assert process.returncode == 0


def test_a_user_client_walks_from_health_to_deactivation(users: Call) -> None:
    health = users("HealthCheck")
    assert health["status"] == "HEALTH_STATUS_HEALTHY"
    assert health["components"]["database"] == "HEALTH_STATUS_HEALTHY"

    listed = users("ListUsers")
    assert {"john@example.com", "jane@example.com"} <= {user["email"] for user in listed["users"]}
    assert int(listed["pagination"]["total_count"]) == len(listed["users"])

    created = users("CreateUser", email="Grace@Example.com", password="A-nanosecond-of-wire", first_name="Grace")[
        "user"
    ]
    assert created["email"] == "grace@example.com"
    assert created["display_name"] == "Grace"
    assert created["status"] == "USER_STATUS_PENDING_VERIFICATION"
    assert created["roles"] == ["USER_ROLE_CUSTOMER"]
    assert created["audit"]["version"] == "1"

    assert users("GetUser", user_id=created["id"]) == {"user": created}
    assert users("GetUserByEmail", email="grace@example.com") == {"user": created}
    assert users("SearchUsers", query="gra")["users"] == [created]

    deactivated = users("DeactivateUser", user_id=created["id"], reason="Retired.")["user"]
    assert deactivated["status"] == "USER_STATUS_DEACTIVATED"
    assert deactivated["audit"]["version"] == "2"


def test_a_user_client_gets_the_promised_refusals(users: Call) -> None:
    unknown = "0198a3c0-0000-7000-8000-000000000000"
    assert users("GetUser", user_id=unknown) == {"error": ["NOT_FOUND", f"User not found: {unknown}"]}
    assert users("CreateUser", password="A-nanosecond-of-wire") == {"error": ["INVALID_ARGUMENT", "Email is required"]}
    assert users("CreateUser", email="JOHN@example.com", password="A-nanosecond-of-wire") == {
        "error": ["ALREADY_EXISTS", "User with email john@example.com already exists"]
    }


def test_an_example_client_finds_the_demo_data_and_adds_the_third_user(examples: Call) -> None:
    john = examples("GetUser", user_id=1)["user"]
    assert (john["name"], john["email"]) == ("John Doe", "john@example.com")
    listed = examples("ListUsers", page=1, page_size=10)
    assert listed["total_count"] == 2
    assert [(user["id"], user["email"]) for user in listed["users"]] == [
        (1, "john@example.com"),
        (2, "jane@example.com"),
    ]

    created = examples("CreateUser", name="Grace Hopper", email="grace@example.com")["user"]
    assert (created["id"], created["name"], created["email"]) == (3, "Grace Hopper", "grace@example.com")
    assert examples("GetUser", user_id=3) == {"user": created}
    assert examples("ListUsers", page=2, page_size=2) == {"users": [created], "total_count": 3}

    assert examples("GetUser") == {"error": ["NOT_FOUND", "User with ID 0 not found"]}
    assert examples("CreateUser", name="Grace") == {"error": ["INVALID_ARGUMENT", "Name and email are required"]}
    assert examples("CreateUser", name="Grace", email="grace@example.com") == {
        "error": ["ALREADY_EXISTS", "User with email grace@example.com already exists"]
    }


def test_an_example_client_does_the_same_over_http(servers: Servers) -> None:
    status, john = http(servers, "/api/users/1")
    assert (status, john["name"], john["email"]) == (200, "John Doe", "john@example.com")
    status, listed = http(servers, "/api/users?page=1&page_size=10")
    assert (status, listed["total_count"]) == (200, 2)
    assert listed["users"][0] == john
    assert (listed["users"][1]["id"], listed["users"][1]["name"]) == (2, "Jane Smith")

    status, created = http(servers, "/api/users", {"name": "Grace Hopper", "email": "grace@example.com"})
    assert status == 201
    assert created["id"] == 3
    assert created["name"] == "Grace Hopper"
    assert created["email"] == "grace@example.com"
    # Numbers and seconds, as in the message.
    assert isinstance(created["created_at"], int)
    assert http(servers, "/api/users/3") == (200, created)
    assert http(servers, "/api/users?page=2&page_size=2") == (200, {"users": [created], "total_count": 3})

    status, problem = http(servers, "/api/users/0")
    assert (status, problem["detail"]) == (404, "User with ID 0 not found")
    status, problem = http(servers, "/api/users", {"name": "Grace"})
    assert (status, problem["detail"]) == (400, "Name and email are required")


def test_a_task_client_walks_from_create_to_delete(tasks: Call, users: Call) -> None:
    administrator = users("GetUserByEmail", email="admin@example.com")["user"]
    assert tasks("CreateTask") == {"error": ["INVALID_ARGUMENT", "Title is required"]}
    created = tasks("CreateTask", title=" Buy milk ", labels=["home"], metadata={"shop": "corner"})
    assert (created["title"], created["status"], created["priority"]) == (
        "Buy milk",
        "TASK_STATUS_TODO",
        "PRIORITY_MEDIUM",
    )
    assert created["created_by"] == created["assigned_to"] == administrator["id"]
    assert tasks("GetTask", id=created["id"]) == created

    updated = tasks("UpdateTask", id=created["id"], status="TASK_STATUS_DONE", metadata={"cost": "2"})
    assert updated["status"] == "TASK_STATUS_DONE"
    assert (updated["title"], updated["labels"]) == ("Buy milk", ["home"])
    assert updated["metadata"] == {"shop": "corner", "cost": "2"}

    assert tasks("ListTasks", labels=["home"]) == {"tasks": [updated], "total_count": 1}
    assert len(tasks("ListTasks", page_size=2, order_by="due_date", descending=True)["tasks"]) == 2

    assert tasks("DeleteTask", id=created["id"]) == {}
    gone = {"error": ["NOT_FOUND", f"Task with ID '{created['id']}' not found"]}
    assert tasks("GetTask", id=created["id"]) == tasks("DeleteTask", id=created["id"]) == gone


def http(servers: Servers, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
    """Status and answer of a GET, or of a POST when there is a body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(servers.http_url + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)

"""The image and docker-compose.grpc.yml: their settings are safe, and their services work.

No engine is needed: the commands of both files are run as written, in a folder that holds what the image
would hold, with the containers' environment.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
import yaml
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import override_settings

from core.addresses import check_development_identity
from tandem.user.v1.user_pb2 import CreateUserRequest, GetUserRequest
from tandem.user.v1.user_pb2_grpc import UserServiceStub
from tests.contract.test_settings import documented
from tests.support.databases import server_cursor
from tests.support.servers import PATIENCE_SECONDS, ROOT, database_url, free_port, until

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "docker-compose.grpc.yml").read_text()
DOCUMENTED = documented((ROOT / ".env.example").read_text())

#: What the interpreter and the shell read, not the settings.
NOT_SETTINGS = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
#: Service → the settings of what it may take to end.
GRACE = {
    "web": ("HTTP_GRACE_SECONDS",),
    "grpc": ("GRPC_DRAIN_WAIT_SECONDS", "GRPC_GRACE_SECONDS"),
    "worker": ("WORKER_GRACE_SECONDS",),
}

Instruction = tuple[str, str]


def stages(dockerfile: str) -> list[list[Instruction]]:
    """Return the instructions of each stage, its FROM first."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", dockerfile, flags=re.MULTILINE))
    found: list[list[Instruction]] = []
    for line in filter(None, joined.splitlines()):
        name, _, rest = line.partition(" ")
        if name == "FROM":
            found.append([])
        found[-1].append((name, rest))
    return found


def values_of(stage: list[Instruction], instruction: str) -> list[str]:
    return [rest for name, rest in stage if name == instruction]


def image_variables(dockerfile: str) -> dict[str, str]:
    """Return the variables that the image sets for its processes."""
    words = (word for rest in values_of(stages(dockerfile)[-1], "ENV") for word in shlex.split(rest))
    return dict(word.split("=", 1) for word in words)


def faults(dockerfile: str, compose_file: str) -> set[str]:
    """Return the violations of each rule, by name."""
    services = yaml.safe_load(compose_file)["services"]
    return {*image_faults(dockerfile), *(fault for name in services for fault in service_faults(name, services[name]))}


def image_faults(dockerfile: str) -> Iterator[str]:
    *_, last = built = stages(dockerfile)
    for stage in built:
        yield from unpinned(stage[0][1].split()[0])
    for name in [
        re.split(r"[= ]", rest)[0] for stage in built for rest in (*values_of(stage, "ARG"), *values_of(stage, "ENV"))
    ]:
        yield from secret(name)
    for name in image_variables(dockerfile):
        yield from secret(name)
        if name not in DOCUMENTED.keys() | NOT_SETTINGS:
            yield f"{name} is no setting"
    if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", "".join(values_of(last, "USER")[-1:])):
        yield "it runs as root"
    if any(re.search(r"\b(pip|apt-get|apk|gcc)\b", rest) for rest in values_of(last, "RUN")):
        yield "the last stage installs"
    if not values_of(last, "CMD")[-1].startswith("["):
        yield "a shell stands before the process"


def service_faults(name: str, service: dict[str, Any]) -> Iterator[str]:
    if "image" in service:
        yield from unpinned(service["image"])
    if not all(str(port).startswith("127.0.0.1:") for port in service.get("ports", [])) or "network_mode" in service:
        yield f"{name} can be reached from outside"
    for variable, value in service["environment"].items():
        yield from secret(variable, str(value))
        if "build" in service and variable not in DOCUMENTED:
            yield f"{variable} is no setting"
        if not isinstance(value, str):
            yield f"{variable} is no text"
    if float(service.get("stop_grace_period", "10s").removesuffix("s")) <= sum(
        getattr(settings, limit) for limit in GRACE.get(name, ())
    ):
        yield f"{name} is killed before its grace ends"


def unpinned(image: str) -> Iterator[str]:
    if not re.search(r":\d[\w.-]*$", image):
        yield f"{image} is not pinned"


def secret(variable: str, value: str = "") -> Iterator[str]:
    if re.search("SECRET|PASSWORD|KEY|TOKEN", variable) or ("://" in value and urlsplit(value).password):
        yield f"{variable} holds a secret"


def test_files_violate_no_rule() -> None:
    assert faults(DOCKERFILE, COMPOSE) == set()


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("FROM python:3.13-slim\n", "FROM python\n", "python is not pinned"),
        ("postgres:17", "postgres:latest", "postgres:latest is not pinned"),
        ("USER 10001:10001\n", "", "it runs as root"),
        ("RUN useradd", "RUN apt-get install gcc && useradd", "the last stage installs"),
        ('CMD ["python", "manage.py", "runweb"]', "CMD python manage.py runweb", "a shell stands before the process"),
        ("HTTP_HOST=0.0.0.0", "WEB_HOST=0.0.0.0", "WEB_HOST is no setting"),
        ("GRPC_HOST=0.0.0.0", "SECRET_KEY=x", "SECRET_KEY holds a secret"),
        ("COPY . .\n", "ARG JWT_PRIVATE_KEY\nCOPY . .\n", "JWT_PRIVATE_KEY holds a secret"),
        ("POSTGRES_DB: tandem", "POSTGRES_PASSWORD: tandem", "POSTGRES_PASSWORD holds a secret"),
        ("tandem@postgres", "tandem:tandem@postgres", "DATABASE_URL holds a secret"),
        ("DEV_AUTH_AS:", "DEV_AUTH:", "DEV_AUTH is no setting"),
        ('DEBUG: "true"', "DEBUG: true", "DEBUG is no text"),
        ("127.0.0.1:50051:50051", "50051:50051", "grpc can be reached from outside"),
        ('ports: ["127.0.0.1:8000:8000"]', "network_mode: host", "web can be reached from outside"),
        ("stop_grace_period: 40s", "stop_grace_period: 30s", "grpc is killed before its grace ends"),
    ],
)
def test_planted_fault_is_found(old: str, new: str, fault: str) -> None:
    assert (DOCKERFILE + COMPOSE).count(old) >= 1
    assert fault in faults(DOCKERFILE.replace(old, new), COMPOSE.replace(old, new))


def services() -> dict[str, Any]:
    return dict(yaml.safe_load(COMPOSE)["services"])


def test_services_start_after_their_dependencies() -> None:
    needs = {name: service.get("depends_on", {}) for name, service in services().items()}
    migrated = {"migrate": {"condition": "service_completed_successfully"}}
    assert needs == {
        "postgres": {},
        "migrate": {"postgres": {"condition": "service_healthy"}},
        "web": migrated,
        "grpc": migrated,
        "worker": migrated,
    }


@pytest.mark.parametrize(("service", "variable"), [("web", "HTTP_HOST"), ("grpc", "GRPC_HOST")])
def test_server_listens_on_all_addresses_if_allowed(service: str, variable: str) -> None:
    host = (image_variables(DOCKERFILE) | services()[service]["environment"])[variable]
    leave = services()[service]["environment"]["DEV_AUTH_PUBLISHED_ON_LOOPBACK"] == "true"
    assert host == "0.0.0.0"
    with override_settings(DEV_AUTH_AS="admin@example.com", DEV_AUTH_PUBLISHED_ON_LOOPBACK=leave):
        check_development_identity(host)
    with override_settings(DEV_AUTH_AS="admin@example.com"), pytest.raises(ImproperlyConfigured):
        check_development_identity(host)


def test_the_image_has_no_tests_in_it() -> None:
    (command,) = re.findall(r"(sed .*?) >", DOCKERFILE)
    run = subprocess.run(["sh", "-ec", command], cwd=ROOT, check=True, capture_output=True, text=True)
    installed = set(re.findall(r"^[\w-]+", run.stdout, re.MULTILINE))
    assert {"django", "grpcio", "uvicorn"} <= installed
    assert not installed & {"pytest", "factory-boy", "grpcio-tools"}


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A folder with what `COPY . .` takes, and with what the image makes of it."""
    folder = tmp_path / "app"
    rules = [rule for rule in (ROOT / ".dockerignore").read_text().splitlines() if not rule.startswith("#")]
    assert rules[0] == "*", "an .env or a key in the checkout would get into the image"
    for rule in rules:
        if rule.startswith("!"):
            source, target = ROOT / rule[1:], folder / rule[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
    (collect,) = [rest for rest in values_of(stages(DOCKERFILE)[0], "RUN") if "manage.py" in rest]
    done = run(["sh", "-ec", collect.replace("/venv/bin/python", "python")], folder, {})
    assert "static files copied" in done.stdout
    assert (folder / "var/static/core/api/rest.js").is_file()
    return folder


@pytest.fixture
def empty_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The URL of a database with nothing in it, beside the one of the tests."""
    with django_db_blocker.unblock():
        name = f"{connection.settings_dict['NAME']}_containers"
        url = database_url()
        connection.close()
        with server_cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}"')
        try:
            yield f"{url.rpartition('/')[0]}/{name}"
        finally:
            with server_cursor() as cursor:
                cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


class Containers:
    """The services of the compose file as processes on free ports.

    They listen on the loopback address, not on all: here nothing stands between them and the network.
    """

    def __init__(self, app: Path, database: str) -> None:
        self.app = app
        self.ports = {"8000": str(free_port()), "50051": str(free_port())}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.instead = {
            "DATABASE_URL": database, "HTTP_HOST": "127.0.0.1", "GRPC_HOST": "127.0.0.1",
            "HTTP_PORT": self.ports["8000"], "GRPC_PORT": self.ports["50051"],
        }  # fmt: skip

    def variables(self, name: str) -> dict[str, str]:
        of_image = {key: value for key, value in image_variables(DOCKERFILE).items() if key != "PATH"}
        return of_image | services()[name]["environment"] | self.instead

    def run(self, name: str) -> subprocess.CompletedProcess[str]:
        """Run a service that ends."""
        return run(services()[name]["command"], self.app, self.variables(name))

    def start(self, name: str) -> None:
        with self._log(name).open("wb") as log:
            self.processes[name] = subprocess.Popen(
                services()[name]["command"], cwd=self.app, env=environment(self.variables(name)),
                stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def output_of(self, name: str) -> str:
        return self._log(name).read_text()

    def _log(self, name: str) -> Path:
        return self.app.with_name(f"{name}.log")

    def is_healthy(self, name: str) -> bool:
        """Return the exit code of the service's health check, or of the image's."""
        assert self.processes[name].poll() is None, self.output_of(name)
        (of_image,) = values_of(stages(DOCKERFILE)[-1], "HEALTHCHECK")
        test = services()[name].get("healthcheck", {}).get("test") or [
            "CMD",
            *json.loads(of_image.partition("CMD ")[2]),
        ]
        assert test[0] == "CMD"
        command = [re.sub(r"\b(8000|50051)\b", lambda port: self.ports[port[0]], word) for word in test[1:]]
        return run(command, self.app, self.variables(name), check=False).returncode == 0

    def stop(self, name: str) -> int:
        self.processes[name].send_signal(signal.SIGTERM)
        return self.processes[name].wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()


def run(
    command: list[str], folder: Path, variables: dict[str, str], *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, cwd=folder, env=environment(variables), capture_output=True, text=True, timeout=120, check=False
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def environment(variables: dict[str, str]) -> dict[str, str]:
    """Return an environment with nothing of the tests' own but the path of programs; `python` has the requirements."""
    return {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]), **variables}


@contextmanager
def up(app: Path, database: str) -> Iterator[Containers]:
    """Return the services that `docker compose up` starts, in its order."""
    containers = Containers(app, database)
    try:
        migrated = containers.run("migrate")
        assert "Demo data is loaded." in migrated.stdout
        for name in ("web", "grpc", "worker"):
            containers.start(name)
        for name in ("web", "grpc"):
            until(lambda name=name: containers.is_healthy(name), f"{name} is healthy")  # type: ignore[misc]
        until(lambda: "Running jobs" in containers.output_of("worker"), "the worker runs")
        yield containers
    finally:
        containers.kill()


@pytest.mark.real_server
def test_after_up_a_client_without_a_token_works(app: Path, empty_database: str) -> None:
    before = set(app.rglob("*"))
    with up(app, empty_database) as containers:
        with urllib.request.urlopen(f"http://127.0.0.1:{containers.ports['8000']}/api/v1/users/me") as answer:
            assert json.load(answer)["email"] == "admin@example.com"
        with grpc.insecure_channel(f"127.0.0.1:{containers.ports['50051']}") as channel:
            users = UserServiceStub(channel)
            assert users.GetUser(GetUserRequest(user_id="me"), timeout=10).user.email == "admin@example.com"
            users.CreateUser(CreateUserRequest(email="ada@example.com", first_name="Ada"), timeout=10)
        until(lambda: "To: ada@example.com" in containers.output_of("worker"), "the worker mails")
        # uvicorn ends by the signal itself once all is done.
        assert containers.stop("web") in (0, -signal.SIGTERM)
        assert [containers.stop(name) for name in ("grpc", "worker")] == [0, 0]
    # Where a folder cannot be written, processes do without what they would share there.
    written = {path for path in app.rglob("*") if not path.match("var/callers-*")}
    assert written == before, "the containers' file system is read-only"

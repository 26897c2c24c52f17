"""What the documents print can be typed, and what they say of the product is so.

Every block of commands in `DOCUMENTS` is run as it is printed, against both doors on free ports, or stands in `NOT_RUN`
with its reason. grpcurl is not among the programs that npm or PyPI have; `GRPCURL` takes its command line to buf.
"""

import os
import re
import subprocess
import sys
from argparse import SUPPRESS
from collections.abc import Iterator
from dataclasses import asdict
from io import StringIO
from itertools import cycle
from pathlib import Path
from typing import Any

import grpc
import pytest
from django.core.management import call_command, load_command_class
from django.core.management.base import BaseCommand

from config.rpc import services
from core.errors import TABLE
from scripts.dev.options import parse
from tests.contract import test_settings
from tests.support.servers import ROOT, Servers, database_url, running
from tests.support.tools import path_of
from tests.support.worker_process import workers

DOCUMENTS = ("README.md", "docs/operate/running.md")
PATIENCE_SECONDS = 60

#: A text of each block that is run → what it prints, among other things.
PRINTS = {
    "curl http://localhost:8000/api/v1/users/me": ('"email":"admin@example.com"', '"email":"ada@example.com"'),
    '-d \'{"query": "jane"}\'': ("user.v1.UserService", "jane@example.com"),
    "curl -N --max-time 2 'http": ("event: created", '"title":'),
    "taskservice.TaskService/ProcessTaskStream": (
        '"title": "Water the plants"',
        "EVENT_TYPE_CREATED",
        '"successCount": 2',
        "Title is required",
        '"commandId": "2"',
        "Task with ID 'none' not found",
    ),
    "tasks=http://": (
        "event: snapshot_end",
        '"success_count":1',
        "Title is required",
        '"title":"Mow"',
        "Task with ID 'none' not found",
    ),
    "meetings=http://": ("event: status", '"title":"Weekly"', "WEBVTT"),
    "scripts/try_meeting.py": (
        "Uploaded planning.ogg",
        "jane will write the letter to the customers by friday",
        "Speakers   S1 ",
        "Accepted   write the letter to the customers: task ",
    ),
    "users.GetUserByEmail(": ('display_name: "John Doe"',),
    '"update_mask": "firstName"': ("auth.v1.AuthService", "john@example.com", '"firstName": "Ada"'),
    "buf curl --protocol grpc": ("user.v1.UserService/GetUser", "john@example.com"),
    "auth.v1.AuthService/Login": ("eve@example.com",),
    'email="not an address"': ("INVALID_ARGUMENT\nINVALID\n", "email: EMAIL: ", "password: PASSWORD_TOO_SHORT: "),
    "scripts/try_grpc.py": ("SERVING", "✓ All tests completed!"),
}

#: A text of each block that is not run → why.
NOT_RUN = {
    "./scripts/start_grpc_dev.sh": "tests/core/test_start_script.py does",
    "./scripts/test.sh": "it runs this test",
    "pip install -r requirements.txt": "it serves until it is stopped; what it calls is what the start script calls",
    "manage.py runworker": "it runs until it is stopped; tests/support/worker_process.py runs it",
    "manage.py runweb": "it serves until it is stopped; tests/support/servers.py runs it",
    "docker compose": "tests/contract/test_containers.py runs what it starts",
    "openssl req": "tests/core/test_rungrpc.py makes certificates of its own",
    "grpcurl -cacert ca.pem localhost": "tests/core/test_rungrpc.py speaks TLS",
    "grpcurl -cacert ca.pem -cert": "tests/core/test_rungrpc.py speaks TLS",
    "pip install /path/to/this/checkout": "tests/contract/test_stubs.py builds the package",
    "scripts/generate_grpc_stubs.sh": "tests/contract/test_stubs.py and tests/core/test_openapi.py do",
}

GRPCURL = """#!/usr/bin/env bash
options=(--protocol grpc --http2-prior-knowledge)
run=(exec)
while [[ $1 == -* ]]; do
    case $1 in
        -plaintext) shift ;;
        -max-time) run=(timeout "$2"); shift 2 ;;
        -d) options+=(-d "${2/#@/@-}"); shift 2 ;;
        -H) options+=("$1" "$2"); shift 2 ;;
        *) echo "$1 is not among the options of grpcurl that are known here" >&2; exit 2 ;;
    esac
done
case $2 in
    list) exec buf curl "${options[@]}" --list-services "http://$1" ;;
    *) "${run[@]}" buf curl "${options[@]}" "http://$1/$2" ;;
esac
"""


def blocks(text: str) -> list[str]:
    """The blocks of commands in a document."""
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def known(block: str) -> list[str]:
    """The keys of PRINTS and NOT_RUN that speak of this block: one, if all is well."""
    return [text for text in (*PRINTS, *NOT_RUN) if text in block]


def to_run() -> list[Any]:
    """The blocks that are run, with the programs that they need."""
    found = []
    for document in DOCUMENTS:
        for block in blocks((ROOT / document).read_text()):
            if (keys := known(block)) and keys[0] in PRINTS:
                programs = {"curl": r"\bcurl http", "buf": r"\b(grpcurl|buf) "}
                needed = [program for program, called in programs.items() if re.search(called, block)]
                marks = [pytest.mark.tools(*needed)] if needed else []
                found.append(pytest.param(block, PRINTS[keys[0]], id=f"{document}: {keys[0]}", marks=marks))
    return found


@pytest.fixture(scope="module")
def servers(django_db_setup: None, django_db_blocker: Any) -> Iterator[Servers]:
    """Both doors with the demo data, started once for all blocks: each stands for itself."""
    with django_db_blocker.unblock():
        call_command("demo", stdout=StringIO())
        try:
            # Recordings are worked on beside the servers.
            with running(DATABASE_URL=database_url()) as servers, workers() as start_worker:
                start_worker(DEBUG="true")
                yield servers
        finally:
            call_command("flush", interactive=False, verbosity=0)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """PATH with the programs that the documents call."""
    shim = tmp_path / "grpcurl"
    shim.write_text(GRPCURL)
    shim.chmod(0o755)
    buf = path_of("buf")
    return os.pathsep.join([str(tmp_path), *([str(Path(buf).parent)] if buf else []), os.environ["PATH"]])


@pytest.mark.real_server
@pytest.mark.django_db
@pytest.mark.parametrize(("block", "printed"), to_run())
def test_commands_work_as_printed(block: str, printed: tuple[str, ...], servers: Servers, path: str) -> None:
    http_port, grpc_port = servers.http_url.rpartition(":")[2], servers.grpc_address.rpartition(":")[2]
    commands = re.sub(r"\b50051\b", grpc_port, re.sub(r"\b8000\b", http_port, block))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=ROOT, env=os.environ | {"PATH": path, "GRPC_PORT": grpc_port},
        capture_output=True, text=True, timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for text in printed:
        assert text in done.stdout


def test_every_block_is_run_or_says_why_not() -> None:
    found = [block for document in DOCUMENTS for block in blocks((ROOT / document).read_text())]
    assert [block for block in found if len(known(block)) != 1] == []
    assert {key for block in found for key in known(block)} == {*PRINTS, *NOT_RUN}
    fences = [
        fence for document in DOCUMENTS for fence in re.findall(r"^```(.+)$", (ROOT / document).read_text(), re.M)
    ]
    assert set(fences) == {"sh"}, "a block in another language would not be run"


def test_a_block_that_nobody_knows_is_seen() -> None:
    (block,) = blocks("Text.\n\n```sh\nrm -rf var\n```\n")
    assert block == "rm -rf var\n"
    assert known(block) == []


def rows(heading: str) -> list[list[str]]:
    """The rows of the first table under a heading of docs/operate/running.md."""
    section = (ROOT / "docs/operate/running.md").read_text().partition(f"\n## {heading}\n")[2]
    table = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert table
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table[0].splitlines()[2:]]


def documented(heading: str) -> dict[str, tuple[str, str]]:
    """Option → its default and its environment variable, as that table tells them."""
    told = {}
    for options, default, variables, _ in rows(heading):
        for option, variable in zip(codes(options), cycle(codes(variables) or [""])):
            told[option] = (default, variable)
    return told


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def options_of_command(name: str) -> dict[str, tuple[str, str]]:
    """Option → its default and its environment variable, of a command of manage.py; without those that all have."""
    # Not the parser's defaults: they are what this machine's environment says.
    defaults = test_settings.documented((ROOT / ".env.example").read_text())
    common = BaseCommand().create_parser("manage.py", name)._option_string_actions
    return {
        option: (defaults.get(variable, "").replace("false", ""), variable)
        for option, action in load_command_class("core", name)
        .create_parser("manage.py", name)
        ._option_string_actions.items()
        if action.help is not SUPPRESS and option not in common
        for variable in [variable_in(action.help or "")]
    }


def options_of_start_script(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, str]]:
    """The same of scripts/start_grpc_dev.sh."""
    command = [sys.executable, "-m", "scripts.dev.options"]
    variables = os.environ | {"COLUMNS": "300"}
    said = subprocess.run(command, cwd=ROOT, env=variables, check=True, capture_output=True, text=True).stdout
    options = {option: variable_in(told) for option, told in re.findall(r"^  (--[\w-]+)(.*(?:\n    .*)*)", said, re.M)}
    for variable in filter(None, options.values()):
        monkeypatch.delenv(variable, raising=False)
    defaults = {f"--{name.replace('_', '-')}": value for name, value in asdict(parse([])).items()}
    return {
        option: (str(defaults[option] or "").removeprefix(f"{ROOT}/"), variable) for option, variable in options.items()
    }


def variable_in(told: str) -> str:
    found = re.search(r"\(([A-Z_]{4,})\b", told)
    return found[1] if found else ""


def test_every_option_of_the_start_script_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    assert documented("One command") == options_of_start_script(monkeypatch)


@pytest.mark.parametrize("command", ["rungrpc", "runweb", "runworker"])
def test_every_option_of_a_command_is_documented(command: str) -> None:
    assert documented(f"Options of {command}") == options_of_command(command)


def test_it_says_how_much_of_the_contract_is_served() -> None:
    told = re.search(r"(\d+) of the (\d+) rpcs of `user\.v1\.UserService`", (ROOT / "README.md").read_text())
    assert told
    contract = (ROOT / "tests/contract/published/user.proto").read_text()
    published = set(re.findall(r"^\s*rpc (\w+)", contract, re.MULTILINE))
    served = {
        operation.rpc
        for service in services
        for operation in service.operations
        if service.name == "user.v1.UserService"
    }
    assert told.groups() == (str(len(served & published)), str(len(published)))


def test_the_table_of_failures_is_the_one_of_the_code() -> None:
    section = (ROOT / "docs/extend/architecture.md").read_text().partition("\n## Failures\n")[2].partition("\n## ")[0]
    documented = {
        reason: (int(status), grpc.StatusCode[code].value[0])
        for reason, status, code in re.findall(r"^\| (\w+) \| .* \| (\d+) \| (\w+) \|$", section, re.MULTILINE)
    }
    assert documented == {reason: (kind.http_status, kind.grpc_code) for reason, kind in TABLE.items()}


def test_the_tests_that_caught_a_planted_fault_exist() -> None:
    named = re.findall(r"`(\w+/test_\w+\.py)` (test_\w+)", (ROOT / "docs/extend/testing.md").read_text())
    assert named
    assert [name for file, name in named if f"def {name}" not in (ROOT / "tests" / file).read_text()] == []


def test_links_lead_somewhere() -> None:
    broken = []
    for document in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        text = document.read_text()
        for target in re.findall(r"\]\(([^)]+)\)", text):
            if target.startswith("http"):
                continue
            name, _, heading = target.partition("#")
            file = (document.parent / name) if name else document
            if not file.exists() or (heading and heading not in anchors(file.read_text())):
                broken.append(f"{document.relative_to(ROOT)}: {target}")
    assert broken == []


def anchors(text: str) -> set[str]:
    """What a heading can be linked by."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_two_screens_long() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 100

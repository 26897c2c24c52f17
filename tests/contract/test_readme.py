"""Commands and tables of the documents, compared with the product.

Every block of commands in `DOCUMENTS` is run as it is printed, against both servers on free ports, or is listed in
`NOT_RUN` with the reason. buf runs the commands of grpcurl (`tests.support.grpcurl`).
"""

import os
import re
import subprocess
import sys
from argparse import SUPPRESS, Action, ArgumentParser
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
from tests.support import grpcurl
from tests.support.servers import ROOT, Servers, database_url, running
from tests.support.tools import path_of
from tests.support.worker_process import workers

#: tests/contract/test_imports_page.py runs the commands of the page left out.
DOCUMENTS = (
    "README.md",
    *sorted(
        str(page.relative_to(ROOT))
        for reader in ("start", "integrate", "operate")
        for page in (ROOT / "docs" / reader).glob("*.md")
        if page.name != "imports.md"
    ),
)
#: Languages of blocks that other tests run: tests/client/test_document.py, tests/meetings/live/test_browser.py,
#: tests/meetings/tus/test_clients.py, tests/core/web_rpc/test_browsers.py, tests/contract/test_typescript_package.py.
OTHER_LANGUAGES = {
    "docs/operate/scaling.md": {"sql"},
    "docs/integrate/grpc.md": {"python"},
    "docs/integrate/client.md": {"python"},
    "docs/integrate/live.md": {"js"},
    "docs/integrate/meetings.md": {"js"},
    "docs/integrate/typescript.md": {"js"},
    "docs/integrate/web.md": {"js"},
}
#: A recording is transcribed in this time, also beside other work on the machine.
PATIENCE_SECONDS = 240

#: A text of each block that is run → what it prints, among other things.
PRINTS = {
    "curl http://localhost:8000/api/v1/users -H": ('"email":"admin@example.com"', '"email":"ada@example.com"'),
    "tasks/stream?include_initial": ("event: created", '"title":'),
    "scripts/try_meeting.py": (
        "Uploaded planning.ogg",
        "will write the letter to the customers by Friday.",
        "Speakers   S1 ",
        "Accepted   write the letter to the customers: task ",
    ),
    "scripts/try_drawing.py": (
        "Sheet      2 Control and indicators",
        "Counted    Motor: 5, and 0 to look at",
        "motor 5.5 kW",
        "Saved      var/bill-of-materials.xlsx",
    ),
    '-d \'{"query": "jane"}\'': ("user.v1.UserService", "jane@example.com"),
    "from tandem.client import Client\n": ('display_name: "John Doe"',),
    # docs/start/tour.md
    '"labels": ["tour"]}' + "' |": ('"status":"done"', '"title":"Take the tour"', '"total_count":'),
    '{"labels": ["tour"]}': ("taskservice.TaskService", '"Take the tour"'),
    '"name": "Tour"': ("read 200", "write 403"),
    # docs/integrate/auth.md
    "auth.v1.AuthService/Login": ("eve@example.com",),
    "api=http://": ('"email":"rob@example.com"', '"user_agent":"curl/'),
    # docs/integrate/errors.md
    "curl -s http://localhost:8000/api/v1/users -H": ('"reason": "INVALID"', '"#/email"', '"#/password"'),
    'email="not an address"': ("INVALID_ARGUMENT\nINVALID\n", "email: EMAIL: ", "password: PASSWORD_TOO_SHORT: "),
    # docs/integrate/grpc.md
    '"update_mask": "firstName"': ("auth.v1.AuthService", "john@example.com", '"firstName": "Ada"'),
    "buf curl --protocol grpc": ("user.v1.UserService/GetUser", "john@example.com"),
    "taskservice.TaskService/ProcessTaskStream": (
        '"title": "Water the plants"',
        "EVENT_TYPE_CREATED",
        '"successCount": 2',
        "Title is required",
        '"commandId": "2"',
        "Task with ID 'none' not found",
    ),
    "UserServiceStub(channel)\n    print": ('display_name: "John Doe"',),
    "scripts/try_grpc.py": ("SERVING", "✓ All tests completed!"),
    "tasks = task_pb2_grpc.TaskServiceStub": (
        "Sweep the yard is one of 2 and more follow: True",
        "now at version 2",
        "ABORTED It was modified concurrently and is now at version 2",
    ),
    # docs/integrate/drawings.md
    'title="Ground floor"': ('"title":"Ground floor"', '"status":"queued"'),
    # docs/integrate/idempotency.md
    "Idempotency-Key: water-the-garden-7": ("HTTP/1.1 201", '"title":"Water the garden"', "replayed: true"),
    "'If-Match: \"1\"'": ('"title":"Paint the fence"', " 200\n", '"reason": "STALE"', " 412\n"),
    # docs/integrate/meetings.md
    "api/v1/meetings/upload": ('"title":"Planning"',),
    "/recording": ("HTTP/1.1 206", 'filename="planning.ogg"', "OggS"),
    "transcript.$format": ("WEBVTT", "# Retrospective"),
    # docs/integrate/paging.md
    "tandem-page.json": ('"next_page_token":"', '"email":"admin@example.com"', '"email":"'),
    '"page_size": 1': ('"nextPageToken": "',),
    # docs/integrate/projects.md
    "api/v1/projects -H": ('"name":"Hall 4, lighting"', '"my_role":"manager"'),
    # docs/integrate/tasks.md
    "order_by=rank": ('"title":"Rake the leaves"', '"rank":"'),
    "bulk-update": ('"success_count":1', '"status":"done"', "Task with ID 'none' not found"),
    # docs/integrate/rest.md
    "openapi.json | grep": ('"display_name":"Ada"', '"version": "'),
    "$tasks/bulk": ('"success_count":1', "Title is required", '"title":"Mow"', "Task with ID 'none' not found"),
    # docs/integrate/streams.md
    "changes/stream?include_initial": ("event: created", "event: snapshot_end", '"next_cursor":"'),
    # docs/integrate/web.md
    "user.v1.UserService/GetUser -H": ('"email":"admin@example.com"', '"email": "admin@example.com"'),
    "meetings/$id/stream": ("event: status", '"title":"Weekly"'),
}

#: A text of each block that is not run → why.
NOT_RUN = {
    "manage.py demo --users": "tests/core/test_demo.py does, with smaller numbers",
    "manage.py backup": "tests/core/test_backups.py does",
    "manage.py restore": "tests/core/test_backups.py does",
    "manage.py upgrade_database\n": "tests/embedded_postgres/test_upgrade.py upgrades",
    "upgrade_database --programs": "tests/embedded_postgres/test_upgrade.py upgrades",
    "export DATABASE_DIRECT_URL": "tests/core/test_poolers.py sets it",
    "docker build": "no engine is needed for the tests (tests/contract/test_containers.py)",
    "kubectl apply": "tests/contract/test_deployment.py validates what it applies",
    "./scripts/start_grpc_dev.sh": "tests/core/test_start_script.py does",
    "./scripts/test.sh": "it runs this test",
    "pip install -r requirements.txt": "it serves until it is stopped; what it calls is what the start script calls",
    "manage.py runworker": "it runs until it is stopped; tests/support/worker_process.py runs it",
    "manage.py runweb": "it serves until it is stopped; tests/support/servers.py runs it",
    "pip install -r requirements-s3.txt": "scripts/check.sh installs the same packages",
    "pip install -r requirements-redis.txt": "the cache of a machine without Redis is local memory",
    "pip install -r requirements-tracing.txt": "tests/core/test_traces.py sets that variable for servers of its own",
    "docker compose": "tests/contract/test_containers.py runs what it starts",
    "openssl req": "tests/core/test_tls.py makes certificates of its own",
    "rungrpc --port 50052": "it serves until it is stopped; tests/core/test_tls.py runs it with such options",
    "grpcurl -cacert var/trial/ca.pem": "tests/core/test_tls.py calls with client certificates",
    '"name": "Motor"': "it needs a document that was read; scripts/try_drawing.py, of the tour, makes the same call",
    "pip install /path/to/this/checkout": "tests/contract/test_stubs.py builds the package",
}


def blocks(text: str) -> list[str]:
    """Return the blocks of commands in a document."""
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def known(block: str) -> list[str]:
    """Return the keys of PRINTS and NOT_RUN that match this block, of which there must be one."""
    return [text for text in (*PRINTS, *NOT_RUN) if text in block]


def to_run() -> list[Any]:
    """Return the blocks that are run, with the programs that they need."""
    found = []
    for document in DOCUMENTS:
        for block in blocks((ROOT / document).read_text()):
            if (keys := known(block)) and keys[0] in PRINTS:
                programs = {"curl": r"\bcurl http", "buf": r"\b(grpcurl|buf) ", "npx": r"\bnpx "}
                needed = [program for program, called in programs.items() if re.search(called, block)]
                marks = [pytest.mark.tools(*needed)] if needed else []
                found.append(pytest.param(block, PRINTS[keys[0]], id=f"{document}: {keys[0]}", marks=marks))
    return found


@pytest.fixture(scope="module")
def servers(django_db_setup: None, django_db_blocker: Any) -> Iterator[Servers]:
    """Both servers with the demo data, started once for all blocks, which are independent."""
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
    buf = path_of("buf")
    return os.pathsep.join(
        [str(grpcurl.install(tmp_path)), *([str(Path(buf).parent)] if buf else []), os.environ["PATH"]]
    )


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


def test_every_block_is_run_or_has_a_reason() -> None:
    found = [block for document in DOCUMENTS for block in blocks((ROOT / document).read_text())]
    assert [block for block in found if len(known(block)) != 1] == []
    assert {key for block in found for key in known(block)} == {*PRINTS, *NOT_RUN}
    fences = {document: set(re.findall(r"^```(.+)$", (ROOT / document).read_text(), re.M)) for document in DOCUMENTS}
    others = {document: languages - {"sh"} for document, languages in fences.items() if languages - {"sh"}}
    assert others == OTHER_LANGUAGES, "a block in another language would not be run"


def test_unknown_block_is_found() -> None:
    (block,) = blocks("Text.\n\n```sh\nrm -rf var\n```\n")
    assert block == "rm -rf var\n"
    assert known(block) == []


def rows(heading: str) -> list[list[str]]:
    """Return the rows of the first table under a heading of docs/operate/running.md."""
    section = (ROOT / "docs/operate/running.md").read_text().partition(f"\n## {heading}\n")[2]
    table = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert table
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table[0].splitlines()[2:]]


def documented(heading: str) -> dict[str, tuple[str, str]]:
    """Return option → its default and its environment variable, as in that table."""
    documented_options = {}
    for options, default, variables, _ in rows(heading):
        for option, variable in zip(codes(options), cycle(codes(variables) or [""])):
            documented_options[option] = (default, variable)
    return documented_options


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def options_in(parser: ArgumentParser) -> dict[str, Action]:
    """Return the options of a parser. argparse names no public way to them."""
    return parser._option_string_actions  # noqa: SLF001


def options_of_command(name: str) -> dict[str, tuple[str, str]]:
    """Return option → its default and its environment variable, for the options that only this command has."""
    # The parser's defaults depend on the environment of this machine where there is a variable.
    defaults = test_settings.documented((ROOT / ".env.example").read_text())
    common = options_in(BaseCommand().create_parser("manage.py", name))
    return {
        option: (defaults[variable].replace("false", "") if variable else default_of(action), variable)
        for option, action in options_in(load_command_class("core", name).create_parser("manage.py", name)).items()
        if action.help is not SUPPRESS and option not in common
        for variable in [variable_in(action.help or "")]
    }


def default_of(action: Action) -> str:
    return "" if action.default in (None, "") or isinstance(action.default, bool) else f"{action.default:g}"


def options_of_start_script(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, str]]:
    """Return the same of scripts/start_grpc_dev.sh."""
    command = [sys.executable, "-m", "scripts.dev.options"]
    variables = os.environ | {"COLUMNS": "300"}
    said = subprocess.run(command, cwd=ROOT, env=variables, check=True, capture_output=True, text=True).stdout
    options = {
        option: variable_in(documented_options)
        for option, documented_options in re.findall(r"^  (--[\w-]+)(.*(?:\n    .*)*)", said, re.M)
    }
    for variable in filter(None, options.values()):
        monkeypatch.delenv(variable, raising=False)
    defaults = {f"--{name.replace('_', '-')}": value for name, value in asdict(parse([])).items()}
    return {
        option: (str(defaults[option] or "").removeprefix(f"{ROOT}/"), variable) for option, variable in options.items()
    }


def variable_in(documented_options: str) -> str:
    found = re.search(r"\(([A-Z_]{4,})\b", documented_options)
    return found[1] if found else ""


def test_every_option_of_the_start_script_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    assert documented("One command") == options_of_start_script(monkeypatch)


@pytest.mark.parametrize("command", ["rungrpc", "runweb", "runworker"])
def test_every_option_of_a_command_is_documented(command: str) -> None:
    assert documented(f"Options of {command}") == options_of_command(command)


def test_served_share_of_the_contract_is_documented() -> None:
    documented_options = re.search(
        r"(\d+) of the (\d+) rpcs of `user\.v1\.UserService`", (ROOT / "README.md").read_text()
    )
    assert documented_options
    contract = (ROOT / "tests/contract/published/user.proto").read_text()
    published = set(re.findall(r"^\s*rpc (\w+)", contract, re.MULTILINE))
    served = {
        operation.rpc
        for service in services
        for operation in service.operations
        if service.name == "user.v1.UserService"
    }
    assert documented_options.groups() == (str(len(served & published)), str(len(published)))


def test_the_table_of_failures_is_the_one_of_the_code() -> None:
    section = (ROOT / "docs/integrate/errors.md").read_text().partition("\n## Reasons\n")[2].partition("\n## ")[0]
    documented = {
        reason: (int(status), grpc.StatusCode[code].value[0])
        for reason, status, code in re.findall(r"^\| (\w+) \| .* \| (\d+) \| (\w+) \|$", section, re.MULTILINE)
    }
    assert documented == {reason: (spec.http_status, spec.grpc_code) for reason, spec in TABLE.items()}


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
    """Return the fragments that link to the headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_is_two_screens_long() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 100

"""Every example of the reference, as the site prints it, sent to a server that has the rows it names."""

import contextlib
import io
import json
import re
import shlex
import subprocess
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from access.models import Session
from config.rpc import services
from core.examples import Filling, Missing
from core.operations import Operation
from scripts.site import examples, python_examples
from tandem.client.errors import TandemError
from tests.support.access_to_components import a_page_with_lines
from tests.support.factories import (
    ActionItemFactory,
    AdministratorFactory,
    ComponentFactory,
    EnrolledVoiceFactory,
    MeetingFactory,
    ProjectFactory,
    ProjectMemberFactory,
    SegmentFactory,
    SpeakerFactory,
    SymbolFactory,
    TaskFactory,
    TranscribedMeetingFactory,
    UserAddressFactory,
)
from tests.support.servers import ROOT, Servers, database_url, running
from tests.support.shared_servers import emptied_database as emptied_database

pytestmark = [pytest.mark.real_server, pytest.mark.django_db(transaction=True)]

OPERATIONS = [operation for service in services for operation in service.operations]
DOCUMENT = json.loads((ROOT / "docs/openapi.json").read_text())
#: Of an answer to an example that is understood and meets a row in another state, or none. Examples with the right rows
#: are tried by tests/core/test_openapi_examples.py.
OF_THE_STATE = re.compile(
    r"NOT_FOUND|^\s*404$|CONFLICT|ALREADY_EXISTS|UNAUTHENTICATED|token was used|current password is wrong|no such page"
)


def http_example(operation: Operation) -> examples.HttpExample:
    return examples.http_example(operation, DOCUMENT["paths"][operation.http.path][operation.http.verb.lower()])


@pytest.fixture
def servers(emptied_database: None) -> Iterator[Servers]:
    """Both servers, with an administrator who has each of the rows twice: an example may use one up."""
    caller = AdministratorFactory(email="admin@example.com")
    for _ in range(3):
        AdministratorFactory()
        TaskFactory(created_by=caller)
        UserAddressFactory(user=caller)
        meeting = TranscribedMeetingFactory(owner=caller)
        SegmentFactory(meeting=meeting)
        SpeakerFactory(meeting=meeting, user=caller, speech_ms=9_000)
        ActionItemFactory(meeting=meeting)
        MeetingFactory(owner=caller)
        Session.objects.create(user=caller)
        ProjectMemberFactory(project=ProjectFactory(), user=caller)
    _, document = a_page_with_lines(caller)
    for _ in range(3):
        ComponentFactory(document_id=document)
        SymbolFactory(document_id=document)
    EnrolledVoiceFactory(user=caller)
    with running(DATABASE_URL=database_url()) as servers:
        yield servers


def in_order() -> list[Operation]:
    """Return the operations so that few need what an earlier one changes."""
    rank = {"GET": 0, "PATCH": 1, "POST": 2, "DELETE": 4}
    late = ("CreateProject", "CreateMeeting", "ArchiveProject", "DeactivateUser", "UploadDocument", "Logout")
    return sorted(OPERATIONS, key=lambda one: 3 if one.rpc in late else rank[one.http.verb])


def addressed(source: str, servers: Servers) -> str:
    """Return an example with the addresses and rows of these servers."""

    def read(path: str) -> Any:
        with urllib.request.urlopen(f"{servers.http_url}{path}") as answer:
            return json.load(answer)

    source = re.sub(r"(--max-time |timeout=)2", r"\g<1>0.5", source)  # Of streams, which have no end.
    source = source.replace(examples.HTTP, servers.http_url).replace(examples.GRPC, servers.grpc_address)
    try:
        return str(Filling(read).fill(source))
    except Missing:
        return source


def run_python(source: str) -> str:
    """Return the failure of a program; empty = none."""
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            exec(compile(source, "example", "exec"), {})
        except TandemError as exc:
            return f"{exc.code} {exc}"
    return ""


def run_curl(source: str) -> str:
    """Return the failure of a command; empty = none."""
    command = ["bash", "-c", source.replace("-o answer", "-o /dev/null") + " -s -w '\\n%{http_code}'"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return "" if re.search(r"\n2\d\d$", done.stdout) else done.stdout


@pytest.mark.tools("curl")
def test_examples_are_accepted(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    runs: list[tuple[Callable[..., str], Callable[[str], str]]] = [
        (python_examples.blocking, run_python), (python_examples.asyncio, run_python), (examples.curl, run_curl),
    ]  # fmt: skip
    failures, accepted = [], Counter[str]()
    for operation in in_order():
        for make, run in runs:
            failure = run(addressed(make(operation, http_example(operation)), servers))
            if not failure or (operation.is_feed and "DEADLINE_EXCEEDED" in failure):
                accepted[make.__name__] += 1
            elif not OF_THE_STATE.search(failure):
                failures.append(f"{operation.name}: {make.__name__}: {failure[:500]}")
    assert not failures, "\n".join(failures)
    assert min(accepted.values()) >= 75 and len(accepted) == len(runs), accepted


def test_grpcurl_and_python_send_the_same_messages() -> None:
    """A sample of the commands is run by tests/contract/test_readme.py."""
    sent: list[Message] = []
    for operation in OPERATIONS:
        example = http_example(operation)
        if not (command := examples.grpcurl(operation, example)):
            assert operation.takes_file
            continue
        words = shlex.split(command)
        assert words[-2:] == [examples.GRPC, operation.name]
        text = words[words.index("-d") + 1]
        messages = examples.messages(operation, example)
        types = operation.method.input_type.file.message_types_by_name
        names = {name: GetMessageClass(one) for name, one in types.items()}
        built = [eval(python_examples.constructed(message), dict(names)) for message in messages]
        assert built == messages, operation.name
        decoder, position, parsed = json.JSONDecoder(), 0, []
        while position < len(text):
            value, position = decoder.raw_decode(text, position)
            position += 1
            parsed.append(ParseDict(value, operation.request_class()))
        assert parsed == messages, operation.name
        sent += messages
    assert len(sent) >= len(OPERATIONS) - 3


@pytest.mark.tools("npm")
def test_typescript_examples_have_the_right_types(tmp_path: Path) -> None:
    programs = ROOT / "node_modules/.bin"
    subprocess.run(["npm", "run", "--silent", "types"], cwd=ROOT, check=True, capture_output=True)
    for operation in OPERATIONS:
        source = examples.typescript(operation, http_example(operation))
        (tmp_path / f"{operation.name.replace('/', '.')}.ts").write_text(f"{source}\nexport {{}};\n")
    settings = json.loads((ROOT / "web/tsconfig.json").read_text())
    options = settings["compilerOptions"] | {
        "noEmit": True, "baseUrl": str(ROOT), "types": [], "typeRoots": [],
        "paths": {
            "@tandem/client": ["clients/typescript/src/index.ts"], "openapi-fetch": ["node_modules/openapi-fetch"],
        },
    }  # fmt: skip
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "include": ["*.ts"]}))
    done = subprocess.run([programs / "tsc", "--project", tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout

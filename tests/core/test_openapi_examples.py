"""Promises of the OpenAPI document, tried on the server: examples work, and required fields are required."""

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from access.models import Session
from access.tokens import access_token
from core.db.ids import uuid7
from core.examples import OWN_EMAIL
from core.rest.docs import committed_path
from tests.support.access_to_components import a_page_with_lines
from tests.support.factories import (
    ActionItemFactory,
    AdministratorFactory,
    ComponentFactory,
    EnrolledVoiceFactory,
    ProjectMemberFactory,
    SegmentFactory,
    SpeakerFactory,
    SymbolFactory,
    TaskFactory,
    TranscribedMeetingFactory,
    UserAddressFactory,
)
from users.models import TokenPurpose
from users.services import mailed_tokens

DOCUMENT: dict[str, Any] = json.loads(committed_path().read_text())
PASSWORD = "violin under a bridge"
JSON = "application/json"
#: Required of some callers only; of a browser, the cookie has the refresh token.
CONDITIONAL = {
    ("UserService_ChangePassword", "#/current_password"),
    ("AuthService_RefreshToken", "#/refresh_token"),
    ("AuthService_Logout", "#/refresh_token"),
}
VERBS = ("get", "post", "patch", "delete", "head", "options")


class Described(NamedTuple):
    """An operation as the document describes it."""

    path: str
    verb: str
    operation: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.operation["operationId"])

    @property
    def content(self) -> dict[str, Any]:
        return self.operation.get("requestBody", {}).get("content", {})  # type: ignore[no-any-return]

    @property
    def is_feed(self) -> bool:
        return "text/event-stream" in self.operation["responses"].get("200", {}).get("content", {})

    @property
    def query(self) -> dict[str, Any]:
        """The parameters of the query that have an example."""
        own = [parameter for parameter in self.operation.get("parameters", []) if parameter.get("in") == "query"]
        return {parameter["name"]: parameter for parameter in own if "example" in parameter}


OPERATIONS = [
    Described(path, verb, operation)
    for path, verbs in DOCUMENT["paths"].items()
    for verb, operation in verbs.items()
    if verb in VERBS
]
#: Of what is sent in parts; tests/core/test_api_pages.py executes them.
IN_PARTS = {
    "MeetingService_UploadRecording", "MeetingService_StreamAudio", "DrawingService_UploadDocument",
    "DrawingService_RecognizeImage",
}  # fmt: skip
WITH_EXAMPLE = [
    one
    for one in OPERATIONS
    if (one.query or any("example" in kind for kind in one.content.values()))
    and one.name not in IN_PARTS
    and not one.is_feed
]


class ExampleRows:
    """The rows that the examples name, and their callers."""

    def __init__(self, email: str) -> None:
        self.caller = AdministratorFactory(email=email, password=make_password(PASSWORD))
        self.bob = AdministratorFactory(email="bob@example.com")
        self.meeting = TranscribedMeetingFactory(owner=self.caller)
        #: A project with a document whose page has lines and words.
        self.project_id, self.document_id = a_page_with_lines(self.bob)
        self.client = Client(raise_request_exception=False, HTTP_HOST="localhost")
        self.bearer = f"Bearer {access_token(Session.objects.create(user=self.caller))}"

    def path(self, described: Described) -> str:
        values = {
            "project_id": lambda: (
                self.project_id
                if "components" in described.path or "symbols" in described.path
                else str(
                    ProjectMemberFactory(user=self.caller if "{user_id}" in described.path else self.bob).project_id
                )
            ),
            "document_id": lambda: self.document_id,
            "page_number": lambda: "0",
            "component_id": lambda: str(ComponentFactory(document_id=self.document_id).pk),
            "symbol_id": lambda: str(
                SymbolFactory(document_id=self.document_id, count_status=int("cancel" in described.path)).pk
            ),
            "user_id": lambda: str(self.bob.pk) if "activate" in described.path else "me",
            "address_id": lambda: str(UserAddressFactory(user=self.caller).pk),
            "id": lambda: str(TaskFactory(created_by=self.caller).pk),
            "meeting_id": lambda: str(self.meeting.pk),
            "segment_id": lambda: str(SegmentFactory(meeting=self.meeting).pk),
            "speaker_id": lambda: str(self.speaker().pk),
            "item_id": lambda: str(ActionItemFactory(meeting=self.meeting).pk),
        }
        path = described.path
        for name, value in values.items():
            if f"{{{name}}}" in path:
                path = path.replace(f"{{{name}}}", value())
        return path

    def speaker(self) -> Any:
        """Return a speaker who is the caller, who has consented to an enrolment before."""
        EnrolledVoiceFactory(user=self.caller)
        return SpeakerFactory(meeting=self.meeting, user=self.caller, speech_ms=9_000)

    def filled_in(self, described: Described, body: Any) -> Any:
        """Return the example with the values that only a running server has."""
        if isinstance(body, list):
            return [self.filled_in(described, item) for item in body]
        if not isinstance(body, dict):
            return body
        if "token" in body:
            purpose = TokenPurpose.RESET_PASSWORD if "new_password" in body else TokenPurpose.VERIFY_EMAIL
            return body | {"token": mailed_tokens.issue(self.caller, purpose, uuid7())}
        if "user_id" in body:
            return body | {"user_id": str(self.caller.pk)}
        if "to" in body:
            return body | {"to": self.document_id}
        if described.name.endswith("BulkUpdateTasks"):
            return body | {"id": str(TaskFactory(created_by=self.caller).pk)}
        if "document_id" in body:
            return body | {"document_id": self.document_id}
        if "decisions" in body:
            component = ComponentFactory(document_id=self.document_id)
            return {"decisions": [one | {"component_id": str(component.pk)} for one in body["decisions"]]}
        if "refresh_token" in body:
            login = {"email": self.caller.email, "password": PASSWORD}
            return body | {"refresh_token": self.client.post("/api/v1/auth/login", login, JSON).json()["refresh_token"]}
        return body

    def send(self, described: Described, body: Any, content_type: str) -> Any:
        headers = {"Authorization": self.bearer}
        path = self.path(described)
        if not described.content:
            return self.client.get(path, body, headers=headers)
        text = json.dumps(body)
        return self.client.generic(described.verb.upper(), path, text, content_type, headers=headers)


@pytest.fixture
def examples(db: None) -> ExampleRows:
    return ExampleRows(OWN_EMAIL)


def names(described: Described) -> str:
    return described.name


def example_of(described: Described, examples: ExampleRows, kind: str = JSON) -> Any:
    if described.query:
        return examples.filled_in(described, {name: one["example"] for name, one in described.query.items()})
    return examples.filled_in(described, copy.deepcopy(described.content[kind]["example"]))


def test_every_body_has_an_example() -> None:
    without = {one.name for one in OPERATIONS if one.content and one not in WITH_EXAMPLE}
    # The pieces of a resumable upload are bytes.
    assert without == IN_PARTS | {"createUpload", "sendPiece"}


def test_every_required_parameter_has_an_example() -> None:
    without = {
        (one.name, parameter["name"])
        for one in OPERATIONS
        for parameter in one.operation.get("parameters", [])
        if parameter.get("required") and "example" not in parameter
    }
    assert without == {
        # Only the answer to the beginning of an upload has its id.
        # A browser sets the header itself.
        ("streamAudioByWebSocket", "Upgrade"),
    }


@pytest.mark.parametrize("described", WITH_EXAMPLE, ids=names)
def test_every_example_works(described: Described, examples: ExampleRows) -> None:
    for kind in described.content or [JSON]:
        with transaction.atomic():
            answer = examples.send(described, example_of(described, examples, kind), kind)
            content = b"".join(answer.streaming_content) if answer.streaming else answer.content
            transaction.set_rollback(True)
        assert 200 <= answer.status_code < 300, (kind, content)
        assert str(answer.status_code) in described.operation["responses"]
        if "application/x-ndjson" in described.content:
            assert b'"success":true' in content or b'"errors":[]' in content, content


UNARY = [one for one in WITH_EXAMPLE if "application/x-ndjson" not in one.content]


@pytest.mark.parametrize("described", UNARY, ids=names)
def test_required_fields_are_required_by_the_server(described: Described, examples: ExampleRows) -> None:
    example = example_of(described, examples)
    stated = set(required_in(schema_of(described), example)) if described.content else required_in_query(described)
    found = set()
    for path in paths_in(example):
        left = without(example, path)
        with transaction.atomic():
            answer = examples.send(described, left, JSON)
            transaction.set_rollback(True)
        pointer = "#/" + "/".join(path)
        if described.query and answer.status_code == 404:
            found.add(pointer)  # Nothing has an empty name.
        elif answer.status_code == 400:
            errors = {(error["pointer"], error["code"]) for error in answer.json()["errors"]}
            assert any(code == "required" for _, code in errors), (path, errors)
            # Of what has parts, the first part that lacks may be named.
            assert any(one.startswith(pointer) for one, _ in errors), (path, errors)
            found.add(pointer)
        else:
            assert answer.status_code < 300, (path, answer.content)
    assert found - {pointer for name, pointer in CONDITIONAL if name == described.name} == stated


@pytest.mark.parametrize("described", [one for one in UNARY if one.content], ids=names)
def test_a_body_is_required_where_it_holds_what_is(described: Described, examples: ExampleRows) -> None:
    answer = examples.client.generic(
        described.verb.upper(), examples.path(described), headers={"Authorization": examples.bearer}
    )
    if not (described.operation["requestBody"]["required"] or described.name in dict(CONDITIONAL)):
        assert answer.status_code < 300, answer.content
    elif described.verb != "patch":  # Of a change that is not there nothing is changed.
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "required")


def test_examples_have_no_key_that_is_not_described() -> None:
    for one in WITH_EXAMPLE:
        for kind in one.content.values():
            example = kind["example"]
            for item in example if isinstance(example, list) else [example]:
                schema = resolved(kind["schema"].get("items", kind["schema"]))
                assert set(item) <= set(schema["properties"]), one.name


def test_every_path_of_the_api_is_described() -> None:
    described = {path.replace("{", "<").replace("}", ">") for path in DOCUMENT["paths"]}
    served = {shown(pattern) for pattern in patterns(get_resolver())}
    api = {path for path in served if path.startswith(("/api/", "/health", "/metrics", "/.well-known"))}
    others = {"/api/v1/meetings/<meeting_id>/transcript.<form>", r"/api/protos/<path>[\w/]+.proto)"}
    assert api - {"/api(/.*)?"} <= described | others
    assert {"/health", "/.well-known/jwks.json", "/api/v1/uploads/<upload_id>", "/api/v1/tasks/<id>"} <= api
    assert {f"/api/v1/meetings/<meeting_id>/transcript.{form}" for form in ("json", "srt", "vtt", "md")} <= described


def test_document_names_a_server() -> None:
    assert DOCUMENT["servers"] == [{"url": "/"}]


@pytest.mark.django_db
def test_other_paths_answer_as_described() -> None:
    caller = AdministratorFactory()
    meeting = TranscribedMeetingFactory(owner=caller)
    client = Client(raise_request_exception=False, HTTP_HOST="localhost")
    headers = {"Authorization": f"Bearer {access_token(Session.objects.create(user=caller))}"}
    tried = 0
    for one in OPERATIONS:
        if one.verb != "get" or one.name.partition("_")[0].endswith("Service") or "101" in one.operation["responses"]:
            continue
        path = one.path.replace("{meeting_id}", str(meeting.pk)).replace("{path}", "tandem/task/v1/task.proto")
        answer: Any = client.get(path, headers=headers)
        assert answer.status_code == 200, one.path
        described = one.operation["responses"]["200"]
        assert answer.headers["Content-Type"].partition(";")[0] in described["content"], one.path
        assert {"ETag"} & set(described["headers"]) <= set(answer.headers)
        tried += 1
    assert tried == 14


# Reading the document


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" in schema:
        schema = next(option for option in schema["anyOf"] if option.get("type") != "null")
    if "$ref" in schema:
        return resolved(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return schema


def schema_of(described: Described) -> dict[str, Any]:
    return resolved(described.content[JSON]["schema"])


def required_in(schema: dict[str, Any], example: Mapping[str, Any], prefix: str = "#") -> Iterator[str]:
    """Return the pointers to the required fields that the example has."""
    yield from (f"{prefix}/{key}" for key in schema.get("required", []))
    for key, value in example.items():
        if isinstance(value, dict) and "properties" in (part := resolved(schema["properties"][key])):
            yield from required_in(part, value, f"{prefix}/{key}")


def required_in_query(described: Described) -> set[str]:
    return {
        f"#/{parameter['name']}"
        for parameter in described.operation["parameters"]
        if parameter.get("in") == "query" and parameter.get("required")
    }


def paths_in(example: Mapping[str, Any], prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in example.items():
        yield (*prefix, key)
        if isinstance(value, dict):
            yield from paths_in(value, (*prefix, key))


def without(example: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    left = copy.deepcopy(dict(example))
    holder = left
    for key in path[:-1]:
        holder = holder[key]
    del holder[path[-1]]
    return left


def patterns(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern)
        else:
            yield from patterns(pattern, prefix + str(pattern.pattern))


def shown(pattern: str) -> str:
    """Return a pattern of the URLconf as a path of the document, but with angle brackets instead of braces."""
    text = pattern.replace("/^", "/").removesuffix("/?$").removesuffix("$").replace("\\.", ".")
    for noise in ("(?P", "[^/]+)", "str:"):
        text = text.replace(noise, "")
    return text.split("(?:")[0] if "transcript." not in text else text.partition("transcript.")[0] + "transcript.<form>"

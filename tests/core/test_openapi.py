"""The OpenAPI document matches the codec and the committed file."""

import io
import json
import random
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client

from core import protojson
from core.operations import Operation
from core.protojson.requests import plan
from core.protojson.responses import page_field
from core.rest.docs import committed_path
from core.rest.openapi.comments import comments
from core.rest.openapi.current import current_document, served_operations
from core.rest.openapi.document import document
from core.rest.openapi.limits import limits_of
from core.web_rpc.docs import committed_path as grpc_description_path
from tandem.user.v1 import user_pb2
from tests.support import shapes
from tests.support.random_messages import random_message
from users.models import User

RENEW = "renew it: python manage.py openapi > docs/openapi.json"
ROUNDS = 20


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return current_document()


@pytest.fixture(scope="module")
def described_shapes() -> dict[str, Any]:
    found = comments(settings.BASE_DIR / "tests" / "support", include=[settings.BASE_DIR / "proto"])
    limits = {"shapes.Part.name": {"maxLength": 3}}
    return document([*shapes.OPERATIONS.values()], version="1", comments=found, limits=limits)


def each(operation: Operation) -> tuple[str, str]:
    return operation.http.path, operation.http.verb.lower()


# The committed copy


def test_the_committed_document_is_the_current_one() -> None:
    output = io.StringIO()
    call_command("openapi", stdout=output)
    assert committed_path().read_text() == output.getvalue(), RENEW


def test_the_committed_description_of_grpc_is_the_current_one() -> None:
    output = io.StringIO()
    call_command("grpc_description", stdout=output)
    assert grpc_description_path().read_text() == output.getvalue(), RENEW.replace("openapi", "grpc_description")


def test_the_committed_document_is_served(client: Client, db: None) -> None:
    response = client.get("/api/v1/openapi.json", headers={"host": "localhost"})
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
    assert response.content == committed_path().read_bytes()
    assert client.post("/api/v1/openapi.json", headers={"host": "localhost"}).status_code == 405


def test_every_operation_that_is_served_is_described(described: dict[str, Any]) -> None:
    described_ones = {
        (path, verb)
        for path, verbs in described["paths"].items()
        for verb, documented in verbs.items()
        if verb != "parameters" and "Service_" in documented["operationId"]
    }
    assert described_ones == {each(operation) for operation in served_operations()}
    assert {"user.v1.UserService/UpdateUser", "example.ExampleService/GetUser", "auth.v1.AuthService/Login"} <= {
        operation.name for operation in served_operations()
    }


def test_every_reference_leads_somewhere(described: dict[str, Any], described_shapes: dict[str, Any]) -> None:
    for whole in (described, described_shapes):
        references = re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(whole))
        assert references
        for reference in references:
            target: Any = whole
            for part in reference.split("/"):
                target = target[part]
            assert target


def test_ids_of_operations_are_unique(described: dict[str, Any]) -> None:
    ids = [
        operation["operationId"]
        for verbs in described["paths"].values()
        for verb, operation in verbs.items()
        if verb != "parameters"
    ]
    assert len(ids) == len(set(ids))


# The document against the codec


def test_bodies_and_answers_fit_their_schemas(described: dict[str, Any], described_shapes: dict[str, Any]) -> None:
    for whole, operations in (
        (described, served_operations()),
        (described_shapes, shapes.OPERATIONS.values()),
    ):
        for operation in operations:
            path, verb = each(operation)
            documented = whole["paths"][path][verb]
            rng = random.Random(operation.name)
            for _ in range(ROUNDS):
                assert_request_fits(operation, documented, whole, rng)
                assert_answer_fits(operation, documented, whole, rng)


def assert_request_fits(
    operation: Operation, documented: dict[str, Any], whole: dict[str, Any], rng: random.Random
) -> None:
    if operation.takes_file:
        assert list(documented["requestBody"]["content"]) == ["multipart/form-data"]
        return
    request = random_message(operation.method.input_type, rng)
    for name in operation.http.path_fields:
        setattr(request, name, type(getattr(request, name))(7))
    if plan(operation).masked:
        request.ClearField("update_mask")
    call = protojson.write_request(operation, request)
    parameters = {parameter.get("name"): parameter for parameter in documented["parameters"]}
    assert {name for name, _ in call.query} <= set(parameters)
    assert set(operation.http.path_fields) == {name for name, p in parameters.items() if p.get("in") == "path"}
    if operation.takes_stream:
        schema = documented["requestBody"]["content"]["application/x-ndjson"]["schema"]
        item = protojson.to_json(random_message(operation.method.input_type, rng))
        assert not only_wrong(misfits(item, without_lengths(schema), without_lengths(whole)))
    elif call.body:
        schema = documented["requestBody"]["content"]["application/json"]["schema"]
        assert not only_wrong(misfits(call.body, without_lengths(schema), without_lengths(whole)))


def only_wrong(found: list[str]) -> list[str]:
    """Leave out the required fields, which random messages lack (see `test_openapi_examples`)."""
    return [
        misfit
        for misfit in found
        if not misfit.endswith((" is missing", "None is no ['string']", "None is no ['object']"))
    ]


def assert_answer_fits(
    operation: Operation, documented: dict[str, Any], whole: dict[str, Any], rng: random.Random
) -> None:
    if operation.answers_file:
        assert {"200", "206", "304", "416"} <= set(documented["responses"])
        assert list(documented["responses"]["206"]["content"]) == ["*/*"]
        return
    response = random_message(operation.method.output_type, rng)
    if operation.http.response_body and not operation.method.output_type.fields[0].is_repeated:
        getattr(response, operation.http.response_body).SetInParent()
    success = documented["responses"][str(protojson.success_status(operation))]
    body = protojson.answer(operation, response)
    if body is None:
        assert "content" not in success
    else:
        (schema,) = (content["schema"] for content in success["content"].values())
        assert not misfits(body, without_lengths(schema), without_lengths(whole))
        assert page_field(operation.method.output_type) not in schema.get("properties", {})


def without_lengths(whole: dict[str, Any]) -> dict[str, Any]:
    """Random texts keep to no length: that is the models' rule."""
    return json.loads(re.sub(r', "(max|min)(Length|Items)": \d+', "", json.dumps(whole)))


def misfits(value: Any, schema: dict[str, Any], whole: dict[str, Any], where: str = "") -> list[str]:
    """Return the places where a value does not fit, by as much of JSON Schema as the document uses."""
    unknown = set(schema) - {
        *("$ref", "anyOf", "type", "enum", "properties", "required", "additionalProperties", "items"),
        *("format", "description", "minimum", "maximum"),
    }
    assert not unknown, unknown
    if "$ref" in schema:
        return misfits(value, whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]], whole, where)
    if "anyOf" in schema:
        tries = [misfits(value, option, whole, where) for option in schema["anyOf"]]
        return [] if [] in tries else tries[0]
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if json_type(value) not in types and not (json_type(value) == "integer" and "number" in types):
        return [f"{where}: {value!r} is no {types}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{where}: {value!r} is none of {schema['enum']}"]
    if "maximum" in schema and not schema["minimum"] <= value <= schema["maximum"]:
        return [f"{where}: {value!r} is out of range"]
    if isinstance(value, list):
        return [m for at, item in enumerate(value) for m in misfits(item, schema["items"], whole, f"{where}.{at}")]
    if not isinstance(value, dict):
        return []
    found = [f"{where}.{key} is missing" for key in schema.get("required", []) if key not in value]
    for key, item in value.items():
        within = schema.get("properties", {}).get(key, schema.get("additionalProperties", False))
        found += misfits(item, within, whole, f"{where}.{key}") if within else [f"{where}.{key} is not known"]
    return found


def json_type(value: Any) -> str:
    names = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")


def test_schemas_reject_invalid_values(described: dict[str, Any]) -> None:
    answer = protojson.answer(operation_of("GetUser"), user_pb2.GetUserResponse(user={"id": "a"}))
    schema = {"$ref": "#/components/schemas/user.v1.User"}
    described = without_lengths(described)
    assert misfits(answer, schema, described) == []
    for wrong in ({"id": None}, {"roles": ["boss"]}, {"roles": None}, {"profile": {}}, {"x": 1}, {"email_verified": 1}):
        assert misfits(answer | wrong, schema, described)
    sent = {"$ref": "#/components/schemas/user.v1.User.Input"}
    assert misfits({"profile": {"bio": None}, "phone": None}, sent, described) == []
    for wrong in ({"nickname": "x"}, {"profile": {"bio": 5}}, {"status": "unspecified"}):
        assert misfits(wrong, sent, described)


def operation_of(rpc: str) -> Operation:
    return next(operation for operation in served_operations() if operation.name == f"user.v1.UserService/{rpc}")


# Operations in the document


def parameters_of(described: dict[str, Any]) -> list[str]:
    return [parameter.get("name") or parameter["$ref"].rpartition("/")[2] for parameter in described["parameters"]]


def test_headers_are_documented_where_they_are_accepted(described: dict[str, Any]) -> None:
    paths = described["paths"]
    assert parameters_of(paths["/api/v1/users/{user_id}"]["get"]) == ["user_id", "IfNoneMatch"]
    assert parameters_of(paths["/api/v1/users/by-email"]["get"]) == ["email"]
    assert "IfMatch" in parameters_of(paths["/api/v1/users/{user_id}/password"]["post"])
    assert "IfMatch" not in parameters_of(paths["/api/v1/users/{user_id}/email-verification"]["post"])
    assert parameters_of(paths["/api/v1/users"]["post"]) == ["IdempotencyKey"]
    for verb in ("patch", "delete"):
        assert {"IfMatch", "IdempotencyKey"} <= set(parameters_of(paths["/api/v1/users/{user_id}"][verb]))
    assert "Idempotent-Replayed" in paths["/api/v1/users/{user_id}"]["delete"]["responses"]["204"]["headers"]
    assert parameters_of(paths["/api/v1/auth/login"]["post"]) == ["Session"]
    assert "Count" in parameters_of(paths["/api/v1/users/search"]["get"])
    assert "Count" not in parameters_of(paths["/api/users"]["get"])


def test_answers_document_headers_and_failures(described: dict[str, Any]) -> None:
    users = described["paths"]["/api/v1/users"]
    one = described["paths"]["/api/v1/users/{user_id}"]
    assert {"ETag", "Location", "X-Request-ID"} <= set(users["post"]["responses"]["201"]["headers"])
    assert "ETag" not in users["get"]["responses"]["200"]["headers"]
    assert set(one["delete"]["responses"]) >= {"204", "404", "412"}
    assert "404" not in users["get"]["responses"]
    for path, verbs in described["paths"].items():
        for verb, documented in verbs.items():
            if verb != "parameters" and "NOT_FOUND" in documented.get("description", ""):
                assert "404" in documented["responses"], (verb, path)
    assert "304" in one["get"]["responses"]
    assert "304" not in users["get"]["responses"]
    assert {"413", "415", "429"} <= set(users["post"]["responses"])
    assert {"413", "415"} <= set(described["paths"]["/api/v1/tasks/bulk"]["post"]["responses"])
    assert set(one["patch"]["requestBody"]["content"]) == {"application/json", "application/merge-patch+json"}
    assert (
        described["components"]["responses"]["Problem412"]["description"]
        == "`STALE`: Modified concurrently. `EPOCH_CHANGED`: Epoch changed. "
        "`UNSUPPORTED_VERSION`: Unsupported protocol version."
    )


def test_required_credentials_are_documented(described: dict[str, Any]) -> None:
    assert described["security"] == [{"bearer": []}]
    assert {} in described["paths"]["/api/v1/auth/login"]["post"]["security"]
    assert "security" not in described["paths"]["/api/v1/users"]["get"]


def test_comments_of_the_protos_are_included(described: dict[str, Any]) -> None:
    get = described["paths"]["/api/v1/users/{user_id}"]["get"]
    assert (get["summary"], get["description"]) == ("Returns one user", "Returns one user. NOT_FOUND.")
    assert described["components"]["schemas"]["user.v1.User"]["properties"]["last_login_at"]["description"] == (
        "Unset before the first login. Recording it is a write like any other: `audit.version` counts it."
    )
    services = [
        "AuthService", "ChangeService", "DrawingService", "ExampleService", "MeetingService", "ProjectService",
        "TaskService", "UserService",
    ]  # fmt: skip
    assert [tag["name"] for tag in described["tags"]] == ["Service", "Files", *services]
    assert all(tag["description"] for tag in described["tags"])


def test_a_write_of_one_field_has_that_fields_keys(described_shapes: dict[str, Any]) -> None:
    post = described_shapes["paths"]["/shapes/{shape_id}/parts"]["post"]
    assert post["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/shapes.Part.Input"
    }
    assert parameters_of(post) == ["shape_id", "last", "IdempotencyKey"]
    body = described_shapes["paths"]["/shapes/{id}"]["patch"]["requestBody"]["content"]["application/json"]["schema"]
    assert list(body["properties"]) == ["label", "tags", "counts", "part", "due"]
    assert list(body["properties"]) == [field.name for field in plan(shapes.OPERATIONS["UpdateShape"]).keys]


def test_limits_are_documented(described_shapes: dict[str, Any]) -> None:
    for name in ("shapes.Part", "shapes.Part.Input"):
        assert described_shapes["components"]["schemas"][name]["properties"]["name"]["maxLength"] == 3


def test_limits_are_read_off_the_models_fields_of_the_same_name() -> None:
    limits = limits_of(User, user_pb2.User, user_pb2.CreateUserRequest, without={"password"})
    assert limits["user.v1.User.first_name"] == {"maxLength": 100}
    assert limits["user.v1.CreateUserRequest.display_name"] == {"maxLength": 200}
    # The model's `password` is a hash, its `phone` a text where the message has parts, its `id` no text at all.
    assert not limits.keys() & {"user.v1.CreateUserRequest.password", "user.v1.User.phone", "user.v1.User.id"}


def test_protos_that_do_not_compile_are_no_source_of_comments(tmp_path: Any) -> None:
    (tmp_path / "broken.proto").write_text("message {")
    with pytest.raises(ValueError, match="do not compile"):
        comments(tmp_path)


def test_comments_are_found_wherever_they_stand(tmp_path: Any) -> None:
    (tmp_path / "a.proto").write_text(
        """
        // The file.
        syntax = "proto3";
        package a;
        // Outer.
        //
        // Second
        // paragraph.
        message Outer {
          // Inner.
          message Inner {
            // Deep.
            string deep = 1;
          }
          // Kind.
          enum Kind {
            // None.
            KIND_UNSPECIFIED = 0;
          }
          string bare = 1;
        }
        """
    )
    assert comments(tmp_path) == {
        "a": "The file.",
        "a.Outer": "Outer.\n\nSecond paragraph.",
        "a.Outer.Inner": "Inner.",
        "a.Outer.Inner.deep": "Deep.",
        "a.Outer.Kind": "Kind.",
        "a.Outer.Kind.KIND_UNSPECIFIED": "None.",
    }


# The page to read it with


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        source = given.get("src") or (given.get("href") if tag == "link" else None)
        if source:
            self.sources.append(source)
        if tag == "style" or (tag == "script" and not source):
            self.inline.append(tag)
        self.inline += [name for name in given if name.startswith("on") or name == "style"]


@pytest.mark.parametrize("path, document", [("/api/v1/docs", "/api/v1/openapi.json"), ("/api/grpc", "/api/grpc.json")])
def test_pages_need_nothing_from_elsewhere_and_run_nothing_inline(
    client: Client, db: None, path: str, document: str
) -> None:
    response = client.get(path, headers={"host": "localhost"})
    assert response.status_code == 200
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self';" in policy
    assert "unsafe" not in policy
    page = Page(response.content.decode())
    assert page.inline == []
    assert len(page.sources) == 3
    for source in page.sources:
        assert source.startswith(f"/{settings.STATIC_URL.strip('/')}/"), source
        assert finders.find(source.split("/", 2)[2]), source
    assert f'data-document="{document}"' in response.content.decode()

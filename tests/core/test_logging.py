"""The format of log lines, and the fields of a call."""

import json
import logging
import logging.config
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client, RequestFactory
from google.protobuf.field_mask_pb2 import FieldMask
from prometheus_client import REGISTRY

from access.models import Session
from access.tokens import access_token
from core import context
from core.errors import AlreadyExists, Unavailable, problem_of
from core.observability.call_log import Report, grpc_meter, http_meter, without_secrets
from core.observability.logging import logging_config
from tandem.user.v1.user_pb2 import CreateUserRequest, UpdateUserRequest
from tests.support.servers import ROOT, until
from users.models import User

Logged = Callable[[], list[dict[str, Any]]]
Configure = Callable[..., Callable[[], list[str]]]


@pytest.fixture
def configure(capsys: pytest.CaptureFixture[str]) -> Iterator[Configure]:
    """Configures logging as the settings do; gives a function that gives the lines written since the last time."""
    root = logging.getLogger()
    kept = root.level, root.handlers[:]

    def configured(*, level: str = "INFO", as_json: bool = True, buffered: bool = True) -> Callable[[], list[str]]:
        logging.config.dictConfig(logging_config(level=level, json=as_json, buffered=buffered))
        (handler,) = root.handlers
        capsys.readouterr()  # What the handler before had kept.

        def lines() -> list[str]:
            handler.flush()
            return capsys.readouterr().err.splitlines()

        return lines

    yield configured
    root.setLevel(kept[0])
    root.handlers[:] = kept[1]


@pytest.fixture
def logged(configure: Configure) -> Logged:
    """The JSON lines written since the last time."""
    lines = configure(level="DEBUG")
    return lambda: [json.loads(line) for line in lines()]


def test_a_line_is_one_json_object(logged: Logged) -> None:
    logging.getLogger("users.services").warning("Ünusual: %s\nand more", "café")
    (line,) = logged()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("timestamp"))
    assert line.pop("line") > 0
    assert line == {
        "level": "WARNING",
        "service": "tandem",
        "logger": "users.services",
        "function": "test_a_line_is_one_json_object",
        "message": "Ünusual: café\nand more",
    }


def test_a_line_within_a_call_carries_its_request_id(logged: Logged) -> None:
    with Report(http_meter("GET", "test"), "abc"):
        logging.getLogger("users").info("Looking.")
    logging.getLogger("users").info("Over.")
    looking, _, over = logged()
    assert looking["request_id"] == "abc"
    assert "request_id" not in over
    assert context.request_id.get() == ""


def test_an_exception_is_part_of_its_line(logged: Logged) -> None:
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError:
        logging.getLogger("users").exception("Failed.")
    (line,) = logged()
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("ZeroDivisionError: by zero")


def test_lines_below_the_level_are_left_out(configure: Configure) -> None:
    lines = configure(level="warning")
    logging.getLogger("users").info("Not logged.")
    logging.getLogger("users").warning("Logged.")
    assert len(lines()) == 1


def test_django_writes_nothing_twice(logged: Logged) -> None:
    logging.getLogger("django.server").info("GET /")
    logging.getLogger("django.security").error("Suspicious.")
    assert [line["message"] for line in logged()] == ["GET /", "Suspicious."]


def test_lines_are_flushed_without_delay(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    logging.getLogger("users").info("Written.")
    until(lambda: "Written." in capsys.readouterr().err, "the line is written")
    logging.getLogger("users").info("Another.")
    until(lambda: "Another." in capsys.readouterr().err, "the next line is written, too")


def test_unbuffered_lines_are_written_at_once(configure: Configure, capsys: pytest.CaptureFixture[str]) -> None:
    configure(buffered=False)
    with Report(http_meter("GET", "test"), "abc") as report:
        report.code = "200"
    assert json.loads(capsys.readouterr().err)["code"] == "200"


LOGS_AND_ENDS = """
import logging.config, os
from core.observability.logging import logging_config
logging.config.dictConfig(logging_config(level="INFO", json=True))
for number in range(25_000):
    logging.getLogger("users").info("%d", number)
if os.fork() == 0:
    logging.getLogger("users").info("from a fork")
    logging.shutdown()
    os._exit(0)
os.wait()
"""


def test_all_lines_are_written_at_the_end() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOGS_AND_ENDS], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    logged = [json.loads(line)["message"] for line in done.stderr.splitlines()]
    assert logged == [*map(str, range(25_000)), "from a fork"]


def test_closed_stderr_is_not_a_failure() -> None:
    code = LOGS_AND_ENDS.replace("import logging.config, os", "import logging.config, os, sys; sys.stderr.close()")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=60)
    assert done.returncode == 0


def test_people_get_text(configure: Configure) -> None:
    lines = configure(as_json=False)
    with Report(grpc_meter("unary", "user.v1.UserService", "GetUser"), "abc") as report:
        report.code = "OK"
        report.principal = 7
        logging.getLogger("users").info("Looking.")
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError:
        logging.getLogger("users").exception("Failed.")
    looking, call, failed, *traceback = lines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} INFO    Looking\.  request_id=abc", looking)
    assert re.fullmatch(
        r"\S+ INFO    user\.v1\.UserService/GetUser OK  request_id=abc transport=grpc principal=7 duration_ms=\d.*",
        call,
    )
    assert failed.endswith("ERROR   Failed.")
    assert traceback[-1] == "ZeroDivisionError: by zero"


def test_call_is_logged_with_all_its_fields(logged: Logged) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    report = Report(grpc_meter("unary", "user.v1.UserService", "GetUser"), "abc", f"00-{trace}-00f067aa0ba902b7-01")
    with report:
        report.principal = 7
        report.subject_id = "8"
        report.code = "OK"
    (line,) = logged()
    assert line["duration_ms"] >= 0
    expected = {
        "level": "INFO",
        "message": "user.v1.UserService/GetUser OK",
        "request_id": "abc",
        "transport": "grpc",
        "operation": "user.v1.UserService/GetUser",
        "principal": "7",
        "subject_id": "8",
        "code": "OK",
        "trace_id": trace,
    }
    assert {name: line[name] for name in expected} == expected


def test_error_of_a_caller_is_logged_as_info(logged: Logged) -> None:
    with Report(http_meter("POST", "test"), "abc") as report:
        raised = AlreadyExists("There is one.")
        report.code = "409"
        report.fail(problem_of(raised), raised)
    (line,) = logged()
    assert (line["level"], line["code"], line["reason"]) == ("INFO", "409", "ALREADY_EXISTS")
    assert "exception" not in line


def test_unavailability_is_logged_as_a_warning_with_its_cause(logged: Logged) -> None:
    with Report(http_meter("POST", "test"), "abc") as report:
        raised = Unavailable("connection refused\n\tIs the server running?\n")
        report.fail(problem_of(raised), raised)
    (line,) = logged()
    in_one_line = "connection refused Is the server running?"
    assert (line["level"], line["reason"], line["cause"]) == ("WARNING", "UNAVAILABLE", in_one_line)


def test_internal_error_is_logged_with_its_id_and_traceback(logged: Logged) -> None:
    with Report(http_meter("POST", "test"), "abc") as report:
        try:
            raise ZeroDivisionError("by zero")
        except ZeroDivisionError as raised:
            problem = problem_of(raised)
            report.fail(problem, raised)
    (line,) = logged()
    assert (line["level"], line["error_id"]) == ("ERROR", problem.metadata["error_id"])
    assert line["exception"].endswith("ZeroDivisionError: by zero")


def test_request_is_logged_at_debug_only_and_without_secrets(
    configure: Configure,
) -> None:
    for level, expected in (("DEBUG", {"email": "ann@example.com", "password": "***"}), ("INFO", None)):
        lines = configure(level=level)
        with Report(grpc_meter("unary", "user.v1.UserService", "CreateUser"), "abc") as report:
            report.request = CreateUserRequest(email="ann@example.com", password="A-nanosecond-of-wire")
        (line,) = lines()
        assert json.loads(line).get("request") == expected
        assert "nanosecond" not in line


def test_suspicious_request_is_logged_as_one_warning(logged: Logged, client: Client, db: None) -> None:
    assert client.get("/admin/login/", headers={"host": "evil.example"}).status_code == 400
    (line,) = (line for line in logged() if line["logger"] == "django.security.DisallowedHost")
    assert (line["level"], "exception" in line) == ("WARNING", False)


def test_failed_call_over_http_is_logged_once(
    logged: Logged, administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("users.queries.get_user", broken)
    bearer = f"Bearer {access_token(Session.objects.create(user=administrator))}"
    client = Client(raise_request_exception=False, headers={"host": "localhost", "authorization": bearer})
    assert client.get("/api/v1/users/me").status_code == 500
    assert [line["logger"] for line in logged() if line["level"] == "ERROR"] == ["core.observability.call_log"]


def test_failed_page_is_logged(logged: Logged, rf: RequestFactory) -> None:
    logging.getLogger("django.request").error("Internal Server Error: /admin/", extra={"request": rf.get("/admin/")})
    assert [line["message"] for line in logged()] == ["Internal Server Error: /admin/"]


def test_a_request_that_json_cannot_express_is_logged_by_its_size(configure: Configure) -> None:
    lines = configure(level="DEBUG")
    with Report(grpc_meter("unary", "user.v1.UserService", "UpdateUser"), "abc") as report:
        report.request = UpdateUserRequest(update_mask=FieldMask(paths=["Email"]))
    (line,) = lines()
    assert json.loads(line)["request"] == "9 bytes that JSON cannot express"


def test_secrets_are_replaced_at_every_depth() -> None:
    value = {"user": {"name": "Ann", "new_password": "x"}, "keys": [{"secret": "y", "id": "1"}], "refresh_token": "z"}
    assert without_secrets(value) == {
        "user": {"name": "Ann", "new_password": "***"},
        "keys": [{"secret": "***", "id": "1"}],
        "refresh_token": "***",
    }


def test_calls_are_counted_and_timed_by_operation_and_code() -> None:
    def count(code: str) -> tuple[float, float]:
        labels = {"method": "PATCH", "operation": "test.v1.TestService/UpdateThing"}
        return (
            REGISTRY.get_sample_value("http_server_requests_total", {**labels, "code": code}) or 0,
            REGISTRY.get_sample_value("http_server_request_seconds_count", labels) or 0,
        )

    for code in ("200", "200", "412"):
        with Report(http_meter("PATCH", "test.v1.TestService/UpdateThing"), "abc") as report:
            report.code = code
    assert count("200") == (2, 3)
    assert count("412") == (1, 3)


def test_a_report_is_made_even_when_the_call_is_torn_down(logged: Logged) -> None:
    with pytest.raises(KeyboardInterrupt), Report(http_meter("GET", "test"), "abc"):
        raise KeyboardInterrupt
    (line,) = logged()
    assert line["code"] == "UNKNOWN"


def test_a_silent_report_is_counted_only(logged: Logged) -> None:
    with Report(http_meter("GET", "test.silent"), "abc") as report:
        report.silent = True
        report.code = "429"
    assert logged() == []
    labels = {"method": "GET", "operation": "test.silent", "code": "429"}
    assert REGISTRY.get_sample_value("http_server_requests_total", labels) == 1

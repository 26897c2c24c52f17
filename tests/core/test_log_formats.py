"""Log lines as JSON and as text."""

import json
import logging

from log_formats import JsonFormatter, TextFormatter


def record(**call: object) -> logging.LogRecord:
    made = logging.LogRecord("speechnode.calls", logging.INFO, __file__, 7, "%s OK", ("Embed",), None, "_log")
    made.call = call
    return made


def test_text_of_a_call_is_one_line() -> None:
    forged = record(session_id="a\n12:00:00 INFO    all is well", code="OK", reason="")
    assert "\n" not in TextFormatter().format(forged)
    assert TextFormatter().format(record(session_id="a", reason="")).endswith("INFO    Embed OK  session_id=a")


def test_json_has_the_fields_of_a_call_as_members() -> None:
    line = json.loads(JsonFormatter(lambda: "speechnode").format(record(session_id="a\nb", audio_ms=5)))
    assert line["message"] == "Embed OK"
    assert line["service"] == "speechnode"
    assert line["level"] == "INFO"
    assert line["session_id"] == "a\nb"
    assert line["audio_ms"] == 5


def test_json_has_the_exception() -> None:
    made = record()
    try:
        raise ValueError("why")
    except ValueError as exc:
        made.exc_info = (ValueError, exc, exc.__traceback__)
    assert "ValueError: why" in json.loads(JsonFormatter("speechnode").format(made))["exception"]


def test_record_without_a_call_has_the_fields_of_its_context() -> None:
    made = logging.LogRecord("users", logging.INFO, __file__, 7, "Looking.", (), None, "find")
    assert json.loads(JsonFormatter("tandem", lambda: {"request_id": "abc"}).format(made))["request_id"] == "abc"
    assert TextFormatter(lambda: {"request_id": "abc"}).format(made).endswith("INFO    Looking.  request_id=abc")
    assert TextFormatter().format(made).endswith("INFO    Looking.")

"""Log lines of the node."""

import json
import logging

from speechnode.logs import JsonFormatter, TextFormatter


def record(**call: object) -> logging.LogRecord:
    made = logging.LogRecord("speechnode.calls", logging.INFO, __file__, 7, "%s OK", ("Embed",), None, "_log")
    made.call = call
    return made


def test_a_call_is_one_line_whatever_the_caller_calls_it() -> None:
    forged = record(session_id="a\n12:00:00 INFO    all is well", code="OK", reason="")
    assert "\n" not in TextFormatter().format(forged)
    assert TextFormatter().format(record(session_id="a", reason="")).endswith("INFO    Embed OK  session_id=a")


def test_json_has_the_facts_as_members() -> None:
    line = json.loads(JsonFormatter().format(record(session_id="a\nb", audio_ms=5)))
    assert line["message"] == "Embed OK"
    assert (line["service"], line["level"], line["session_id"], line["audio_ms"]) == ("speechnode", "INFO", "a\nb", 5)


def test_an_exception_is_told() -> None:
    made = record()
    try:
        raise ValueError("why")
    except ValueError as exc:
        made.exc_info = (ValueError, exc, exc.__traceback__)
    assert "ValueError: why" in json.loads(JsonFormatter().format(made))["exception"]

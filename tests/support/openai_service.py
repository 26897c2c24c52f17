"""A foreign speech service with OpenAI's HTTP interface, in a thread of the test's process."""

import email
import json
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-secret-of-the-service"
NO_AUDIO = "This is not an audio file."


def verbose_json(times_ms: Sequence[tuple[int, int]], length_ms: int, text: str = "something") -> dict[str, Any]:
    """Return a transcription with these segments, one word each."""
    words = [{"word": text, "start": start / 1000, "end": end / 1000} for start, end in times_ms]
    segments = [
        {"id": place, "start": start / 1000, "end": end / 1000, "text": f" {text}", "avg_logprob": -0.2,
         "no_speech_prob": 0.01}
        for place, (start, end) in enumerate(times_ms)
    ]  # fmt: skip
    return {"language": "english", "duration": length_ms / 1000, "text": text, "segments": segments, "words": words}


def minutes(**parts: Any) -> dict[str, Any]:
    """Return what a model writes about a meeting."""
    return {"overview": [], "topics": [], "decisions": [], "action_items": [], "language": "en"} | parts


class OpenAIService:
    """The service. Tests set its answers; `requests` has the path, the headers and the fields of each request.

    Attributes:
        status: of every answer but those to files that are not audio.
        error: the message of an answer with another status than 200.
    """

    def __init__(self) -> None:
        self.transcription: Any = {}
        self.minutes: Any = {}
        self.status, self.error = 200, ""
        self.delay_seconds = 0.0
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self._leave = threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = service.answer(self.path, dict(self.headers), body)
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Write no log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "OpenAIService":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        is_form = path.endswith("/audio/transcriptions")
        fields = _form(headers["Content-Type"], body) if is_form else json.loads(body)
        self.requests.append((path, headers, fields))
        if is_form and fields["file"][:4] in (b"%PDF",):
            return 400, {"error": {"message": NO_AUDIO}}
        self._leave.wait(self.delay_seconds)
        if self.status != 200:
            return self.status, {"error": {"message": self.error}}
        if is_form:
            return 200, self.transcription
        content = self.minutes if isinstance(self.minutes, str) else json.dumps(self.minutes)
        return 200, {"choices": [{"message": {"role": "assistant", "content": content}}]}


def _form(content_type: str, body: bytes) -> dict[str, Any]:
    """Return the fields of a form: a repeated one as a list, the file as its bytes, and its name as `filename`."""
    message = email.message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    fields: dict[str, Any] = {}
    for part in message.get_payload():  # type: ignore[union-attr]
        name = str(part.get_param("name", header="Content-Disposition"))  # type: ignore[union-attr]
        content = part.get_payload(decode=True)  # type: ignore[union-attr]
        if filename := part.get_filename():  # type: ignore[union-attr]
            fields |= {name: content, "filename": filename}
        elif name.endswith("[]"):
            fields.setdefault(name, []).append(content.decode())  # type: ignore[union-attr]
        else:
            fields[name] = content.decode()  # type: ignore[union-attr]
    return fields


def wait_for_a_request(service: OpenAIService, seconds: float = 5.0) -> None:
    """Wait until the service works on a request."""
    until = time.monotonic() + seconds
    while not service.requests:
        assert time.monotonic() < until, "no request arrived"
        time.sleep(0.01)

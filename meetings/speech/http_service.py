"""HTTP calls of a speech service, which another thread may stop. The key of the service is in no message."""

import http.client
import json
import socket
import ssl
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, unquote

from core import tcp_keepalive
from meetings.speech.engine_call import EngineCall
from meetings.speech.node import EngineFailed, EngineLost, EngineUnavailable

#: Deadline of the connection, and of short requests.
ANSWER_SECONDS = 5.0
#: Deadline of the answer to a recording or a transcript, beyond which `watched` stops the call anyway.
WORK_SECONDS = 900.0
#: The largest answer that is read.
MAX_ANSWER_BYTES = 64 * 2**20
_MAX_MESSAGE_LENGTH = 200


class Refused(EngineFailed):
    """The service refuses the request itself (400, 413, 415, 422)."""


class HttpService:
    """A service below a URL.

    Args:
        url: `http` or `https`; the part before `@` is the key, which is sent as a bearer token.
    """

    def __init__(self, url: SplitResult) -> None:
        self.name = url.netloc.rpartition("@")[2]
        self._key = unquote(url.netloc.rpartition("@")[0])
        self._path = url.path.rstrip("/")
        self._host, self._port = url.hostname or "", url.port
        self._tls = ssl.create_default_context() if url.scheme == "https" else None

    def get(self, path: str) -> Any:
        """Return the JSON answer to a short request.

        Raises:
            EngineError
        """
        return self._answer("GET", path, None, {}, None)

    def post(self, path: str, body: bytes | Iterable[bytes], headers: Mapping[str, str], call: EngineCall) -> Any:
        """Return the JSON answer to a request.

        Args:
            body: read as it is sent; then `headers` names its length.

        Raises:
            EngineError, the reason why the call was stopped, or the error of reading the body.
        """
        return self._answer("POST", path, body, headers, call)

    def accepts_connections(self) -> bool:
        """Return whether the service accepts a connection. A busy one may answer nothing else."""
        connection = self._connection()
        try:
            connection.connect()
        except OSError:
            return False
        finally:
            connection.close()
        return True

    def _answer(self, method: str, path: str, body: Any, headers: Mapping[str, str], call: EngineCall | None) -> Any:
        connection = self._connection()
        try:
            try:
                connection.connect()
            except OSError as exc:
                raise EngineUnavailable(f"The speech service {self.name} cannot be reached: {_cause(exc)}.") from exc
            if call:
                _make_stoppable(connection, call)
            authorization = {"Authorization": f"Bearer {self._key}"} if self._key else {}
            # A service that refuses a recording may answer before it has read all of it.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, self._path + path, body, {**headers, **authorization})
            answer = connection.getresponse()
            content = answer.read(MAX_ANSWER_BYTES + 1)
        except (http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as exc:
            if call:
                call.raise_if_stopped()
            raise EngineLost(f"The speech service {self.name} broke off the call.") from exc
        finally:
            if call:
                call.when_stopped(lambda: None)
            connection.close()
        if call:
            call.raise_if_stopped()
            call.record_progress()
        return self._read(path, answer.status, content)

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls:
            return http.client.HTTPSConnection(self._host, self._port, timeout=ANSWER_SECONDS, context=self._tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=ANSWER_SECONDS)

    def _read(self, path: str, status: int, content: bytes) -> Any:
        """Return the content of an answer; raise the error that its status stands for."""
        if status == 200:
            if len(content) > MAX_ANSWER_BYTES:
                raise EngineFailed(f"Invalid engine response: {self.name} sends more than 64 MiB.")
            try:
                return json.loads(content)
            except (ValueError, RecursionError) as exc:
                raise EngineFailed(f"Invalid engine response: {self.name} sends no JSON.") from exc
        match status:
            case 400 | 413 | 415 | 422:
                raise Refused(f"The speech service {self.name} refuses the request: {self._message(content, status)}")
            case 401 | 403:
                raise EngineUnavailable(f"The speech service {self.name} refuses the key of SPEECH_NODES ({status}).")
            case 429 | 502 | 503 | 504:
                raise EngineUnavailable(f"The speech service {self.name} is overloaded or away ({status}).")
            case 500:
                raise EngineFailed(f"The speech service {self.name} failed: {self._message(content, status)}")
        raise EngineUnavailable(
            f"The speech service {self.name} answers {path} with status {status}; check the URL and the model in "
            "SPEECH_NODES."
        )

    def _message(self, content: bytes, status: int) -> str:
        """Return the error message of an answer as a sentence, or the status."""
        message = ""
        with suppress(ValueError, RecursionError):
            answer = json.loads(content)
            error = answer.get("error", answer.get("detail")) if isinstance(answer, dict) else None
            message = str(error.get("message", "") if isinstance(error, dict) else error or "")
        if self._key:
            message = message.replace(self._key, "…")
        message = " ".join("".join(c if c.isprintable() else " " for c in message).split())[:_MAX_MESSAGE_LENGTH]
        return (message or f"status {status}").rstrip(".") + "."


def _make_stoppable(connection: http.client.HTTPConnection, call: EngineCall) -> None:
    sock: socket.socket = connection.sock
    sock.settimeout(WORK_SECONDS)
    tcp_keepalive.enable(sock)

    def end() -> None:
        with suppress(OSError):
            # Wakes the thread that waits for the answer.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    call.when_stopped(end)


def _cause(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid, {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return "TLS fails"
    return str(error.strerror or "no answer").lower()

"""The WebSocket of StreamAudio as a client sees it."""

import json
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from access.models import Session
from access.tokens import access_token
from tests.support.live_audio import a_part
from users.models import User

PATIENCE_SECONDS = 30


def bearer(user: User) -> str:
    """Return the `Authorization` of a new session."""
    return "Bearer " + access_token(Session.objects.create(user=user))


class AudioSocket:
    """One connection.

    Args:
        http_url: of the server.
    """

    def __init__(self, http_url: str, meeting_id: object, authorization: str | None = None, **options: Any) -> None:
        query = options.pop("query", "")
        url = f"{http_url.replace('http', 'ws', 1)}/api/v1/meetings/{meeting_id}/audio{query}"
        headers = {"Authorization": authorization} if authorization else {}
        self._context = connect(url, additional_headers=headers, compression=None, **options)
        self.connection: ClientConnection = self._context.__enter__()

    def send(self, **message: Any) -> None:
        """Send a control frame."""
        self.connection.send(json.dumps(message))

    def configure(self, **config: Any) -> dict[str, Any]:
        """Send the configuration, and return the first answer."""
        self.send(config={"format": "pcm_s16le", "sample_rate": 16_000, "interim": True} | config)
        return self.next()

    def part(self, seq: int, data: bytes | None = None) -> None:
        self.connection.send(seq.to_bytes(8, "big") + (a_part(seq) if data is None else data))

    def next(self, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Return the next answer: its kind and content."""
        message = json.loads(self.connection.recv(timeout=seconds))
        return {name: value for name, value in message.items() if value is not None}

    def until(self, kind: str) -> Any:
        """Skip answers up to one of this kind, and return its content."""
        while kind not in (answer := self.next()):
            pass
        return answer[kind]

    def closed(self) -> tuple[int, str]:
        """Read to the end, and return the close code and its reason."""
        try:
            while True:
                self.connection.recv(timeout=PATIENCE_SECONDS)
        except ConnectionClosed as exc:
            assert exc.rcvd is not None
            return exc.rcvd.code, exc.rcvd.reason

    def __enter__(self) -> "AudioSocket":
        return self

    def __exit__(self, *raised: Any) -> None:
        self._context.__exit__(*raised)

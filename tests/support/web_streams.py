"""A client of streams over gRPC-Web and Connect, on a real port."""

import http.client
import struct
from typing import Any
from urllib.parse import urlsplit

from google.protobuf.message import Message

from tests.support.transports import Failed
from tests.support.web_transport import failure_at_end, frame, read_frames

PATIENCE_SECONDS = 20
_HEAD = struct.Struct(">BI")


class WebStream:
    """An open stream, by messages in binary.

    Attributes:
        end: what the server ended the stream with: trailers or Connect's last frame; None while it is open.
    """

    def __init__(self, url: str, rpc: str, request: Message, kind: type[Message], content_type: str, **headers: str):
        self._kind = kind
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_SECONDS)
        sent = {"Content-Type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
        self.connection.request("POST", f"/{rpc}", frame(request.SerializeToString()), sent)
        self.response = self.connection.getresponse()
        self.end: Any = None

    def next(self) -> Any:
        """Return the next message; None when the server has ended the stream.

        Raises:
            Failed: the stream ended with a failure.
        """
        head = self.response.read(_HEAD.size)
        assert head, "the stream ended without an end"
        messages, self.end = read_frames(head + self.response.read(_HEAD.unpack(head)[1]))
        if self.end is None:
            return self._kind.FromString(messages[0])
        assert self.response.read() == b"", "something follows the end"
        if (failed := failure_at_end(self.end)) is not None:
            raise failed
        return None

    def rest(self) -> tuple[list[Any], Failed | None]:
        """Return all messages until the end, and the failure at the end."""
        messages: list[Any] = []
        try:
            while (message := self.next()) is not None:
                messages.append(message)
        except Failed as exc:
            return messages, exc
        return messages, None

    def __enter__(self) -> "WebStream":
        return self

    def __exit__(self, *raised: object) -> None:
        self.response.close()
        self.connection.close()

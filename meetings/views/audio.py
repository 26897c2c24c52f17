"""The WebSocket of StreamAudio, for browsers."""

import re
from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse

from core.errors import invalid
from core.rest.websockets import Socket
from meetings.views import MeetingViewSet
from tandem.meeting.v1 import meeting_pb2

_SEQ_BYTES = 8


def audio(request: HttpRequest, meeting_id: str) -> HttpResponse:
    """Refuse a request that is not a handshake: the path has a WebSocket only.

    Raises:
        ValidationError
    """
    raise invalid("", "upgrade", "Connect to this path as a WebSocket (Upgrade: websocket).")


def _complete(message: meeting_pb2.StreamAudioRequest, path: Mapping[str, str]) -> None:
    if message.HasField("config"):
        message.config.meeting_id = path["meeting_id"]


def _read_bytes(frame: bytes) -> meeting_pb2.StreamAudioRequest:
    if len(frame) <= _SEQ_BYTES:
        raise invalid("audio", "length", "A binary frame holds the number of the part in 8 bytes, and its audio.")
    seq = int.from_bytes(frame[:_SEQ_BYTES], "big", signed=True)
    return meeting_pb2.StreamAudioRequest(audio=meeting_pb2.AudioPart(seq=seq, data=frame[_SEQ_BYTES:]))


SOCKETS = (
    Socket(
        path=re.compile(r"/api/v1/meetings/(?P<meeting_id>[^/]+)/audio/?"),
        operation=next(operation for operation in MeetingViewSet.operations if operation.rpc == "StreamAudio"),
        complete=_complete,
        read_bytes=_read_bytes,
    ),
)

"""Messages of StreamAudio."""

import math
import struct
from typing import Any

from tandem.meeting.v1 import meeting_pb2
from tandem.meeting.v1.meeting_pb2 import LIVE_AUDIO_FORMAT_PCM_S16LE, StreamAudioRequest, StreamAudioResponse

STREAM = "MeetingService/StreamAudio"


def config(meeting_id: object, **fields: Any) -> StreamAudioRequest:
    """Return the first message: PCM of 16 kHz."""
    given = {"format": LIVE_AUDIO_FORMAT_PCM_S16LE, "sample_rate": 16_000} | fields
    return StreamAudioRequest(config=meeting_pb2.AudioConfig(meeting_id=str(meeting_id), **given))


def audio(seq: int, data: bytes | None = None) -> StreamAudioRequest:
    """Return a part; each has its own samples."""
    return StreamAudioRequest(audio={"seq": seq, "data": a_part(seq) if data is None else data})


def parts(first: int, last: int) -> list[StreamAudioRequest]:
    return [audio(seq) for seq in range(first, last + 1)]


def end() -> StreamAudioRequest:
    return StreamAudioRequest(end=meeting_pb2.AudioEnd())


def a_part(seq: int) -> bytes:
    """Return 100 ms of sound that depends on its number."""
    return struct.pack("<1600h", *(round(seq + 100 * math.sin(place / 5)) for place in range(1600)))


def samples(first: int, last: int) -> bytes:
    return b"".join(map(a_part, range(first, last + 1)))


def acknowledged(answers: list[StreamAudioResponse]) -> int:
    """Return the last part that the answers acknowledge; 0 = none."""
    return max((answer.ack.seq for answer in answers if answer.HasField("ack")), default=0)


def kinds(answers: list[StreamAudioResponse]) -> list[str]:
    return [str(answer.WhichOneof("part")) for answer in answers]

"""StreamAudio: stores the audio of one connection, and answers with what is recognized of it."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError

from changes import feed
from changes.feed.watching import open_watch
from core.errors import Failure, invalid
from core.feeds import FeedOver
from core.operations import Call
from meetings import messages, queries
from meetings.models import Status
from meetings.services import live
from meetings.services.live import LiveConfig, Source
from meetings.watching import subscription_for
from meetings.watching.drafts import WithDrafts
from tandem.meeting.v1 import meeting_pb2
from tandem.meeting.v1.meeting_pb2 import StreamAudioResponse as Response

_MAX_EVENTS = 100
_STATES = {
    Status.QUEUED: meeting_pb2.RECOGNITION_STATE_WAITING,
    Status.PROCESSING: meeting_pb2.RECOGNITION_STATE_RUNNING,
    Status.FAILED: meeting_pb2.RECOGNITION_STATE_FAILED,
}


def answer_audio(
    call: Call, items: Iterator[meeting_pb2.StreamAudioRequest | ValidationError | None]
) -> Iterator[Response]:
    """Store the audio, and yield the answers. The first message is `config`; it is refused before the first answer.

    Raises:
        Exception: see `meetings.services.live.Source`.
    """
    config = _config(next((item for item in items if item is not None), None))
    source = live.open_source(call.actor, _declared(config))
    recognized = _Recognized(call, source, interim=config.interim)
    return _begin(items, source, recognized)


def _begin(
    items: Iterator[meeting_pb2.StreamAudioRequest | ValidationError | None],
    source: Source,
    recognized: "_Recognized",
) -> Iterator[Response]:
    try:
        recognized.start()
        yield Response(ready=meeting_pb2.AudioReady(stored_seq=source.stored_seq))
        yield from recognized.answers()
        yield from _answers(items, source, recognized)
    finally:
        recognized.close()


def _answers(
    items: Iterator[meeting_pb2.StreamAudioRequest | ValidationError | None],
    source: Source,
    recognized: "_Recognized",
) -> Iterator[Response]:
    acknowledged = source.stored_seq
    failure: Exception | None = None
    for item in items:
        try:
            is_end, is_repeated = _take(source, item)
        except Exception as exc:  # What arrived before is stored first.
            failure, is_end, is_repeated = exc, False, False
        if source.is_due or is_end or failure:
            source.flush()
        if source.stored_seq > acknowledged or is_repeated:
            acknowledged = source.stored_seq
            yield Response(ack=meeting_pb2.AudioAck(seq=acknowledged))
        if failure:
            raise failure
        yield from recognized.answers()
        if is_end:
            meeting = source.end()
            yield Response(end=meeting_pb2.AudioEnded(meeting=messages.meeting_message(meeting)))
            return
    source.flush()
    if source.stored_seq > acknowledged:
        yield Response(ack=meeting_pb2.AudioAck(seq=source.stored_seq))


def _take(source: Source, item: meeting_pb2.StreamAudioRequest | ValidationError | None) -> tuple[bool, bool]:
    """Take one message. Return whether it ends the recording, and whether it is a part that is stored already."""
    if item is None:
        return False, False
    if isinstance(item, ValidationError):
        raise item
    match item.WhichOneof("part"):
        case "audio":
            source.add(item.audio.seq, item.audio.data)
            return False, item.audio.seq <= source.stored_seq
        case "end":
            return True, False
    raise invalid("audio", "required", "Each message after the first contains audio, or ends the recording.")


def _config(first: meeting_pb2.StreamAudioRequest | ValidationError | None) -> meeting_pb2.AudioConfig:
    if isinstance(first, ValidationError):
        raise first
    if first is None or not first.HasField("config"):
        raise invalid("config", "required", "The first message must contain the configuration of the audio.")
    return first.config


def _declared(config: meeting_pb2.AudioConfig) -> LiveConfig:
    return LiveConfig(config.meeting_id, config.format, config.sample_rate, config.language, config.resume_from_seq)


class _Recognized:
    """The results of recognition in a live meeting, as answers of StreamAudio. Wakes its call when there is more."""

    def __init__(self, call: Call, source: Source, *, interim: bool) -> None:
        meeting = queries.get_meeting(call.actor, str(source.meeting.pk))
        subscription = subscription_for(call.operation.name, meeting)
        self._interim = interim
        self._state: meeting_pb2.RecognitionState | None = None
        self._is_over = False
        self._feed = WithDrafts(
            open_watch(feed.live, subscription, call.actor, include_initial=True), str(source.meeting.pk)
        )
        self._wake = call.wake

    def start(self) -> None:
        self._feed.start(self._wake)

    def close(self) -> None:
        self._feed.close()

    def answers(self) -> Iterator[Response]:
        """Yield what has been recognized since the last call. A failure of the feed does not end the recording."""
        while not self._is_over:
            try:
                events = self._feed.take(_MAX_EVENTS)
            except (FeedOver, Failure):
                self._is_over = True
                return
            for event in events:
                yield from self._answer(event.payload.message)
            if not events:
                return

    def _answer(self, event: Any) -> Iterator[Response]:
        match event.WhichOneof("event"):
            case "draft" if self._interim:
                yield Response(draft=event.draft)
            case "segment" if not event.deleted:
                yield Response(segment=event.segment)
            case "status" | "end" as name:
                yield from self._recognition(getattr(event, name))

    def _recognition(self, meeting: meeting_pb2.Meeting) -> Iterator[Response]:
        state = _STATES.get(Status(meeting.status))
        if state is not None and state != self._state:
            self._state = state
            yield Response(recognition=meeting_pb2.Recognition(state=state, reason=meeting.failure_reason))

"""gRPC client of a `speech.v1` node and its engines."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any, cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc

from meetings.speech.protocols import (
    AudioRequest,
    BadRecording,
    Call,
    Detected,
    DetectedActionItem,
    Done,
    Engine,
    EngineBusy,
    EngineError,
    EngineFailed,
    EngineUnavailable,
    Final,
    Kind,
    NoCapableEngine,
    Progress,
    SpeakerTrack,
    Statement,
    Summary,
    SummaryRequest,
    Turn,
    Word,
)
from tandem.speech.v1 import speech_pb2, speech_pb2_grpc

#: From the contract.
CHUNK = 64 * 1024
MAJOR_VERSION = "1"
#: Deadline of capability requests and health checks.
ANSWER_SECONDS = 5.0
OPTIONS = [
    # Each channel has its own connection: two nodes may use one address, one after the other.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", 64 * 2**20),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]
#: The error of grpc when another thread has closed the channel in order to restart its node.
_ChannelClosed = ValueError
_KINDS = {
    speech_pb2.ENGINE_KIND_ASR: Kind.ASR,
    speech_pb2.ENGINE_KIND_SPEAKER: Kind.SPEAKER,
    speech_pb2.ENGINE_KIND_SUMMARY: Kind.SUMMARY,
}


class Connection:
    """A channel to a node, and its services.

    All stubs are created before the channel is shared: creating a stub on a channel that another thread has closed
    crashes the process (grpcio 1.85, segmentation fault), where a call on it only raises.
    """

    def __init__(self, target: str) -> None:
        self._channel = grpc.insecure_channel(target, OPTIONS)
        self.node = speech_pb2_grpc.NodeInfoServiceStub(self._channel)
        self.asr = speech_pb2_grpc.AsrServiceStub(self._channel)
        self.speaker = speech_pb2_grpc.SpeakerServiceStub(self._channel)
        self.summary = speech_pb2_grpc.SummaryServiceStub(self._channel)
        self.health = health_pb2_grpc.HealthStub(self._channel)

    def close(self) -> None:
        """Close the channel. Running calls end, and new ones raise."""
        self._channel.close()


class SpeechClient:
    """A client of a node's engines.

    Args:
        connection: returns a connection to the node. Raises EngineUnavailable if there is none at present.
    """

    def __init__(self, connection: Callable[[], Connection]) -> None:
        self._connection = connection

    def engines(self) -> Sequence[Engine]:
        node = self._connection().node
        try:
            capabilities = node.GetCapabilities(speech_pb2.GetCapabilitiesRequest(), timeout=ANSWER_SECONDS)
        except (grpc.RpcError, _ChannelClosed) as exc:
            raise EngineUnavailable("The speech node does not answer.") from exc
        if capabilities.contract_version.partition(".")[0] != MAJOR_VERSION:
            raise EngineUnavailable(
                f"The speech node has an incompatible contract version: {capabilities.contract_version}."
            )
        return [
            Engine(one.name, one.version, _KINDS[one.kind], one.model_id, one.model_sha256, tuple(one.languages))
            for one in capabilities.engines
            if one.kind in _KINDS
        ]

    def lives(self) -> bool:
        try:
            self._connection().health.Check(health_pb2.HealthCheckRequest(), timeout=ANSWER_SECONDS)
        except (grpc.RpcError, _ChannelClosed, EngineUnavailable):
            return False
        return True

    def transcribe(
        self, audio: Iterable[bytes], request: AudioRequest, call: Call
    ) -> Iterator[Final | Progress | Detected | Done]:
        start = speech_pb2.AsrStart(
            session_id=request.session_id,
            format=speech_pb2.AUDIO_FORMAT_FILE,
            language=request.language,
            word_times=True,
            start_ms=request.start_ms,
        )
        upload = _Upload(audio, call, speech_pb2.AsrUp, start)
        for down in _answers(self._connection().asr.Transcribe, upload, call):
            match down.WhichOneof("down"):
                case "segment" if down.segment.final and down.segment.text:
                    yield _final(down.segment)
                case "progress":
                    yield Progress(down.progress.audio_ms_done, down.progress.audio_ms_total)
                case "language" if down.language.language:
                    yield Detected(down.language.language)
                case "done":
                    yield _done(down.done)

    def diarize(
        self, audio: Iterable[bytes], request: AudioRequest, call: Call
    ) -> Iterator[SpeakerTrack | Turn | Progress | Done]:
        start = speech_pb2.AudioStart(
            session_id=request.session_id,
            format=speech_pb2.AUDIO_FORMAT_FILE,
            start_ms=request.start_ms,
            speaker_count=request.speaker_count,
        )
        upload = _Upload(audio, call, speech_pb2.AudioUp, start)
        for down in _answers(self._connection().speaker.Diarize, upload, call):
            match down.WhichOneof("down"):
                case "progress":
                    yield Progress(down.progress.audio_ms_done, down.progress.audio_ms_total)
                case "speaker":
                    yield SpeakerTrack(down.speaker.label, down.speaker.speech_ms, tuple(down.speaker.embedding))
                case "turn":
                    yield Turn(down.turn.start_ms, down.turn.end_ms, down.turn.label)
                case "done":
                    yield _done(down.done)

    def summarize(self, request: SummaryRequest, call: Call) -> Summary:
        message = speech_pb2.SummarizeRequest(
            session_id=request.session_id,
            segments=[
                speech_pb2.SpokenSegment(
                    segment_id=one.segment_id,
                    start_ms=one.start_ms,
                    end_ms=one.end_ms,
                    text=one.text,
                    person_id=one.person_id,
                )
                for one in request.segments
            ],
            language=request.language,
            roster=[speech_pb2.Person(person_id=one.person_id, names=one.names) for one in request.roster],
            held_on=request.held_on.isoformat() if request.held_on else "",
        )
        answers = _answers(self._connection().summary.Summarize, message, call)
        found = [down.result for down in answers if down.HasField("result")]
        if len(found) != 1:
            raise EngineFailed("Invalid engine response: not exactly one summary.")
        return _summary(found[0])


class _Upload:
    """The messages that upload a file. Keeps the error of reading the file, for the receiving thread."""

    def __init__(self, audio: Iterable[bytes], call: Call, up: Any, start: Any) -> None:
        self._audio = audio
        self._call = call
        self._up = up
        self._start = start
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[Any]:
        yield self._up(start=self._start)
        try:
            for seq, data in enumerate(self._audio):
                if self._call.stopped:
                    return
                yield self._up(audio=speech_pb2.AudioChunk(seq=seq, data=data))
                self._call.moved()
        except Exception as exc:
            self.error = exc
            raise


def _answers(method: Any, request: Any, call: Call) -> Iterator[Any]:
    """Yield a node's answers as they arrive.

    Raises:
        EngineError, the reason why the call was stopped, or the error of reading the file.
    """
    begun = False
    try:
        answers = method(iter(request) if isinstance(request, _Upload) else request)
    except _ChannelClosed as exc:
        raise EngineUnavailable("The speech node does not answer, or is shutting down.") from exc
    call.when_stopped(answers.cancel)
    try:
        for answer in answers:
            call.raise_if_stopped()
            call.moved()
            begun = True
            yield answer
    except grpc.RpcError as exc:
        call.raise_if_stopped()
        if isinstance(request, _Upload) and request.error:
            raise request.error from exc
        raise failure_of(exc, begun=begun) from exc
    finally:
        answers.cancel()
    call.raise_if_stopped()


def failure_of(error: grpc.RpcError, *, begun: bool) -> EngineError:
    """Return the EngineError that a gRPC error stands for.

    Args:
        begun: the node had begun to process the recording.
    """
    call = cast(grpc.Call, error)
    code, message = call.code(), call.details() or ""
    reason = _reason(call)
    match code:
        case grpc.StatusCode.INVALID_ARGUMENT:
            return BadRecording(message)
        case grpc.StatusCode.FAILED_PRECONDITION:
            return NoCapableEngine(message)
        case grpc.StatusCode.RESOURCE_EXHAUSTED if reason == "NO_FREE_STREAM":
            return EngineBusy(message)
        case grpc.StatusCode.RESOURCE_EXHAUSTED if reason:
            return EngineUnavailable(message)
        case grpc.StatusCode.UNAVAILABLE if reason == "DRAINING" or not begun:
            return EngineUnavailable("The speech node does not answer, or is shutting down.")
    if reason:
        return EngineFailed(message)
    return EngineFailed("The speech node ended the call unexpectedly.")


def _reason(call: grpc.Call) -> str:
    """Return the reason in the call's ErrorInfo; empty if there is none."""
    info = ErrorInfo()
    packed = dict(call.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    try:
        for detail in Status.FromString(cast(bytes, packed)).details:
            detail.Unpack(info)
    except DecodeError:
        return ""
    return info.reason if info.domain == "speech" else ""


def _final(segment: speech_pb2.Segment) -> Final:
    words = tuple(Word(word.text, word.start_ms, word.end_ms, word.confidence) for word in segment.words)
    return Final(segment.start_ms, segment.end_ms, segment.text, segment.confidence, words)


def _done(done: speech_pb2.Done) -> Done:
    return Done(done.audio_ms, done.cpu_ms, done.incomplete_reason)


def _summary(summary: speech_pb2.Summary) -> Summary:
    deeds = [
        DetectedActionItem(
            item.text,
            tuple(item.segment_ids),
            item.owner,
            item.person_id,
            item.due,
            _day(item.due_on),
            item.confidence,
        )
        for item in summary.action_items
    ]
    overview, topics, decisions = (
        tuple(Statement(one.text, tuple(one.segment_ids)) for one in some)
        for some in (summary.overview, summary.topics, summary.decisions)
    )
    return Summary(overview, topics, decisions, tuple(deeds), summary.language)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as exc:
        raise EngineFailed("Invalid engine response: malformed date.") from exc

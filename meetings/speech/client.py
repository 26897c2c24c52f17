"""Engines behind `speech.v1`: a node that is asked over gRPC."""

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

#: Of the contract.
CHUNK = 64 * 1024
MAJOR_VERSION = "1"
#: How long a node may take to say what it can do, or that it lives.
ANSWER_SECONDS = 5.0
OPTIONS = [
    # Each channel connects by itself: two nodes in turn may have one address.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", 64 * 2**20),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]
#: What grpc raises where another thread has closed the channel meanwhile, to start its node anew.
_ChannelClosed = ValueError
_KINDS = {
    speech_pb2.ENGINE_KIND_ASR: Kind.ASR,
    speech_pb2.ENGINE_KIND_SPEAKER: Kind.SPEAKER,
    speech_pb2.ENGINE_KIND_SUMMARY: Kind.SUMMARY,
}


class Connection:
    """A channel to a node, and the services on it.

    All at once, while nobody else knows the channel: a stub that is made on one that another thread has closed ends the
    whole process (grpcio 1.85, segmentation fault), where a call is only refused.
    """

    def __init__(self, target: str) -> None:
        self._channel = grpc.insecure_channel(target, OPTIONS)
        self.node = speech_pb2_grpc.NodeInfoServiceStub(self._channel)
        self.asr = speech_pb2_grpc.AsrServiceStub(self._channel)
        self.speaker = speech_pb2_grpc.SpeakerServiceStub(self._channel)
        self.summary = speech_pb2_grpc.SummaryServiceStub(self._channel)
        self.health = health_pb2_grpc.HealthStub(self._channel)

    def close(self) -> None:
        """Calls that run end, and new ones are refused."""
        self._channel.close()


class SpeechClient:
    """A node's engines.

    Args:
        connection: to the node. Raises EngineUnavailable if there is none just now.
    """

    def __init__(self, connection: Callable[[], Connection]) -> None:
        self._connection = connection

    def engines(self) -> Sequence[Engine]:
        node = self._connection().node
        try:
            told = node.GetCapabilities(speech_pb2.GetCapabilitiesRequest(), timeout=ANSWER_SECONDS)
        except (grpc.RpcError, _ChannelClosed) as exc:
            raise EngineUnavailable("The speech node does not answer.") from exc
        if told.contract_version.partition(".")[0] != MAJOR_VERSION:
            raise EngineUnavailable(f"The speech node speaks another contract: {told.contract_version}.")
        return [
            Engine(one.name, one.version, _KINDS[one.kind], one.model_id, one.model_sha256, tuple(one.languages))
            for one in told.engines
            if one.kind in _KINDS
        ]

    def lives(self) -> bool:
        try:
            self._connection().health.Check(health_pb2.HealthCheckRequest(), timeout=ANSWER_SECONDS)
        except (grpc.RpcError, _ChannelClosed, EngineUnavailable):
            return False
        return True

    def transcribe(
        self, audio: Iterable[bytes], asked: AudioRequest, call: Call
    ) -> Iterator[Final | Progress | Detected | Done]:
        start = speech_pb2.AsrStart(
            session_id=asked.session_id,
            format=speech_pb2.AUDIO_FORMAT_FILE,
            language=asked.language,
            word_times=True,
            start_ms=asked.start_ms,
        )
        sending = _Sending(audio, call, speech_pb2.AsrUp, start)
        for down in _answers(self._connection().asr.Transcribe, sending, call):
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
        self, audio: Iterable[bytes], asked: AudioRequest, call: Call
    ) -> Iterator[SpeakerTrack | Turn | Progress | Done]:
        start = speech_pb2.AudioStart(
            session_id=asked.session_id,
            format=speech_pb2.AUDIO_FORMAT_FILE,
            start_ms=asked.start_ms,
            speaker_count=asked.speaker_count,
        )
        sending = _Sending(audio, call, speech_pb2.AudioUp, start)
        for down in _answers(self._connection().speaker.Diarize, sending, call):
            match down.WhichOneof("down"):
                case "progress":
                    yield Progress(down.progress.audio_ms_done, down.progress.audio_ms_total)
                case "speaker":
                    yield SpeakerTrack(down.speaker.label, down.speaker.speech_ms, tuple(down.speaker.embedding))
                case "turn":
                    yield Turn(down.turn.start_ms, down.turn.end_ms, down.turn.label)
                case "done":
                    yield _done(down.done)

    def summarize(self, asked: SummaryRequest, call: Call) -> Summary:
        request = speech_pb2.SummarizeRequest(
            session_id=asked.session_id,
            segments=[
                speech_pb2.SpokenSegment(
                    segment_id=one.segment_id,
                    start_ms=one.start_ms,
                    end_ms=one.end_ms,
                    text=one.text,
                    person_id=one.person_id,
                )
                for one in asked.segments
            ],
            language=asked.language,
            roster=[speech_pb2.Person(person_id=one.person_id, names=one.names) for one in asked.roster],
            held_on=asked.held_on.isoformat() if asked.held_on else "",
        )
        answers = _answers(self._connection().summary.Summarize, request, call)
        found = [down.result for down in answers if down.HasField("result")]
        if len(found) != 1:
            raise EngineFailed("The speech engine's answer cannot be used: it has no summary.")
        return _summary(found[0])


class _Sending:
    """What is sent of a file; what its reading raised is kept for who receives."""

    def __init__(self, audio: Iterable[bytes], call: Call, up: Any, start: Any) -> None:
        self._audio = audio
        self._call = call
        self._up = up
        self._start = start
        self.failed: Exception | None = None

    def __iter__(self) -> Iterator[Any]:
        yield self._up(start=self._start)
        try:
            for seq, data in enumerate(self._audio):
                if self._call.stopped:
                    return
                yield self._up(audio=speech_pb2.AudioChunk(seq=seq, data=data))
                self._call.moved()
        except Exception as exc:
            self.failed = exc
            raise


def _answers(method: Any, sending: Any, call: Call) -> Iterator[Any]:
    """What a node answers, as it comes.

    Raises:
        EngineError, or why the call was stopped, or what reading the file raised.
    """
    begun = False
    try:
        answers = method(iter(sending) if isinstance(sending, _Sending) else sending)
    except _ChannelClosed as exc:
        raise EngineUnavailable("The speech node does not answer, or is about to end.") from exc
    call.when_stopped(answers.cancel)
    try:
        for answer in answers:
            call.raise_if_stopped()
            call.moved()
            begun = True
            yield answer
    except grpc.RpcError as exc:
        call.raise_if_stopped()
        if isinstance(sending, _Sending) and sending.failed:
            raise sending.failed from exc
        raise failure_of(exc, begun=begun) from exc
    finally:
        answers.cancel()
    call.raise_if_stopped()


def failure_of(error: grpc.RpcError, *, begun: bool) -> EngineError:
    """What a call's end means for the recording.

    Args:
        begun: the node had begun to work on it.
    """
    call = cast(grpc.Call, error)
    code, sentence = call.code(), call.details() or ""
    reason = _reason(call)
    match code:
        case grpc.StatusCode.INVALID_ARGUMENT:
            return BadRecording(sentence)
        case grpc.StatusCode.FAILED_PRECONDITION:
            return NoCapableEngine(sentence)
        case grpc.StatusCode.RESOURCE_EXHAUSTED if reason == "NO_FREE_STREAM":
            return EngineBusy(sentence)
        case grpc.StatusCode.RESOURCE_EXHAUSTED if reason:
            return EngineUnavailable(sentence)
        case grpc.StatusCode.UNAVAILABLE if reason == "DRAINING" or not begun:
            return EngineUnavailable("The speech node does not answer, or is about to end.")
    if reason:
        return EngineFailed(sentence)
    return EngineFailed("The speech node broke off in the middle of its work.")


def _reason(call: grpc.Call) -> str:
    """The reason of its ErrorInfo; empty if it has none."""
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


def _summary(made: speech_pb2.Summary) -> Summary:
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
        for item in made.action_items
    ]
    overview, topics, decisions = (
        tuple(Statement(one.text, tuple(one.segment_ids)) for one in some)
        for some in (made.overview, made.topics, made.decisions)
    )
    return Summary(overview, topics, decisions, tuple(deeds), made.language)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as exc:
        raise EngineFailed("The speech engine's answer cannot be used: a day is none.") from exc

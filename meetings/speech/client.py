"""gRPC client of a `speech.v1` node and its engines."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc

from meetings.speech.engine_call import EngineCall
from meetings.speech.node import (
    BadRecording,
    EngineBusy,
    EngineError,
    EngineFailed,
    EngineLost,
    EngineUnavailable,
    NoCapableEngine,
)
from tandem import status_details
from tandem.speech.v1 import speech_pb2, speech_pb2_grpc

logger = logging.getLogger(__name__)

#: Of the contract.
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


class Connection:
    """A channel to a node, and its services.

    All stubs are created before the channel is shared: creating a stub on a channel that another thread has closed
    crashes the process (grpcio 1.85, segmentation fault), where a call on it only raises.
    """

    def __init__(
        self,
        target: str,
        credentials: grpc.ChannelCredentials | None = None,
        options: Sequence[tuple[str, Any]] = (),
    ) -> None:
        options = [*OPTIONS, *options]
        if credentials:
            self._channel = grpc.secure_channel(target, credentials, options)
        else:
            self._channel = grpc.insecure_channel(target, options)
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
        connect: returns a connection to the node. Raises EngineUnavailable if there is none at present.
        answer_seconds: deadline of capability requests and health checks.
    """

    def __init__(self, connect: Callable[[], Connection], answer_seconds: float = ANSWER_SECONDS) -> None:
        self._connect = connect
        self._answer_seconds = answer_seconds

    def engines(self) -> Sequence[speech_pb2.Engine]:
        node = self._connect().node
        try:
            capabilities = node.GetCapabilities(speech_pb2.GetCapabilitiesRequest(), timeout=self._answer_seconds)
        except (grpc.RpcError, _ChannelClosed) as exc:
            raise EngineUnavailable("The speech node does not answer.") from exc
        if capabilities.contract_version.partition(".")[0] != MAJOR_VERSION:
            raise EngineUnavailable(
                f"The speech node has an incompatible contract version: {capabilities.contract_version}."
            )
        return capabilities.engines

    def lives(self) -> bool:
        try:
            self._connect().health.Check(health_pb2.HealthCheckRequest(), timeout=self._answer_seconds)
        except (grpc.RpcError, _ChannelClosed, EngineUnavailable):
            return False
        return True

    def transcribe(
        self, start: speech_pb2.AsrStart, audio: Iterable[bytes], call: EngineCall
    ) -> Iterator[speech_pb2.AsrDown]:
        upload = _Upload(audio, call, speech_pb2.AsrUp, start)
        return _answers(self._connect().asr.Transcribe, upload, call)

    def diarize(
        self, start: speech_pb2.AudioStart, audio: Iterable[bytes], call: EngineCall
    ) -> Iterator[speech_pb2.DiarizeDown]:
        upload = _Upload(audio, call, speech_pb2.AudioUp, start)
        return _answers(self._connect().speaker.Diarize, upload, call)

    def summarize(self, request: speech_pb2.SummarizeRequest, call: EngineCall) -> Iterator[speech_pb2.SummarizeDown]:
        return _answers(self._connect().summary.Summarize, request, call)


class _Upload:
    """Iterator of the messages that upload a file.

    grpcio iterates over it in a thread of its own. An error of reading the file is kept in `error`, so that the thread
    that receives the answers can raise it.
    """

    def __init__(self, audio: Iterable[bytes], call: EngineCall, up: Any, start: Any) -> None:
        self._audio = audio
        self._call = call
        self._up = up
        self._start = start
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[Any]:
        yield self._up(start=self._start)
        try:
            seq = 0
            for data in self._audio:
                if self._call.stopped:
                    return
                if data:  # Otherwise a live source has none at present.
                    yield self._up(audio=speech_pb2.AudioChunk(seq=seq, data=data))
                    seq += 1
                self._call.record_progress()
        except Exception as exc:
            self.error = exc
            raise


def _answers(method: Any, request: Any, call: EngineCall) -> Iterator[Any]:
    """Yield a node's answers as they arrive.

    Raises:
        EngineError, the reason why the call was stopped, or the error of reading the file.
    """
    begun = False
    try:
        answers = method(iter(request) if isinstance(request, _Upload) else request, metadata=call.metadata)
    except _ChannelClosed as exc:
        raise EngineUnavailable("The speech node does not answer, or is shutting down.") from exc
    call.when_stopped(answers.cancel)
    try:
        for answer in answers:
            call.raise_if_stopped()
            call.record_progress()
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
        case grpc.StatusCode.INTERNAL if reason:
            # The message holds an error ID for operators.
            logger.error("%s", message)
            return EngineFailed("The speech engine failed with an internal error.")
    if reason:
        return EngineFailed(message)
    return EngineLost("The speech node ended the call unexpectedly.")


def _reason(call: grpc.Call) -> str:
    """Return the reason in the call's ErrorInfo; empty if there is none."""
    info = ErrorInfo()
    try:
        status_details.read(call.trailing_metadata(), info)
    except DecodeError:
        return ""
    return info.reason if info.domain == "speech" else ""

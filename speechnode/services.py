"""The services of `speech.v1`: each method reads the request, runs an engine and returns its results."""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

import grpc

from speechnode.calls import InferenceCall, served
from speechnode.catalog import Catalog
from speechnode.engines.pcm import Piece
from speechnode.failures import Invalid
from speechnode.intake import Limits, MeasuredIntake, intake
from speechnode.slots import Slots
from speechnode.transcription import Transcription
from tandem.speech.v1 import speech_pb2, speech_pb2_grpc

if TYPE_CHECKING:
    from speechnode.engines.protocols import Listener
    from speechnode.engines.summary import Said, Statement, Summary

CONTRACT_VERSION = "1.0"
_MAX_SEGMENTS = 20_000
_PROGRESS_MS = 10_000
#: Maximum length of a session ID in the log, in characters.
_MAX_LOGGED = 100


class NodeInfo(speech_pb2_grpc.NodeInfoServiceServicer):
    """The capabilities of this node."""

    def __init__(self, catalog: Catalog, slots: Slots) -> None:
        self._catalog = catalog
        self._slots = slots

    def GetCapabilities(  # noqa: N802
        self, request: speech_pb2.GetCapabilitiesRequest, context: grpc.ServicerContext
    ) -> speech_pb2.GetCapabilitiesResponse:
        """Return the engines and the free slots. Takes no slot, so that a full node also answers."""
        return speech_pb2.GetCapabilitiesResponse(
            engines=self._catalog.all(),
            max_streams=self._slots.limit,
            free_streams=self._slots.free,
            contract_version=CONTRACT_VERSION,
        )


class Asr(speech_pb2_grpc.AsrServiceServicer):
    """Speech to text."""

    def __init__(self, catalog: Catalog, slots: Slots, limits: Limits) -> None:
        self._catalog = catalog
        self._slots = slots
        self._limits = limits

    def Transcribe(  # noqa: N802
        self, request_iterator: Iterator[speech_pb2.AsrUp], context: grpc.ServicerContext
    ) -> Iterator[speech_pb2.AsrDown]:
        """Transcribe a stream of audio; see `Transcription`."""
        with served("AsrService/Transcribe", context, self._slots) as call:
            start = _start(request_iterator).start
            call.facts["session_id"] = start.session_id[:_MAX_LOGGED]
            asr = self._catalog.asr(start.language)
            asr.warm_up()
            about = self._catalog.about(speech_pb2.ENGINE_KIND_ASR, start.language)
            sound = intake(start.format, start.start_ms, self._limits)
            yield speech_pb2.AsrDown(accepted=speech_pb2.Accepted(engine=about))
            if not start.language and len(about.languages) == 1:
                # The engine supports one language only.
                yield speech_pb2.AsrDown(language=speech_pb2.DetectedLanguage(language=about.languages[0]))
            is_cut = start.speaker_count != 1 and self._catalog.has(speech_pb2.ENGINE_KIND_SPEAKER)
            parts = self._catalog.speakers().parts if is_cut else lambda utterance: [utterance]
            yield from Transcription(call, asr, start, sound, parts).run(request_iterator)


class Speaker(speech_pb2_grpc.SpeakerServiceServicer):
    """Diarization and voice prints."""

    def __init__(self, catalog: Catalog, slots: Slots, limits: Limits) -> None:
        self._catalog = catalog
        self._slots = slots
        self._limits = limits

    def Diarize(  # noqa: N802
        self, request_iterator: Iterator[speech_pb2.AudioUp], context: grpc.ServicerContext
    ) -> Iterator[speech_pb2.DiarizeDown]:
        """Return the speakers of a recording, and their turns."""
        with served("SpeakerService/Diarize", context, self._slots) as call:
            start = _start(request_iterator).start
            call.facts["session_id"] = start.session_id[:_MAX_LOGGED]
            if not 0 <= start.speaker_count <= 100:
                raise Invalid("speaker_count: must be 0 to 100.")
            listener = self._catalog.speakers().listen()
            sound = intake(start.format, start.start_ms, self._limits)
            about = self._catalog.about(speech_pb2.ENGINE_KIND_SPEAKER)
            yield speech_pb2.DiarizeDown(accepted=speech_pb2.Accepted(engine=about))
            reported_ms = end_ms = start.start_ms
            for end_ms in _listen(call, request_iterator, start, sound, listener):
                if end_ms - reported_ms >= _PROGRESS_MS:
                    reported_ms = end_ms
                    progress = speech_pb2.Progress(audio_ms_done=end_ms, audio_ms_total=sound.total_ms)
                    yield speech_pb2.DiarizeDown(progress=progress)
            speakers, turns = listener.told_apart(start.speaker_count, call.checkpoint)
            for speaker in speakers:
                message = speech_pb2.Speaker(label=speaker.label, speech_ms=speaker.speech_ms)
                message.embedding.extend(speaker.print.tolist())
                yield speech_pb2.DiarizeDown(speaker=message)
            for turn in turns:
                yield speech_pb2.DiarizeDown(
                    turn=speech_pb2.Turn(start_ms=turn.start_ms, end_ms=turn.end_ms, label=turn.label)
                )
            call.facts |= {"audio_ms": end_ms - start.start_ms, "cpu_ms": call.cpu_ms}
            yield speech_pb2.DiarizeDown(
                done=speech_pb2.Done(
                    audio_ms=end_ms,
                    cpu_ms=call.cpu_ms,
                    incomplete_reason=sound.incomplete_reason,
                    notice=sound.notice,
                    peaks=sound.peaks,
                )
            )

    def Embed(  # noqa: N802
        self, request_iterator: Iterator[speech_pb2.AudioUp], context: grpc.ServicerContext
    ) -> speech_pb2.EmbedResponse:
        """Return the voice print of one person."""
        response = speech_pb2.EmbedResponse()
        with served("SpeakerService/Embed", context, self._slots) as call:
            start = _start(request_iterator).start
            call.facts["session_id"] = start.session_id[:_MAX_LOGGED]
            listener = self._catalog.speakers().listen()
            sound = intake(start.format, start.start_ms, self._limits)
            for _ in _listen(call, request_iterator, start, sound, listener):
                pass
            response.embedding.extend(listener.overall_print().tolist())
            response.speech_ms = listener.speech_ms
            response.model_sha256 = self._catalog.about(speech_pb2.ENGINE_KIND_SPEAKER).model_sha256
        return response


class Summaries(speech_pb2_grpc.SummaryServiceServicer):
    """Summaries of transcripts."""

    def __init__(self, catalog: Catalog, slots: Slots) -> None:
        self._catalog = catalog
        self._slots = slots

    def Summarize(  # noqa: N802
        self, request: speech_pb2.SummarizeRequest, context: grpc.ServicerContext
    ) -> Iterator[speech_pb2.SummarizeDown]:
        """Summarise a transcript: yield deltas of the overview, then the result."""
        with served("SummaryService/Summarize", context, self._slots) as call:
            call.facts |= {"session_id": request.session_id[:_MAX_LOGGED], "segments": len(request.segments)}
            engine = self._catalog.summaries(request.language)
            about = self._catalog.about(speech_pb2.ENGINE_KIND_SUMMARY)
            for output in engine.summarise(_transcript(request), call.checkpoint):
                call.checkpoint()
                if isinstance(output, str):
                    yield speech_pb2.SummarizeDown(delta=output)
                else:
                    yield speech_pb2.SummarizeDown(result=_summary_message(output, about))


def _start(requests: Iterator[Any]) -> Any:
    """Return the first message of a stream, which must be its `start`."""
    first = next(requests, None)
    if first is None or first.WhichOneof("up") != "start":
        raise Invalid("The first message of the stream must be `start`.")
    return first


def _listen(
    call: InferenceCall,
    requests: Iterator[speech_pb2.AudioUp],
    start: speech_pb2.AudioStart,
    sound: MeasuredIntake,
    listener: "Listener",
) -> Iterator[int]:
    """Pass the utterances of the requests to a listener. Yields the time in ms up to which the audio is processed."""
    from speechnode.engines.vad import VoiceSegments  # Loads a model.

    voices = VoiceSegments(start.start_ms)
    try:
        for piece in _pieces(requests, sound):
            for utterance in voices.hear(piece):
                call.checkpoint()
                listener.take(utterance)
            call.checkpoint()
            yield voices.heard_ms
        for utterance in voices.finish():
            listener.take(utterance)
        yield voices.heard_ms
    finally:
        sound.close()


def _pieces(requests: Iterator[speech_pb2.AudioUp], sound: MeasuredIntake) -> Iterator[Piece]:
    for request in requests:
        if request.WhichOneof("up") != "audio":
            raise Invalid("Every message after `start` must be `audio`.")
        yield from sound.take(request.audio)
    yield from sound.end()


def _transcript(request: speech_pb2.SummarizeRequest) -> "Said":
    from speechnode.engines.action_items import Person, Spoken
    from speechnode.engines.summary import Said

    if len(request.segments) > _MAX_SEGMENTS:
        raise Invalid(f"segments: at most {_MAX_SEGMENTS}.")
    if request.overview_sentences < 0:
        raise Invalid("overview_sentences: must be 0 or more.")
    try:
        held_on = date.fromisoformat(request.held_on) if request.held_on else None
    except ValueError:
        raise Invalid("held_on: must be a date as YYYY-MM-DD.") from None
    return Said(
        [Spoken(segment.segment_id, segment.text, segment.person_id) for segment in request.segments],
        request.language,
        [Person(person.person_id, tuple(person.names)) for person in request.roster],
        held_on,
        request.overview_sentences,
    )


def _summary_message(summary: "Summary", about: speech_pb2.Engine) -> speech_pb2.Summary:
    return speech_pb2.Summary(
        overview=map(_statement_message, summary.overview),
        topics=map(_statement_message, summary.topics),
        decisions=map(_statement_message, summary.decisions),
        action_items=[
            speech_pb2.ActionItem(
                text=item.text,
                owner=item.owner,
                person_id=item.person_id,
                due=item.due,
                due_on=item.due_on.isoformat() if item.due_on else "",
                segment_ids=item.segment_ids,
                confidence=item.confidence,
            )
            for item in summary.action_items
        ],
        language=summary.language,
        engine=about,
    )


def _statement_message(statement: "Statement") -> speech_pb2.Statement:
    return speech_pb2.Statement(text=statement.text, segment_ids=statement.segment_ids)

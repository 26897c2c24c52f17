"""A service with OpenAI's HTTP interface as a node: transcriptions with times, and summaries by a language model.

    openai+https://KEY@host/v1?asr=whisper-1&summary=gpt-5-mini&language=en&language=de

`asr` and `summary` name the models; without either, `whisper-1` transcribes. `language` may be
repeated; without it, the service knows all languages. It separates no speakers.
"""

import math
import tempfile
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import IO, Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from babel import Locale
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from meetings.speech.engine_call import EngineCall
from meetings.speech.http_service import HttpService, Refused
from meetings.speech.node import BadRecording, EngineFailed, EngineUnavailable, NoCapableEngine
from meetings.speech.openai_summary import summarize
from tandem.speech.v1 import speech_pb2

DEFAULT_ASR = "whisper-1"
_PARAMETERS = {"asr", "summary", "language"}
#: Position and content of bytes → the ending of the file's name, by which services distinguish formats.
_BEGINNINGS = ((0, b"fLaC", "flac"), (0, b"OggS", "ogg"), (0, b"RIFF", "wav"), (4, b"ftyp", "m4a"),
               (0, b"\x1aE\xdf\xa3", "webm"))  # fmt: skip
_OTHER_ENDING = "mp3"
_BLOCK_BYTES = 64 * 1024
_MAX_PROMPT_LENGTH = 600
#: Whisper's own rule for text that it invents in silence.
_NO_SPEECH, _LEAST_LOG_PROBABILITY = 0.6, -1.0


class OpenAINode:
    """A service at one address.

    Args:
        address: of its URL, without the scheme.

    Raises:
        ImproperlyConfigured: the address is malformed. The message does not contain the key.
    """

    #: This process cannot start it, so it has a circuit breaker.
    restarts_itself = False
    _scheme = "https"

    def __init__(self, address: str) -> None:
        url = _parsed(self._scheme, address)
        parameters = parse_qsl(url.query)
        given = dict(parameters)
        if unknown := given.keys() - _PARAMETERS:
            raise ImproperlyConfigured(
                f"SPEECH_NODES: openai+{self._scheme}://{url.netloc.rpartition('@')[2]} takes the parameters "
                f"{', '.join(sorted(_PARAMETERS))}, and not {', '.join(sorted(unknown))}."
            )
        self._service = HttpService(url)
        asr = given.get("asr", "" if given.get("summary") else DEFAULT_ASR)
        models = ((speech_pb2.ENGINE_KIND_ASR, asr), (speech_pb2.ENGINE_KIND_SUMMARY, given.get("summary", "")))
        self._engines = [
            speech_pb2.Engine(
                name="openai",
                kind=kind,
                model_id=model,
                languages=[value for name, value in parameters if name == "language"],
                word_times=kind == speech_pb2.ENGINE_KIND_ASR,
                loaded=True,
            )
            for kind, model in models
            if model
        ]

    def engines(self) -> Sequence[speech_pb2.Engine]:
        if not self._service.accepts_connections():
            raise EngineUnavailable(f"The speech service {self._service.name} cannot be reached.")
        return self._engines

    def lives(self) -> bool:
        return self._service.accepts_connections()

    def transcribe(
        self, start: speech_pb2.AsrStart, audio: Iterable[bytes], call: EngineCall
    ) -> Iterator[speech_pb2.AsrDown]:
        engine = self._engine(speech_pb2.ENGINE_KIND_ASR)
        yield speech_pb2.AsrDown(accepted=speech_pb2.Accepted(engine=engine))
        fields = [
            ("model", engine.model_id),
            ("response_format", "verbose_json"),
            ("timestamp_granularities[]", "segment"),
            ("timestamp_granularities[]", "word"),
            ("temperature", "0"),
            ("language", start.language),
            ("prompt", ", ".join(start.vocabulary)[:_MAX_PROMPT_LENGTH]),
        ]
        with _spooled(audio, call) as file:
            try:
                answer = self._post_form(fields, file, call)
            except Refused as exc:
                raise BadRecording(str(exc)) from exc
        yield from _read_transcription(answer, start)

    def diarize(
        self, start: speech_pb2.AudioStart, audio: Iterable[bytes], call: EngineCall
    ) -> Iterator[speech_pb2.DiarizeDown]:
        raise NoCapableEngine(f"The speech service {self._service.name} cannot separate voices.")

    def summarize(self, request: speech_pb2.SummarizeRequest, call: EngineCall) -> Iterator[speech_pb2.SummarizeDown]:
        engine = self._engine(speech_pb2.ENGINE_KIND_SUMMARY)
        summary = summarize(self._service, engine.model_id, request, call)
        summary.engine.CopyFrom(engine)
        yield speech_pb2.SummarizeDown(result=summary)

    def give_up(self) -> None:
        """Do nothing: this process cannot restart the service."""

    def close(self) -> None:
        """Do nothing: each call has its own connection."""

    def _engine(self, kind: speech_pb2.EngineKind) -> speech_pb2.Engine:
        for engine in self._engines:
            if engine.kind == kind:
                return engine
        raise NoCapableEngine(f"The speech service {self._service.name} has no model for this in SPEECH_NODES.")

    def _post_form(self, fields: Iterable[tuple[str, str]], file: IO[bytes], call: EngineCall) -> Any:
        boundary = token_hex(16)
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields
            if value
        )
        filename = f"recording.{_ending(file.read(16))}"
        begin = (
            f'{head}--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        end = f"\r\n--{boundary}--\r\n".encode()
        size = file.seek(0, 2)
        file.seek(0)
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(begin) + size + len(end)),
        }
        return self._service.post("/audio/transcriptions", _body(begin, file, end, call), headers, call)


class PlainOpenAINode(OpenAINode):
    """The same without TLS, for a service in the same network."""

    _scheme = "http"


def _parsed(scheme: str, address: str) -> SplitResult:
    url = urlsplit(f"{scheme}://{address}")
    try:
        is_valid = bool(url.hostname) and (url.port is None or url.port > 0) and not url.fragment
        is_valid = is_valid and "@" not in url.path  # A key with a slash that is not escaped
    except ValueError:
        is_valid = False
    if not is_valid:
        place = address.rpartition("@")[2]
        raise ImproperlyConfigured(
            f"SPEECH_NODES lists services as openai+{scheme}://KEY@host:port/v1; one is 'openai+{scheme}://{place}'."
        )
    return url


def _spooled(audio: Iterable[bytes], call: EngineCall) -> IO[bytes]:
    """Return an unnamed file with the recording, whose length the request has to name."""
    folder = Path(settings.DATA_DIR) / "media" / "speech"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - the caller closes it.
    try:
        for piece in audio:
            call.raise_if_stopped()
            file.write(piece)
            call.record_progress()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def _ending(head: bytes) -> str:
    return next((name for at, bytes_, name in _BEGINNINGS if head[at:].startswith(bytes_)), _OTHER_ENDING)


def _body(begin: bytes, file: IO[bytes], end: bytes, call: EngineCall) -> Iterator[bytes]:
    yield begin
    while block := file.read(_BLOCK_BYTES):
        call.raise_if_stopped()
        yield block
        call.record_progress()
    yield end


def _read_transcription(answer: Any, start: speech_pb2.AsrStart) -> Iterator[speech_pb2.AsrDown]:
    """Yield the answers of `speech.v1` for a `verbose_json`.

    Raises:
        EngineFailed: it is not one.
    """
    try:
        if not isinstance(answer["segments"], list):
            raise TypeError("segments")
        spoken = [segment for segment in answer["segments"] if _is_speech(segment)]
        words = [_word(word) for word in answer.get("words") or _words_in(spoken)]
        segments = list(_segments(spoken, words))
        end_ms = _ms(answer["duration"]) if "duration" in answer else max((one.end_ms for one in segments), default=0)
        language = _code(str(answer.get("language", "")))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as exc:
        raise EngineFailed(
            "Invalid engine response: no verbose_json with the times of segments; name another model in SPEECH_NODES."
        ) from exc
    if language:
        yield speech_pb2.AsrDown(language=speech_pb2.DetectedLanguage(language=language, confidence=1))
    for segment in segments:
        if segment.end_ms > start.start_ms:
            yield speech_pb2.AsrDown(segment=segment)
    end_ms = max(end_ms, start.start_ms)
    yield speech_pb2.AsrDown(progress=speech_pb2.Progress(audio_ms_done=end_ms, audio_ms_total=end_ms))
    yield speech_pb2.AsrDown(done=speech_pb2.Done(audio_ms=end_ms))


def _is_speech(segment: Mapping[str, Any]) -> bool:
    silent = float(segment.get("no_speech_prob") or 0) > _NO_SPEECH
    return bool(_line(segment["text"])) and not (silent and _log_probability(segment) < _LEAST_LOG_PROBABILITY)


def _words_in(segments: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [word for segment in segments for word in segment.get("words") or ()]


def _segments(spoken: Sequence[Mapping[str, Any]], words: Sequence[speech_pb2.Word]) -> Iterator[speech_pb2.Segment]:
    """Yield the segments in order and without overlap, each with the words whose middle is in it."""
    known_ms = 0
    in_order = sorted(words, key=_twice_the_middle)
    for found in spoken:
        start_ms = max(known_ms, _ms(found["start"]))
        known_ms = max(start_ms + 1, _ms(found["end"]))
        confidence = math.exp(min(0.0, _log_probability(found)))
        segment = speech_pb2.Segment(
            segment_id=str(start_ms), revision=1, final=True, start_ms=start_ms, end_ms=known_ms,
            text=_line(found["text"]), confidence=confidence,
        )  # fmt: skip
        first, until = (bisect_left(in_order, 2 * at_ms, key=_twice_the_middle) for at_ms in (start_ms, known_ms))
        for word in in_order[first:until]:
            added = segment.words.add(text=word.text, confidence=word.confidence or confidence)
            added.start_ms = max(start_ms, word.start_ms)
            added.end_ms = max(added.start_ms, min(known_ms, word.end_ms))
        yield segment


def _twice_the_middle(word: speech_pb2.Word) -> int:
    return word.start_ms + word.end_ms


def _word(word: Mapping[str, Any]) -> speech_pb2.Word:
    probability = min(1.0, max(0.0, float(word.get("probability") or 0)))
    return speech_pb2.Word(
        text=_line(word["word"]), start_ms=_ms(word["start"]), end_ms=_ms(word["end"]), confidence=probability
    )


def _log_probability(segment: Mapping[str, Any]) -> float:
    """Return the mean of the tokens; 0, which is certainty, if the service sends none."""
    return float(segment.get("avg_logprob") or 0)


def _ms(seconds: Any) -> int:
    return max(0, round(float(seconds) * 1000))


def _line(text: Any) -> str:
    if not isinstance(text, str):
        raise TypeError("text")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _code(language: str) -> str:
    """Return the ISO 639 code of a language, which services name or code; empty = not known."""
    if language.isascii() and language.isalpha() and len(language) in (2, 3):
        return language.lower()
    names = {str(name).lower(): code for code, name in Locale("en").languages.items()}
    code = names.get(language.lower(), "")
    return code if code.isalpha() and len(code) in (2, 3) else ""

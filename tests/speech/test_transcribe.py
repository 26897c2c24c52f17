"""AsrService.Transcribe."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import av
import grpc
import psutil
import pytest
from google.rpc.error_details_pb2 import ErrorInfo

from bench.word_error import word_error
from tandem.speech.v1 import speech_pb2 as speech
from tests.support.recordings import a_recording
from tests.support.rpc_failures import failure_of
from tests.support.servers import until
from tests.support.speech_node import SpeechNode, Talk, ended, sent

PCM, FILE = speech.AUDIO_FORMAT_PCM_S16LE_16K, speech.AUDIO_FORMAT_FILE


def transcribed(node: SpeechNode, audio: bytes, size: int = 65536, **start: Any) -> list[speech.AsrDown]:
    return list(node.asr.Transcribe(sent(speech.AsrStart(**{"format": PCM} | start), audio, size)))


def finals(answers: list[speech.AsrDown]) -> list[speech.Segment]:
    return [answer.segment for answer in answers if answer.HasField("segment") and answer.segment.final]


@pytest.fixture(scope="module")
def undisturbed(node: SpeechNode, meeting_pcm: bytes) -> list[speech.Segment]:
    """The finals of the whole meeting."""
    return finals(transcribed(node, meeting_pcm, word_times=True))


def audio(pcm: bytes, seq: int = 0, **chunk: Any) -> speech.AsrUp:
    return speech.AsrUp(audio=speech.AudioChunk(seq=seq, data=pcm, **chunk))


def start(**fields: Any) -> speech.AsrUp:
    return speech.AsrUp(start=speech.AsrStart(**{"format": PCM} | fields))


def segment_in(answers: Iterator[speech.AsrDown]) -> speech.Segment:
    """Return the next segment, and skip other answers."""
    return next(answer.segment for answer in answers if answer.HasField("segment"))


def test_meeting_is_transcribed(undisturbed: list[speech.Segment], meeting_lines: list[dict[str, Any]]) -> None:
    segments = undisturbed
    assert len(segments) == len(meeting_lines)
    for segment, line in zip(segments, meeting_lines, strict=True):
        assert segment.start_ms == pytest.approx(line["start_ms"], abs=400)
        assert segment.end_ms == pytest.approx(line["end_ms"], abs=400)
    said = " ".join(line["text"] for line in meeting_lines)
    assert word_error(said, " ".join(segment.text for segment in segments)).rate < 0.18


def test_length_of_the_speech_is_reported(node: SpeechNode, meeting_pcm: bytes) -> None:
    *_, last = answers = transcribed(node, meeting_pcm[: 32 * 5500])
    assert last.done.speech_ms == sum(segment.end_ms - segment.start_ms for segment in finals(answers)) > 0


def test_words_are_returned_only_on_request(node: SpeechNode, meeting_pcm: bytes) -> None:
    part = meeting_pcm[: 32 * 5500]
    assert not finals(transcribed(node, part))[0].words
    assert finals(transcribed(node, part, word_times=True))[0].words


def test_a_file_is_the_same_as_its_samples(
    node: SpeechNode, meeting_file: bytes, undisturbed: list[speech.Segment]
) -> None:
    assert finals(transcribed(node, meeting_file, format=FILE, word_times=True)) == undisturbed


def test_chunks_may_be_cut_anywhere(node: SpeechNode, meeting_pcm: bytes) -> None:
    part = meeting_pcm[: 32 * 5500]
    assert finals(transcribed(node, part, size=1001)) == finals(transcribed(node, part))


def test_times_are_those_of_the_recording(node: SpeechNode, meeting_pcm: bytes) -> None:
    part = meeting_pcm[: 32 * 5500]
    (from_zero,) = finals(transcribed(node, part, word_times=True))
    answers = transcribed(node, part, word_times=True, start_ms=3_600_000)
    (an_hour_on,) = finals(answers)
    assert an_hour_on.start_ms == from_zero.start_ms + 3_600_000
    assert an_hour_on.words[3].start_ms == from_zero.words[3].start_ms + 3_600_000
    assert an_hour_on.segment_id != from_zero.segment_id
    assert answers[-1].done.audio_ms == 3_600_000 + 5500


@pytest.mark.parametrize(("known", "as_file", "by_rule"), [(3, False, False), (4, True, True), (6, False, True)])
def test_resumed_transcription_returns_the_rest(
    node: SpeechNode,
    meeting_pcm: bytes,
    meeting_file: bytes,
    undisturbed: list[speech.Segment],
    known: int,
    as_file: bool,
    by_rule: bool,
) -> None:
    stored = undisturbed[:known]
    # The rule of the contract, or where the node names.
    resume_at = stored[-1].end_ms - 2000 if by_rule else stored[-1].resume_ms
    if as_file:
        answers = transcribed(node, meeting_file, format=FILE, word_times=True, start_ms=resume_at)
    else:
        answers = transcribed(node, meeting_pcm[resume_at * 32 :], word_times=True, start_ms=resume_at)
    rest = [segment for segment in finals(answers) if segment.words[0].start_ms >= stored[-1].end_ms]
    for segment in rest:
        # What was not sent again cannot be named as a place to begin.
        assert resume_at <= segment.resume_ms < segment.end_ms
        segment.resume_ms = undisturbed[len(stored)].resume_ms
        stored.append(segment)
    assert stored == undisturbed


def test_gaps_in_the_recording_are_skipped(node: SpeechNode, meeting_pcm: bytes) -> None:
    part = meeting_pcm[: 32 * 5500]
    first = [audio(part[at : at + 64000], at // 64000) for at in range(0, len(part), 64000)]
    later = [
        audio(part[at : at + 64000], len(first) + at // 64000, offset_ms=60_000 + at // 32)
        for at in range(0, len(part), 64000)
    ]
    one, other = finals(list(node.asr.Transcribe(iter([start(), *first, *later]))))
    assert other.start_ms == pytest.approx(one.start_ms + 60_000, abs=32)
    assert other.text == one.text
    assert one.text.startswith("Good morning")


def test_drafts_arrive_during_an_utterance(node: SpeechNode, meeting_pcm: bytes) -> None:
    talk = Talk(start(interim=True), audio(meeting_pcm[:64_000]))
    answers = node.asr.Transcribe(talk)
    draft = segment_in(answers)
    assert (draft.final, draft.revision, draft.text.split()[0]) == (False, 1, "Good")
    talk.say(audio(meeting_pcm[64_000:128_000], 1))
    longer = segment_in(answers)
    assert (longer.final, longer.revision, longer.segment_id) == (False, 2, draft.segment_id)
    assert len(longer.text) > len(draft.text)
    talk.end()
    final = segment_in(answers)
    assert (final.final, final.segment_id) == (True, draft.segment_id)
    assert final.revision > longer.revision


def test_final_is_recognised_during_the_pause_that_ends_it(
    start_node: Callable[..., SpeechNode], meeting_pcm: bytes, undisturbed: list[speech.Segment]
) -> None:
    node = start_node("--log-level", "debug")
    expected = undisturbed[0]
    pause = (expected.end_ms + 64) * 32  # Further 200 ms of silence end the utterance.
    pieces = [meeting_pcm[at : min(at + 64_000, pause)] for at in range(0, pause, 64_000)]
    talk = Talk(start(interim=True, word_times=True), *(audio(piece, seq) for seq, piece in enumerate(pieces)))
    answers = node.asr.Transcribe(talk)
    early = next(segment for segment in iter(lambda: segment_in(answers), None) if segment.end_ms == expected.end_ms)
    assert not early.final
    recognised = utterances_sent(node)
    talk.say(audio(meeting_pcm[pause : pause + 400 * 32], len(pieces)))
    final = segment_in(answers)
    assert (final.final, final.segment_id, final.revision) == (True, early.segment_id, early.revision + 1)
    assert (final.text, final.words, final.resume_ms) == (expected.text, expected.words, expected.resume_ms)
    assert utterances_sent(node) == recognised
    talk.end()


def test_finalize_ends_the_utterance_and_not_the_stream(node: SpeechNode, meeting_pcm: bytes) -> None:
    talk = Talk(start(), audio(meeting_pcm[:64_000]), speech.AsrUp(finalize=speech.Finalize()))
    answers = node.asr.Transcribe(talk)
    assert segment_in(answers).end_ms == 2000
    talk.say(audio(meeting_pcm[64_000:128_000], 1))
    talk.end()
    assert segment_in(answers).start_ms == pytest.approx(2000, abs=300)


def test_a_ping_is_answered_at_once(node: SpeechNode, meeting_pcm: bytes) -> None:
    talk = Talk(start())
    answers = node.asr.Transcribe(talk)
    assert next(answers).HasField("accepted")
    assert next(answers).language.language == "en"
    for seq in range(3):
        talk.say(audio(meeting_pcm[seq * 65536 : (seq + 1) * 65536], seq))
    # The engine begins with the first utterance now. Nothing is done yet, and no progress of 0 is sent.
    talk.say(speech.AsrUp(ping=speech.Ping()))
    answer = next(answers)
    assert answer.HasField("progress")
    assert answer.progress.audio_ms_done == 0
    talk.end()
    assert segment_in(answers).final
    assert list(answers)[-1].HasField("done")


def test_truncated_file_is_transcribed_to_its_end(node: SpeechNode, meeting_pcm: bytes) -> None:
    wav = io.BytesIO()
    with av.open(wav, "w", format="wav") as target:
        stream = target.add_stream("pcm_s16le", rate=16_000, layout="mono")
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(meeting_pcm) // 2)
        frame.planes[0].update(meeting_pcm)
        frame.rate = 16_000
        target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    answers = transcribed(node, wav.getvalue()[: 32 * 6000], format=FILE)
    assert [segment.text[:12] for segment in finals(answers)] == ["Good morning"]
    assert "cut off" in answers[-1].done.incomplete_reason


@pytest.mark.parametrize("file", [b"", b"no sound at all" * 100, bytes(5000)], ids=["empty", "text", "zeros"])
def test_a_file_that_is_no_audio_is_refused(node: SpeechNode, file: bytes) -> None:
    failure = failure_of(lambda: transcribed(node, file, format=FILE))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "UNSUPPORTED_MEDIA_TYPE")
    assert failure.only(ErrorInfo).domain == "speech"
    assert failure.message.endswith(".")


@pytest.mark.parametrize(
    ("requests", "named"),
    [
        ([], "start"),
        ([audio(b"")], "start"),
        ([start(), start()], "start"),
        ([start(format=0)], "format"),
        ([start(start_ms=-1)], "start_ms"),
        ([start(), audio(b"", 1)], "audio.seq"),
        ([start(), audio(b""), audio(b"")], "audio.seq"),
        ([start(), audio(bytes(65537))], "audio.data"),
        ([start(start_ms=5000), audio(b"", offset_ms=1000)], "audio.offset_ms"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_violations_of_the_contract_are_named(node: SpeechNode, requests: list[speech.AsrUp], named: str) -> None:
    failure = failure_of(lambda: list(node.asr.Transcribe(iter(requests))))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID")
    assert named in failure.message


def test_a_file_that_is_too_large_is_refused(start_node: Callable[..., SpeechNode]) -> None:
    failure = failure_of(lambda: transcribed(start_node("--max-file-mib", "1"), bytes(2**20 + 1), format=FILE))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "TOO_LARGE")


def test_a_file_that_is_too_long_is_refused(start_node: Callable[..., SpeechNode]) -> None:
    failure = failure_of(lambda: transcribed(start_node("--max-seconds", "3"), a_recording(seconds=4), format=FILE))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "TOO_LARGE")
    assert failure.message == "The recording is too long: the maximum is 3 seconds. Send it in parts."


def test_node_without_the_engine_reports_it(start_node: Callable[..., SpeechNode]) -> None:
    failure = failure_of(lambda: transcribed(start_node("--engines", "textrank"), b""))
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CAPABILITY_MISSING")


def at_work(node: SpeechNode, audio: bytes) -> tuple[psutil.Process, Any]:
    """Begin a call of a node whose log is detailed.

    Returns:
        The process that recognises, suspended while it has the first utterance, and the call's answers.
    """
    transcribed(node, audio[: 32 * 5500])  # A process is started for the first call.
    (engine,) = node.engine_processes()
    engine.suspend()
    begun = utterances_sent(node)
    answers = node.asr.Transcribe(sent(speech.AsrStart(format=PCM), audio))
    until(lambda: utterances_sent(node) > begun, "the first utterance is sent to it")
    return engine, answers


def utterances_sent(node: SpeechNode) -> int:
    return sum("to the recogniser" in line["message"] for line in node.logged())


def test_an_engine_that_dies_is_started_again(
    start_node: Callable[..., SpeechNode], meeting_pcm: bytes, undisturbed: list[speech.Segment]
) -> None:
    node = start_node("--log-level", "debug")
    engine, answers = at_work(node, meeting_pcm[: undisturbed[3].start_ms * 32])
    engine.kill()
    texts = [answer.segment.text for answer in answers if answer.HasField("segment")]
    assert texts == [segment.text for segment in undisturbed[:3]]
    assert any("ended during the call" in line["message"] for line in node.logged())


def test_cancelled_call_ends_its_engine_process_which_is_replaced(
    start_node: Callable[..., SpeechNode], meeting_pcm: bytes
) -> None:
    node = start_node("--log-level", "debug")
    engine, answers = at_work(node, meeting_pcm)
    answers.cancel()
    until(lambda: ended(engine.pid), "the process that worked for it has ended", 1)
    until(lambda: len(node.engine_processes()) == 1, "another runs")
    until(
        lambda: any(
            engine.loaded
            for engine in node.info.GetCapabilities(speech.GetCapabilitiesRequest()).engines
            if engine.kind == speech.ENGINE_KIND_ASR
        ),
        "it is ready",
    )


def test_logs_hold_no_transcribed_text(start_node: Callable[..., SpeechNode], meeting_pcm: bytes) -> None:
    node = start_node("--log-level", "debug")
    (segment,) = finals(transcribed(node, meeting_pcm[: 32 * 5500], session_id="meeting-17"))
    node.process.terminate()
    assert node.exit_code() == 0
    (line,) = [line for line in node.logged() if line.get("operation") == "AsrService/Transcribe"]
    assert (line["code"], line["session_id"], line["audio_ms"]) == ("OK", "meeting-17", 5500)
    logged = "\n".join(node.stderr)
    assert [word for word in set(segment.text.split()) if len(word) > 4 and f" {word} " in logged] == []

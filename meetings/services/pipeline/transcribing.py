"""First stage: transcribe speech, and commit the text segment by segment."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.files import File

from core.db.saving import save_clean
from core.jobs import Reschedule
from meetings.models import Meeting, Segment, Stage, StageRun
from meetings.services import drafts
from meetings.services.files import storage
from meetings.services.pipeline.listening import growing, growing_file
from meetings.services.pipeline.supervision import watched
from meetings.services.pipeline.understanding import NOTHING_UNDERSTOOD, OTHER_LANGUAGE
from meetings.services.pipeline.work import Failed, Work
from meetings.speech.node import describe
from meetings.speech.pool import EngineChoice
from tandem.speech.v1 import speech_pb2

#: The largest piece of audio that speech.v1 permits.
CHUNK_BYTES = 64 * 1024
#: The engine resumes this long before the end of the stored text, so that it has context for new speech (speech.v1).
OVERLAP_MS = 2_000
#: A segment this long may have been cut in the middle of speech, because no engine takes more at once. The next one
#: then begins exactly where it ends, and an overlap would be mistaken for a part of it.
MAY_BE_CUT_MS = 20_000
#: Progress without text is committed this often.
PROGRESS_SECONDS = 2.0
#: Engines that take the place of a better one which a machine cannot run. Their segments are marked.
STOPGAPS = {"pocketsphinx"}
STOPGAP_USED = (
    "The better speech engine could not be used, so a simple one made this transcript: expect about one wrong word in "
    "three, and no punctuation."
)
FALLBACK_USED = (
    "The preferred speech node could not be reached, so another one made a part of this transcript. Once it is back, "
    "have the meeting transcribed again for a better one."
)
NO_SPEECH = "No speech was detected in this recording, so there is no transcript."
#: More speech than the voice detection finds in music.
MIN_SPEECH_MS = 2_000


def transcribe(work: Work) -> None:
    """Transcribe the recording, resuming after the last stored segment.

    Raises:
        EngineError, Failed, LeaseLost, Cancelled, Reschedule, OSError
    """
    transcript = work.transcript
    file = growing_file(transcript)
    chosen = work.choose(speech_pb2.ENGINE_KIND_ASR, transcript.language)
    hashed = input_hash(transcript.recording_sha256, transcript.language, *transcript.vocabulary)
    run = work.begin_stage(Stage.TRANSCRIBING, hashed, chosen.engine)
    store = _SegmentStore(work, run, chosen)
    start = speech_pb2.AsrStart(
        session_id=work.name,
        format=speech_pb2.AUDIO_FORMAT_GROWING_FILE if file else speech_pb2.AUDIO_FORMAT_FILE,
        language=transcript.language,
        interim=file is not None,
        vocabulary=transcript.vocabulary,
        word_times=True,
        start_ms=store.start_ms,
        speaker_count=transcript.speaker_count,
    )
    with growing(file) if file else recording(work) as audio, watched(work, chosen.node) as call:
        for answer in chosen.transcribe(start, audio, call):
            store.take(answer)
    if file:
        # The rest is done like that of other recordings, and leaves this thread to another live one.
        raise Reschedule


@contextmanager
def recording(work: Work) -> Iterator[Iterator[bytes]]:
    """Open the recording, and provide its bytes in pieces.

    Raises:
        Failed: the file no longer exists.
        OSError: the storage cannot be read at present.
    """
    with _missing_file_fails():
        file = storage().open(work.transcript.recording)
    with file:
        yield _pieces(file)


def _pieces(file: "File[bytes]") -> Iterator[bytes]:
    while True:
        with _missing_file_fails():  # Some storages open a file when it is read.
            piece = file.read(CHUNK_BYTES)
        if not piece:
            return
        yield piece


@contextmanager
def _missing_file_fails() -> Iterator[None]:
    """Raise Failed if the recording is missing. Only wraps access to the recording: an engine may miss other files."""
    try:
        yield
    except FileNotFoundError as exc:
        raise Failed("The recording is no longer in the storage; upload it to a new meeting.") from exc


def input_hash(*parts: object) -> str:
    """Return the SHA-256 of a stage's input."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


class _SegmentStore:
    """Commits an engine's answers as they arrive.

    Attributes:
        start_ms: where in the recording the engine is to start.
    """

    def __init__(self, work: Work, run: StageRun, chosen: EngineChoice) -> None:
        self._work = work
        self._run = run
        self._engine = chosen.engine
        self._is_fallback = chosen.is_fallback
        last = work.segments().last()
        #: Everything before this time is stored.
        self._known_ms: int = last.end_ms if last else 0
        self.start_ms = self._resume_ms(last) if last else 0
        self._total_ms = 0
        self._committed_at = time.monotonic()

    def _resume_ms(self, last: Segment) -> int:
        """Return where the engine is to start after this segment."""
        if self._run.resume_ms is not None and self._run.done_ms >= last.end_ms:
            return self._run.resume_ms
        was_cut = last.end_ms - last.start_ms >= MAY_BE_CUT_MS
        return max(0, last.end_ms - (0 if was_cut else OVERLAP_MS))

    def take(self, answer: speech_pb2.AsrDown) -> None:
        """Commit one answer."""
        match answer.WhichOneof("down"):
            case "accepted":
                # It may be another than the node has offered, if a model could not be loaded.
                self._engine = answer.accepted.engine
            case "segment" if not answer.segment.final:
                if answer.segment.start_ms >= self._known_ms:
                    drafts.publish(self._work.transcript, answer.segment)
            case "segment":
                if new := _beyond(answer.segment, self._known_ms):
                    self._store(new)
            case "progress":
                self._total_ms = answer.progress.audio_ms_total or self._total_ms
                if time.monotonic() - self._committed_at >= PROGRESS_SECONDS:
                    self._commit_progress(answer.progress.audio_ms_done)
            case "language":
                self._work.set_spoken_language(answer.language.language)
            case "done":
                self._end(answer.done)

    def _store(self, final: speech_pb2.Segment) -> None:
        with self._work.commit(made_progress=True) as meeting:
            if not self._work.segments().filter(start_ms=final.start_ms).exists():
                self._insert(meeting, final)
            resume_ms = final.resume_ms if final.HasField("resume_ms") else None
            self._work.made_progress(self._run, final.end_ms, resume_ms)
            self._show(meeting, final.end_ms)
        self._known_ms = final.end_ms

    def _insert(self, meeting: Meeting, final: speech_pb2.Segment) -> None:
        save_clean(
            Segment(
                meeting=meeting,
                transcript_version=self._work.transcript.version,
                start_ms=final.start_ms,
                end_ms=final.end_ms,
                text=final.text,
                recognized_text=final.text,
                confidence=_share(final.confidence),
                words=[_word(word) for word in final.words],
                engine=describe(self._engine),
                degraded=self._is_degraded,
            )
        )

    @property
    def _is_degraded(self) -> bool:
        return self._is_fallback or self._engine.name in STOPGAPS

    def _commit_progress(self, done_ms: int) -> None:
        is_further = done_ms > self._run.done_ms
        with self._work.commit(made_progress=is_further) as meeting:
            self._work.made_progress(self._run, done_ms)
            self._show(meeting, done_ms)

    def _show(self, meeting: Meeting, done_ms: int) -> None:
        self._committed_at = time.monotonic()
        share = done_ms / self._total_ms if self._total_ms else 0.0
        length = {"duration_ms": self._total_ms} if self._total_ms not in (0, meeting.duration_ms) else {}
        self._work.show(meeting, Stage.TRANSCRIBING, share, **length)

    def _end(self, done: speech_pb2.Done) -> None:
        if not self._work.transcript.spoken_language:
            self._work.set_spoken_language(self._work.transcript.language)
        with self._work.commit(made_progress=True) as meeting:
            self._work.end_stage(self._run, done.cpu_ms)
            self._work.store_peaks(meeting, done.peaks)
            degraded = self._work.segments().filter(degraded=True)
            stopgap = STOPGAP_USED if degraded.filter(engine__name__in=STOPGAPS).exists() else ""
            fallback = FALLBACK_USED if degraded.exclude(engine__name__in=STOPGAPS).exists() else ""
            silence = "" if self._work.has_segments() else self._why_empty(done)
            remarks = (done.incomplete_reason, done.notice, silence, stopgap, fallback)
            notice = " ".join(filter(None, remarks))[:1000]
            self._work.show(meeting, Stage.TRANSCRIBING, 1.0, duration_ms=done.audio_ms, notice=notice)

    def _why_empty(self, done: speech_pb2.Done) -> str:
        if done.speech_ms < MIN_SPEECH_MS:
            return NO_SPEECH
        return " ".join(filter(None, (NOTHING_UNDERSTOOD, "" if self._work.transcript.language else OTHER_LANGUAGE)))


def _beyond(final: speech_pb2.Segment, known_ms: int) -> speech_pb2.Segment | None:
    """Return the part of a segment that is not stored yet: all of it, the words after the last stored one, or None."""
    if final.start_ms >= known_ms:
        return final
    words = [word for word in final.words if word.start_ms >= known_ms]
    if not words:
        return None
    confidence = sum(word.confidence for word in words) / len(words)
    text = " ".join(word.text for word in words)
    return speech_pb2.Segment(
        start_ms=words[0].start_ms,
        end_ms=final.end_ms,
        text=text,
        words=words,
        confidence=confidence,
        resume_ms=final.resume_ms if final.HasField("resume_ms") else None,
    )


def _word(word: speech_pb2.Word) -> dict[str, object]:
    return {
        "text": word.text,
        "start_ms": word.start_ms,
        "end_ms": word.end_ms,
        "confidence": round(_share(word.confidence), 4),
    }


def _share(number: float) -> float:
    return min(1.0, max(0.0, float(number)))

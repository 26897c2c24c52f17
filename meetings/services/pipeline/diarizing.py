"""Second stage: distinguish the speakers, and give each segment to one of them."""

import time
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from core.db.saving import save_clean
from meetings.models import Meeting, Segment, Speaker, Stage
from meetings.services.pipeline.supervision import watched
from meetings.services.pipeline.transcribing import input_hash, recording
from meetings.services.pipeline.turns import Turns, Word
from meetings.services.pipeline.work import Work
from meetings.services.voices import suggest
from meetings.speech.node import describe
from tandem.speech.v1 import speech_pb2

PROGRESS_SECONDS = 2.0


def diarize(work: Work) -> None:
    """Diarize the whole recording at once, as the engine compares all voices. A retry begins from the start.

    Raises:
        EngineError, Failed, LeaseLost, Cancelled, Reschedule, OSError
    """
    transcript = work.transcript
    chosen = work.choose(speech_pb2.ENGINE_KIND_SPEAKER)
    hashed = input_hash(transcript.recording_sha256, transcript.speaker_count)
    run = work.begin_stage(Stage.DIARIZING, hashed, chosen.engine)
    speakers: list[speech_pb2.Speaker] = []
    turns: list[speech_pb2.Turn] = []
    done = speech_pb2.Done()
    committed_at = time.monotonic()
    start = speech_pb2.AudioStart(
        session_id=work.name, format=speech_pb2.AUDIO_FORMAT_FILE, speaker_count=transcript.speaker_count
    )
    with recording(work) as audio, watched(work, chosen.node) as call:
        for answer in chosen.diarize(start, audio, call):
            match answer.WhichOneof("down"):
                case "speaker":
                    speakers.append(answer.speaker)
                case "turn":
                    turns.append(answer.turn)
                case "progress" if time.monotonic() - committed_at >= PROGRESS_SECONDS:
                    committed_at = time.monotonic()
                    _show(work, answer.progress)
                case "done":
                    done = answer.done
    with work.commit(made_progress=True) as meeting:
        _assign(work, Turns(turns), _insert(work, meeting, speakers, chosen.engine))
        work.end_stage(run, done.cpu_ms)
        work.store_peaks(meeting, done.peaks)
        work.show(meeting, Stage.DIARIZING, 1.0)


def _show(work: Work, progress: speech_pb2.Progress) -> None:
    with work.commit() as meeting:
        total_ms = progress.audio_ms_total or meeting.duration_ms
        work.show(meeting, Stage.DIARIZING, progress.audio_ms_done / total_ms if total_ms else 0.0)


def _insert(
    work: Work, meeting: Meeting, speakers: Sequence[speech_pb2.Speaker], engine: speech_pb2.Engine
) -> dict[str, UUID]:
    """Insert the speakers, and return their ids by label."""
    suggestions = suggest(meeting, speakers, engine)
    ids = {}
    for place, (speaker, suggestion) in enumerate(zip(speakers, suggestions, strict=True), 1):
        row = Speaker(
            meeting=meeting,
            transcript_version=work.transcript.version,
            label=speaker.label,
            place=place,
            speech_ms=speaker.speech_ms,
            engine=describe(engine),
            suggested_user_id=suggestion.user_id if suggestion else None,
            similarity=suggestion.similarity if suggestion else None,
        )
        row.voice_print = speaker.embedding
        ids[row.label] = save_clean(row).pk
    return ids


def _assign(work: Work, turns: Turns, speakers: dict[str, UUID]) -> None:
    """Assign a speaker to each segment; leave segments without speech unassigned. Split segments in which several
    speakers speak.
    """
    segment_ids_of: dict[str, list[UUID]] = defaultdict(list)
    shared: list[UUID] = []
    for segment_id, start_ms, end_ms in work.segments().values_list("pk", "start_ms", "end_ms"):
        if turns.has_several(start_ms, end_ms):
            shared.append(segment_id)
        elif label := turns.speaker(start_ms, end_ms):
            segment_ids_of[label].append(segment_id)
    for label, segment_ids in segment_ids_of.items():
        # One statement per speaker; triggers increment the versions and write the change log.
        Segment.objects.filter(pk__in=segment_ids).update(speaker_id=speakers[label])
    # The words of one segment at a time: they take far more memory than the text.
    for segment_id in shared:
        _split(work.segments().get(pk=segment_id), turns, speakers)


def _split(segment: Segment, turns: Turns, speakers: dict[str, UUID]) -> None:
    """Make a segment of each speaker's words; the first keeps the id. A segment whose words are not known, or are not
    those of its corrected text, belongs as a whole to the speaker with the longest speech in it.
    """
    words = segment.words
    texts = [_texts(text, words) for text in (segment.text, segment.recognized_text)]
    lines = turns.lines(words) if all(texts) else []
    if len(lines) < 2:
        label = lines[0].label if lines else turns.speaker(segment.start_ms, segment.end_ms)
        save_clean(segment, speaker_id=speakers.get(label))
        return
    end_ms, parts = segment.start_ms, []
    for line in lines:
        own = words[line.first : line.until]
        is_first, is_last = line.first == 0, line.until == len(words)
        start_ms = segment.start_ms if is_first else max(own[0]["start_ms"], end_ms)
        end_ms = max(segment.end_ms if is_last else own[-1]["end_ms"], start_ms + 1)
        text, recognized_text = (" ".join(pieces[line.first : line.until]) for pieces in texts)
        parts.append(
            {
                "start_ms": start_ms,
                "end_ms": end_ms,
                "text": text,
                "recognized_text": recognized_text,
                "words": own,
                "confidence": sum(word["confidence"] for word in own) / len(own),
                "speaker_id": speakers.get(line.label),
            }
        )
    also = {field.attname: getattr(segment, field.attname) for field in _COPIED}
    save_clean(segment, **parts[0])
    for part in parts[1:]:
        save_clean(Segment(**also | part))


def _texts(text: str, words: Sequence[Word]) -> list[str]:
    """Return the text of each word, empty if the text consists of other words."""
    pieces = text.split()
    return pieces if len(pieces) == len(words) else []


#: The fields that all parts of a split segment share.
_COPIED = [
    field
    for field in Segment._meta.concrete_fields
    if not field.generated and field.name not in {"id", "version", "created_at", "updated_at"}
]

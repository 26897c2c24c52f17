"""Second stage: distinguish the speakers, and assign one to each segment."""

import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate
from uuid import UUID

from core.db.saving import save_clean
from meetings.models import Meeting, Segment, Speaker, Stage
from meetings.services.pipeline.supervision import watched
from meetings.services.pipeline.transcribing import input_hash, recording
from meetings.services.pipeline.work import Work
from meetings.speech.node import describe
from meetings.speech.pool import nodes
from tandem.speech.v1 import speech_pb2

PROGRESS_SECONDS = 2.0


def diarize(work: Work) -> None:
    """Diarize the whole recording at once, as the engine compares all voices. A retry begins from the start.

    Raises:
        EngineError, Failed, LeaseLost, Cancelled, Reschedule, OSError
    """
    transcript = work.transcript
    chosen = nodes().choose(speech_pb2.ENGINE_KIND_SPEAKER)
    hashed = input_hash(transcript.recording_sha256, transcript.speaker_count)
    run = work.begin_stage(Stage.DIARIZING, hashed, chosen.engine)
    speakers: list[speech_pb2.Speaker] = []
    turns: list[speech_pb2.Turn] = []
    cpu_ms = 0
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
                    cpu_ms = answer.done.cpu_ms
    with work.commit(made_progress=True) as meeting:
        _assign(work, turns, _insert(work, meeting, speakers, chosen.engine))
        work.end_stage(run, cpu_ms)
        work.show(meeting, Stage.DIARIZING, 1.0)


def _show(work: Work, progress: speech_pb2.Progress) -> None:
    with work.commit() as meeting:
        total_ms = progress.audio_ms_total or meeting.duration_ms
        work.show(meeting, Stage.DIARIZING, progress.audio_ms_done / total_ms if total_ms else 0.0)


def _insert(
    work: Work, meeting: Meeting, speakers: Sequence[speech_pb2.Speaker], engine: speech_pb2.Engine
) -> dict[str, UUID]:
    """Insert the speakers, and return their ids by label."""
    rows = [
        save_clean(
            Speaker(
                meeting=meeting,
                transcript_version=work.transcript.version,
                label=speaker.label,
                place=place,
                speech_ms=speaker.speech_ms,
                voice_print=list(speaker.embedding),
                engine=describe(engine),
            )
        )
        for place, speaker in enumerate(speakers, 1)
    ]
    return {row.label: row.pk for row in rows}


def _assign(work: Work, turns: Sequence[speech_pb2.Turn], speakers: dict[str, UUID]) -> None:
    """Assign to each segment the speaker with the longest speech in it; leave segments without speech unassigned."""
    segment_ids_of = defaultdict(list)
    # The latest end up to each turn: the ends of overlapping turns are not in order.
    ends = list(accumulate((turn.end_ms for turn in turns), max))
    for segment_id, start_ms, end_ms in work.segments().values_list("pk", "start_ms", "end_ms"):
        if label := loudest(turns, ends, start_ms, end_ms):
            segment_ids_of[speakers[label]].append(segment_id)
    for speaker_id, segment_ids in segment_ids_of.items():
        # One statement per speaker; triggers increment the versions and write the change log.
        Segment.objects.filter(pk__in=segment_ids).update(speaker_id=speaker_id)


def loudest(turns: Sequence[speech_pb2.Turn], ends: Sequence[int], start_ms: int, end_ms: int) -> str:
    """Return the label of the speaker with the longest speech between two times; empty = none.

    Args:
        turns: ordered by start.
        ends: for each turn, the latest end of it and all turns before it.
    """
    speech_ms: dict[str, int] = defaultdict(int)
    for place in range(bisect_right(ends, start_ms), len(turns)):
        turn = turns[place]
        if turn.start_ms >= end_ms:
            break
        if (shared := min(turn.end_ms, end_ms) - max(turn.start_ms, start_ms)) > 0:
            speech_ms[turn.label] += shared
    return max(speech_ms, key=speech_ms.__getitem__) if speech_ms else ""

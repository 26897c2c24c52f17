"""The second stage: voices are told apart, and each segment gets the one that speaks in it."""

import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate
from uuid import UUID

from core.models import save_clean
from meetings.models import Meeting, Segment, Speaker, Stage, StageRun
from meetings.services.pipeline.supervision import watched
from meetings.services.pipeline.transcribing import input_hash, recording
from meetings.services.pipeline.work import Work
from meetings.speech.pool import nodes
from meetings.speech.protocols import AudioRequest, Done, Engine, Kind, Progress, SpeakerTrack, Turn

PROGRESS_SECONDS = 2.0


def diarize(work: Work) -> None:
    """All of it at once: voices are told apart by comparing them all. What a broken try has heard is heard again.

    Raises:
        EngineError, Failed, NotOurs, Unwanted, Later, OSError
    """
    transcript = work.transcript
    chosen = nodes().choose(Kind.SPEAKER)
    hashed = input_hash(transcript.recording_sha256, transcript.speaker_count)
    run = work.begin_stage(Stage.DIARIZING, hashed, chosen.about)
    voices: list[SpeakerTrack] = []
    turns: list[Turn] = []
    cpu_ms = 0
    committed_at = time.monotonic()
    asked = AudioRequest(work.name, speaker_count=transcript.speaker_count)
    with recording(work) as audio, watched(work, chosen.node) as call:
        for answer in chosen.ask.diarize(audio, asked, call):
            match answer:
                case SpeakerTrack():
                    voices.append(answer)
                case Turn():
                    turns.append(answer)
                case Progress() if time.monotonic() - committed_at >= PROGRESS_SECONDS:
                    committed_at = time.monotonic()
                    _show(work, run, answer)
                case Done():
                    cpu_ms = answer.cpu_ms
    with work.commit(made_progress=True) as meeting:
        _assign(work, turns, _insert(work, meeting, voices, chosen.about))
        work.end_stage(run, cpu_ms)
        work.show(meeting, Stage.DIARIZING, 1.0)


def _show(work: Work, run: StageRun, progress: Progress) -> None:
    with work.commit() as meeting:
        total_ms = progress.total_ms or meeting.duration_ms
        work.show(meeting, Stage.DIARIZING, progress.done_ms / total_ms if total_ms else 0.0)


def _insert(work: Work, meeting: Meeting, voices: Sequence[SpeakerTrack], about: Engine) -> dict[str, UUID]:
    """The voices as rows; the id of each by its label."""
    rows = [
        save_clean(
            Speaker(
                meeting=meeting,
                transcript_version=work.transcript.version,
                label=voice.label,
                place=place,
                speech_ms=voice.speech_ms,
                voice_print=list(voice.voice_print),
                engine=about.told,
            )
        )
        for place, voice in enumerate(voices, 1)
    ]
    return {row.label: row.pk for row in rows}


def _assign(work: Work, turns: Sequence[Turn], speakers: dict[str, UUID]) -> None:
    """Gives each segment the voice that speaks longest in it; one in which none does keeps none."""
    theirs = defaultdict(list)
    # Up to each turn; where turns overlap, their own ends are in no order.
    ends = list(accumulate((turn.end_ms for turn in turns), max))
    for segment_id, start_ms, end_ms in work.segments().values_list("pk", "start_ms", "end_ms"):
        if label := loudest(turns, ends, start_ms, end_ms):
            theirs[speakers[label]].append(segment_id)
    for speaker_id, segment_ids in theirs.items():
        # In one statement; the database counts their versions and logs them.
        Segment.objects.filter(pk__in=segment_ids).update(speaker_id=speaker_id)


def loudest(turns: Sequence[Turn], ends: Sequence[int], start_ms: int, end_ms: int) -> str:
    """The voice that speaks longest between two moments; empty = none.

    Args:
        turns: in the order of their beginning.
        ends: for each of them, the latest end of it and those before.
    """
    spoken: dict[str, int] = defaultdict(int)
    for place in range(bisect_right(ends, start_ms), len(turns)):
        turn = turns[place]
        if turn.start_ms >= end_ms:
            break
        if (shared := min(turn.end_ms, end_ms) - max(turn.start_ms, start_ms)) > 0:
            spoken[turn.label] += shared
    return max(spoken, key=spoken.__getitem__) if spoken else ""

"""Processing pipeline: produces a transcript, speakers, a summary and action items from a stored recording.

`run_pipeline` produces one version in three stages, each of which is a row and completes once. Committed results stay:
the next attempt resumes where an interrupted one ended. A stage that cannot be carried out is missing from the meeting,
which fails only if it has no text. docs/extend/pipeline.md describes the sequence.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import DataError

from core.jobs import Attempt, Reschedule
from meetings.models import Stage
from meetings.services.pipeline.correcting import correct_by_vocabulary
from meetings.services.pipeline.diarizing import diarize
from meetings.services.pipeline.listening import growing_file
from meetings.services.pipeline.summarizing import complete, complete_silence, summarize
from meetings.services.pipeline.transcribing import transcribe
from meetings.services.pipeline.work import Cancelled, Failed, Work
from meetings.speech.node import (
    BadRecording,
    EngineBusy,
    EngineFailed,
    EngineUnavailable,
    NoCapableEngine,
    NodeUnavailable,
)
from meetings.speech.pool import nodes
from tandem.speech.v1 import speech_pb2

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.2
MAX_PAUSE_SECONDS = 10.0
#: Delay before the job asks again for a free stream of an engine.
BUSY_SECONDS = (1.0, 5.0)
#: After so many failures in a row without progress, another node is asked, if there is one.
TRIES_OF_A_NODE = 2
#: A recording that failed so often in a row may crash its engine, or may have failed with another one that did.
SUSPECT_TRIES = 2
_one_suspect = threading.Lock()


def run_pipeline(transcript_id: UUID, attempt: Attempt) -> None:
    """Produce this version, resuming after the last committed step. Do nothing if it was cancelled or deleted.

    Raises:
        Reschedule: the worker is stopping, or no engine has a free stream.
        LeaseLost: another worker has taken over the job.
        EngineUnavailable: no engine can be reached at present.
    """
    work = Work.of(transcript_id, attempt)
    if work is None:
        return
    try:
        if work.transcript.summarizing_again:
            _summarize_again(work)
            return
        _begin(work)
        _make_text(work)
        if growing_file(work.transcript):
            raise Reschedule(1)
        if not work.has_segments():
            complete_silence(work)
            return
        _try(work, Stage.DIARIZING, diarize)
        correct_by_vocabulary(work)
        _try(work, Stage.SUMMARIZING, summarize)
        complete(work)
    except Failed as exc:
        _fail(work, str(exc))
    except Cancelled:
        logger.info("%s was cancelled or deleted with its meeting.", work.name)


def give_up(transcript_id: UUID, error: Exception | None) -> None:
    """End the processing, in the caller's transaction, because its job has used up its retries.

    The meeting is COMPLETED with what there is, if that includes a text; otherwise it is FAILED.
    """
    if (work := Work.of(transcript_id, None)) is None:
        return
    if isinstance(error, EngineUnavailable):
        sentence = f"No speech engine could be reached for hours: {error} Have the meeting transcribed again later."
    else:
        sentence = (
            "Processing the recording failed repeatedly. Have the meeting transcribed again. If that fails, too, ask "
            "an administrator to look for the reason among the failed jobs."
        )
    if work.transcript.summarizing_again:
        with suppress(Cancelled):
            work.complete_again(sentence)
        return
    if not work.has_text_of_its_own():
        _fail(work, sentence)
        return
    with suppress(Cancelled):
        for stage in Stage:
            if not work.is_done(stage):
                work.omit(stage, sentence)
        complete(work)


def _begin(work: Work) -> None:
    """Mark the version as PROCESSING, unless no engine can be reached that could begin."""
    work.refresh()
    with suppress(NoCapableEngine):
        nodes().choose(speech_pb2.ENGINE_KIND_ASR, work.transcript.language)
    work.begin()


def _summarize_again(work: Work) -> None:
    """Make the summary of a complete version anew. If that is impossible, the version stays as it was."""
    work.refresh()
    work.begin()
    try:
        _carry_out(work, Stage.SUMMARIZING, summarize)
    except (BadRecording, NoCapableEngine, Failed) as exc:
        work.complete_again(str(exc))
    else:
        work.complete_again()


def _make_text(work: Work) -> None:
    """Transcribe the recording. If no engine can, separate its voices all the same.

    Raises:
        Failed: there is no text. A part of a text does not take the place of an earlier version, which has all of it.
    """
    try:
        _carry_out(work, Stage.TRANSCRIBING, transcribe)
    except (BadRecording, NoCapableEngine, Failed) as exc:
        if work.has_text_of_its_own():
            work.omit(Stage.TRANSCRIBING, str(exc))
            return
        if isinstance(exc, NoCapableEngine):
            work.omit(Stage.TRANSCRIBING, str(exc))
            _try(work, Stage.DIARIZING, diarize)
        raise Failed(str(exc)) from exc


def _try(work: Work, stage: Stage, do: Callable[[Work], None]) -> None:
    """Run a stage; if it cannot be carried out, its results are missing."""
    try:
        _carry_out(work, stage, do)
    except (BadRecording, NoCapableEngine, Failed) as exc:
        work.omit(stage, str(exc))


def _carry_out(work: Work, stage: Stage, do: Callable[[Work], None]) -> None:
    """Run a stage, and retry it if its engine fails. StageRun counts the attempts ended by an engine failure or by the
    worker's death. Other causes (no engine, the storage, a drain) do not depend on the recording, and do not count.
    """
    pause = FIRST_PAUSE_SECONDS
    while not work.is_done(stage):
        began = time.monotonic()
        try:
            with _quarantine(work, stage), _invalid_rows_are_engine_failures():
                do(work)
        except EngineFailed as exc:
            work.run = None  # This attempt counts.
            work.log(stage, "RETRY", began, reason=str(exc))
            work.last_failure = str(exc)
            # Full jitter: jobs that failed with the same node do not retry all at once.
            work.wait(random.uniform(0, pause))  # noqa: S311
            pause = min(2 * pause, MAX_PAUSE_SECONDS)
            if work.tries(stage) >= TRIES_OF_A_NODE:
                work.avoid_node()
        except BadRecording as exc:
            work.undo_attempt()
            # It may be too long for one, and not for another.
            if not work.avoid_node():
                raise
            work.log(stage, "NEXT_NODE", began, reason=str(exc))
        except NodeUnavailable as exc:
            work.undo_attempt()
            work.log(stage, "NEXT_NODE", began, reason=str(exc))
        except EngineBusy as exc:
            work.undo_attempt()
            raise Reschedule(random.uniform(*BUSY_SECONDS)) from exc  # noqa: S311
        except Exception:
            work.undo_attempt()
            raise
        else:
            work.log(stage, "DONE", began)
            work.last_failure = ""
            pause = FIRST_PAUSE_SECONDS


@contextmanager
def _quarantine(work: Work, stage: Stage) -> Iterator[None]:
    """Run at most one recording at a time that is suspected of crashing its engine: one that failed several times.

    The jobs of a process share one embedded node, so a recording that crashes it fails all others, too. The first
    progress of a recording ends its quarantine.
    """
    with work.quarantine:
        if work.tries(stage) >= SUSPECT_TRIES:
            if not _one_suspect.acquire(blocking=False):
                raise EngineBusy("Another recording that failed before is being tried.")
            work.quarantine.callback(_one_suspect.release)
        yield


@contextmanager
def _invalid_rows_are_engine_failures() -> Iterator[None]:
    """Raise EngineFailed if a model or the database rejects a row, as all rows of a stage come from its engine."""
    try:
        yield
    except (ValidationError, DataError) as exc:
        raise EngineFailed("Invalid engine response: a value cannot be stored.") from exc


def _fail(work: Work, sentence: str) -> None:
    try:
        work.fail(sentence)
    except Cancelled:
        return
    logger.info("%s failed: %s", work.name, sentence)

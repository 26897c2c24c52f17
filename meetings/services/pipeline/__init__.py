"""What makes a stored recording into a transcript, voices, a summary and action items.

`run_pipeline` does one version, in three stages, each of which is a row and is done once. What is committed stays:
whoever goes on after a broken try begins where that one ended. docs/extend/pipeline.md tells what happens when.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import DataError

from core.jobs import Attempt, Reschedule
from meetings.models import Stage
from meetings.services.pipeline.diarizing import diarize
from meetings.services.pipeline.summarizing import complete_silence, summarize
from meetings.services.pipeline.transcribing import transcribe
from meetings.services.pipeline.work import Cancelled, Failed, Work
from meetings.speech.pool import nodes
from meetings.speech.protocols import BadRecording, EngineBusy, EngineFailed, EngineUnavailable, Kind, NoCapableEngine

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.2
MAX_PAUSE_SECONDS = 10.0
#: For a place at an engine.
BUSY_SECONDS = (1.0, 5.0)
#: What has failed so often in a row may be what ends its engine, or only have been beside it.
SUSPECT_TRIES = 2
_one_suspect = threading.Lock()


def run_pipeline(transcript_id: UUID, attempt: Attempt) -> None:
    """Makes this version, from where it is; does nothing if nobody wants it any more.

    Raises:
        Later: the worker is about to end, or no engine has a place.
        NotOurs: another worker does it.
        EngineUnavailable: no engine can be asked just now.
    """
    work = Work.of(transcript_id, attempt)
    if work is None:
        return
    try:
        try:
            _begin(work)
            _carry_out(work, Stage.TRANSCRIBING, transcribe)
            if not work.has_segments():
                complete_silence(work)
                return
            _carry_out(work, Stage.DIARIZING, diarize)
            _carry_out(work, Stage.SUMMARIZING, summarize)
        except (BadRecording, NoCapableEngine) as exc:
            raise Failed(str(exc)) from exc
    except Failed as exc:
        _fail(work, str(exc))
    except Cancelled:
        logger.info("Nobody wants %s any more.", work.name)


def give_up(transcript_id: UUID, why: Exception | None) -> None:
    """Has the meeting fail, because trying again has no end otherwise; in the caller's transaction."""
    if (work := Work.of(transcript_id, None)) is None:
        return
    if isinstance(why, EngineUnavailable):
        sentence = f"For hours no speech engine could be asked: {why} Have the meeting transcribed again later."
    else:
        sentence = (
            "Working on the recording failed again and again. Have the meeting transcribed again; if that fails too, "
            "tell an administrator, who finds the reason among the failed jobs."
        )
    _fail(work, sentence)


def _begin(work: Work) -> None:
    """Looks whether all of it can be done here, before any of it is."""
    work.refresh()
    nodes().choose(Kind.ASR, work.transcript.language)
    nodes().choose(Kind.SPEAKER)
    nodes().choose(Kind.SUMMARY)
    work.begin()


def _carry_out(work: Work, stage: Stage, do: Callable[[Work], None]) -> None:
    """Does a stage, again if its engine fails. StageRun counts how often that, or the worker's death, ended it; what
    else ends it (no engine, the storage, a drain) is not the recording's fault.
    """
    pause = FIRST_PAUSE_SECONDS
    while not work.is_done(stage):
        began = time.monotonic()
        try:
            with _quarantine(work, stage), _what_it_answers_fits():
                do(work)
        except EngineFailed as exc:
            work.run = None  # This try counts.
            work.tell(stage, "TRY_AGAIN", began, reason=str(exc))
            work.last_failure = str(exc)
            # Full jitter: those whose node died with ours do not come back all at once.
            work.wait(random.uniform(0, pause))  # noqa: S311
            pause = min(2 * pause, MAX_PAUSE_SECONDS)
        except EngineBusy as exc:
            work.undo_attempt()
            raise Reschedule(random.uniform(*BUSY_SECONDS)) from exc  # noqa: S311
        except Exception:
            work.undo_attempt()
            raise
        else:
            work.tell(stage, "DONE", began)
            work.last_failure = ""
            pause = FIRST_PAUSE_SECONDS


@contextmanager
def _quarantine(work: Work, stage: Stage) -> Iterator[None]:
    """One suspect at a time in this process, whose embedded node they share: a recording that ends it takes those
    beside it along, which would fail with it, try by try. Who gets further is none any more.
    """
    with work.quarantine:
        if work.tries(stage) >= SUSPECT_TRIES:
            if not _one_suspect.acquire(blocking=False):
                raise EngineBusy("Another recording that failed before is being tried.")
            work.quarantine.callback(_one_suspect.release)
        yield


@contextmanager
def _what_it_answers_fits() -> Iterator[None]:
    """All that a stage writes is what an engine said: what the rules or the database refuse of it is its failure."""
    try:
        yield
    except (ValidationError, DataError) as exc:
        raise EngineFailed("The speech engine's answer cannot be used: it breaks the rules of what is stored.") from exc


def _fail(work: Work, sentence: str) -> None:
    try:
        work.fail(sentence)
    except Cancelled:
        return
    logger.info("%s failed: %s", work.name, sentence)

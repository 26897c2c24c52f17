"""The version of a transcript in progress. Every write is fenced by the job's lease and checks for cancellation."""

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from changes.services import acting
from core.db.saving import save_clean
from core.jobs import Attempt, Reschedule
from meetings.metrics import meetings_completed
from meetings.models import RUNNING, Meeting, Segment, Stage, StageRun, Status, Transcript, Waveform
from meetings.services.carry_over import carry_over
from meetings.services.processing import SUMMARIZING_FROM
from meetings.speech.node import EngineUnavailable, NoCapableEngine, Node, describe, hash_of
from meetings.speech.pool import EngineChoice, nodes
from meetings.timecode import clock
from tandem.speech.v1 import speech_pb2

logger = logging.getLogger(__name__)

ACTOR = "pipeline"
#: Attempts of a stage without progress.
MAX_TRIES = 5
#: The range of each stage in the meeting's progress, in percent; roughly proportional to its time.
SPANS = {Stage.TRANSCRIBING: (0, 80), Stage.DIARIZING: (80, 95), Stage.SUMMARIZING: (SUMMARIZING_FROM, 100)}
#: How often the end is estimated again while the percentage does not change.
_ESTIMATE_INTERVAL = timedelta(seconds=10)
_MAX_REASON_LENGTH, _MAX_NOTICE_LENGTH = 400, 1000
#: What the notice of a completed meeting states about a missing stage, before the reason.
_MISSING = {
    Stage.TRANSCRIBING: "The transcript is not complete.",
    Stage.DIARIZING: "The speakers are not separated.",
    Stage.SUMMARIZING: "There is no summary.",
}
_NOT_MADE_ANEW = "The summary was not made anew:"
_DOING = {
    Stage.TRANSCRIBING: "transcribed",
    Stage.DIARIZING: "divided among its speakers",
    Stage.SUMMARIZING: "summarised",
}


class Failed(Exception):
    """The recording cannot be processed. The message is a sentence for people, and states what to do."""


class Cancelled(Exception):
    """The processing was cancelled, or the meeting was deleted."""


class Work:
    """One version in progress.

    Attributes:
        attempt: the attempt of its job; None = the job is given up.
        last_failure: the message of the last engine failure; empty = there was no failure.
        quarantine: what is held while the recording is suspected of crashing its engine; closed at the first progress.
        run: the run whose attempt was counted, and may be undone; see `undo_attempt`.
    """

    def __init__(self, transcript: Transcript, attempt: Attempt | None) -> None:
        self.transcript = transcript
        self.attempt = attempt
        self.last_failure = ""
        self.quarantine = ExitStack()
        self.run: StageRun | None = None
        self._began: tuple[float, float] | None = None
        self._estimated_at: datetime | None = None
        self._choice: EngineChoice | None = None
        self._language = ""
        self._avoided: list[Node] = []

    @classmethod
    def of(cls, transcript_id: UUID, attempt: Attempt | None) -> "Work | None":
        """Return the work on this version; None if it is not running."""
        transcript = Transcript.objects.filter(pk=transcript_id, status__in=RUNNING).first()
        return cls(transcript, attempt) if transcript else None

    @property
    def name(self) -> str:
        """Name of this work in logs."""
        return f"Meeting {self.transcript.meeting_id}, version {self.transcript.version},"

    @contextmanager
    def commit(self, *, made_progress: bool = False) -> Iterator[Meeting]:
        """Open a transaction that renews the job's lease and locks the meeting's row.

        Args:
            made_progress: this attempt got further than all before it.

        Raises:
            LeaseLost, Cancelled
        """
        with acting(ACTOR):
            if self.attempt:
                self.attempt.renew_lease(made_progress=made_progress)
            meeting = self._locked()
            if meeting is None:
                raise Cancelled
            yield meeting

    def _locked(self) -> Meeting | None:
        rows = Meeting.objects.defer("search_words").select_for_update(of=("self",), no_key=True)
        meeting = rows.filter(pk=self.transcript.meeting_id).first()
        # A caller that cancels or deletes locks the meeting, too.
        return meeting if self.is_wanted() else None

    def is_wanted(self) -> bool:
        return Transcript.objects.filter(pk=self.transcript.pk, status__in=RUNNING).exists()

    def choose(self, kind: speech_pb2.EngineKind, language: str = "") -> EngineChoice:
        """Return the engine for a stage; see `Nodes.choose`."""
        self._language = language
        self._choice = nodes().choose(kind, language, self._avoided)
        return self._choice

    def avoid_node(self) -> bool:
        """Leave the work to another node from now on.

        Returns:
            Whether there is one.
        """
        if self._choice is None:
            return False
        avoided = [*self._avoided, self._choice.node]
        try:
            other = nodes().choose(self._choice.engine.kind, self._language, avoided)
        except (NoCapableEngine, EngineUnavailable):
            return False
        if other.node in avoided:
            return False
        self._avoided = avoided
        return True

    def refresh(self) -> None:
        """Raise Reschedule if the worker is stopping."""
        if self.attempt and self.attempt.stopping:
            raise Reschedule

    def begin(self) -> None:
        """Mark the version and its meeting as PROCESSING."""
        with self.commit() as meeting:
            self._update(status=Status.PROCESSING, started_at=self.transcript.started_at or timezone.now())
            first = Stage.SUMMARIZING if self.transcript.summarizing_again else Stage.TRANSCRIBING
            save_clean(meeting, status=Status.PROCESSING, stage=meeting.stage or first)

    def begin_stage(self, stage: Stage, input_hash: str, engine: speech_pb2.Engine) -> StageRun:
        """Count one more attempt of the stage.

        Raises:
            Failed: there were too many attempts.
        """
        with self.commit() as meeting:
            run, _ = StageRun.objects.get_or_create(
                transcript=self.transcript,
                stage=stage,
                input_hash=input_hash,
                engine_hash=hash_of(engine),
                defaults={"engine": describe(engine)},
            )
            if run.tries >= MAX_TRIES:
                raise Failed(self._hopeless(stage, run))
            run.tries += 1
            run.save(update_fields=["tries"])
            self.show(meeting, stage, 0.0)
            # The speed is measured from the first progress on: it includes the work of earlier attempts.
            self._began = None
        self.run = run
        return run

    def tries(self, stage: Stage) -> int:
        """Return the number of attempts of the stage without progress."""
        runs = StageRun.objects.filter(transcript=self.transcript, stage=stage, ended_at=None)
        return runs.aggregate(highest=Max("tries"))["highest"] or 0

    def end_stage(self, run: StageRun, cpu_ms: int = 0) -> None:
        """Mark the run as ended; in the transaction that writes its last rows."""
        run.ended_at = timezone.now()
        StageRun.objects.filter(pk=run.pk).update(ended_at=run.ended_at, tries=0, cpu_ms=F("cpu_ms") + cpu_ms)

    def made_progress(self, run: StageRun, done_ms: int, resume_ms: int | None = None) -> None:
        """Record the stage's progress, if there is any; in the transaction that commits its rows.

        Args:
            resume_ms: where the engine is to begin in order to resume; None = where it was to begin before.
        """
        if done_ms > run.done_ms:
            run.done_ms, run.tries = done_ms, 0
            run.resume_ms = run.resume_ms if resume_ms is None else resume_ms
            run.save(update_fields=["done_ms", "tries", "resume_ms"])
            self.quarantine.close()

    def undo_attempt(self) -> None:
        """Uncount the current attempt, if there is one.

        Raises:
            LeaseLost, Cancelled
        """
        if self.run:
            with self.commit():
                StageRun.objects.filter(pk=self.run.pk, tries__gt=0).update(tries=F("tries") - 1)
            self.run = None

    def is_done(self, stage: Stage) -> bool:
        """Return whether any engine has completed the stage. A different engine is no reason to repeat it."""
        return StageRun.objects.filter(transcript=self.transcript, stage=stage, ended_at__isnull=False).exists()

    def has_segments(self) -> bool:
        return bool(self.segments().exists())

    def segments(self) -> Any:
        """Return the segments of this version in their order."""
        rows = Segment.objects.filter(meeting=self.transcript.meeting_id, transcript_version=self.transcript.version)
        return rows.defer("search_words").order_by("start_ms")

    def has_text_of_its_own(self) -> bool:
        """Return whether there is text, and no earlier version of this recording that is complete."""
        transcript = self.transcript
        versions = Transcript.objects.filter(
            meeting=transcript.meeting_id, recording=transcript.recording, status=Status.COMPLETED
        )
        return self.has_segments() and not versions.exists()

    def omit(self, stage: Stage, reason: str) -> None:
        """Record that a stage could not be carried out.

        Args:
            reason: a sentence for people, which states what to do.
        """
        with self.commit() as meeting:
            missing = {one["stage"]: one for one in meeting.missing}
            missing[stage.value] = {"stage": stage.value, "reason": reason[:_MAX_REASON_LENGTH]}
            save_clean(meeting, missing=[missing[number] for number in sorted(missing)])
        self.log(stage, "MISSING", time.monotonic(), reason=reason)

    def show(self, meeting: Meeting, stage: Stage, share: float, **fields: Any) -> None:
        """Write the progress to the meeting if it has changed. Runs in a transaction of `commit`.

        Args:
            share: completed share of the stage, 0 to 1.
            fields: further fields of the meeting, which are always written.
        """
        low, high = SPANS[stage]
        exact = low + (high - low) * min(max(share, 0.0), 1.0)
        now = timezone.now()
        is_stale = self._estimated_at is None or now - self._estimated_at >= _ESTIMATE_INTERVAL
        progress = max(meeting.progress, int(exact))
        if fields or stage != meeting.stage or progress > meeting.progress or is_stale:
            self._estimated_at = now
            fields |= {"progress": progress, "stage": stage, "estimated_end_at": self._estimated_end(now, exact)}
            save_clean(meeting, **fields)

    def _estimated_end(self, now: datetime, exact: float) -> datetime | None:
        """Extrapolate the end from the speed since the first progress of this attempt; None if that is too short."""
        if self._began is None:
            self._began = time.monotonic(), exact
        began, before = self._began
        elapsed = time.monotonic() - began
        if exact - before < 1 or elapsed < 1:
            return None
        return now + timedelta(seconds=elapsed * (100 - exact) / (exact - before))

    def complete(self, meeting: Meeting) -> None:
        """Mark the version and its meeting as COMPLETED; in the transaction that writes the last rows. What people did
        to the previous version is carried over to this one.
        """
        carried = carry_over(meeting, self.transcript)
        self._update(status=Status.COMPLETED, ended_at=timezone.now())
        missing = (f"{_MISSING[Stage(one['stage'])]} {one['reason']}" for one in meeting.missing)
        save_clean(
            meeting,
            status=Status.COMPLETED,
            progress=100,
            stage=None,
            estimated_end_at=None,
            transcript_version=self.transcript.version,
            notice=" ".join(filter(None, (meeting.notice, carried, *missing)))[:_MAX_NOTICE_LENGTH],
        )
        transaction.on_commit(meetings_completed.inc)

    def complete_again(self, failure: str = "") -> None:
        """Mark the version, whose summary was to be made anew, and its meeting as COMPLETED.

        Args:
            failure: a sentence for people; empty = the summary was made.

        Raises:
            LeaseLost, Cancelled
        """
        with self.commit() as meeting:
            self._update(status=Status.COMPLETED, summarizing_again=False)
            notice, missing = meeting.notice.partition(_NOT_MADE_ANEW)[0].rstrip(), meeting.missing
            if failure:
                notice = f"{notice} {_NOT_MADE_ANEW} {failure}".lstrip()[:_MAX_NOTICE_LENGTH]
            else:
                for one in (one for one in missing if one["stage"] == Stage.SUMMARIZING):
                    notice = notice.replace(f"{_MISSING[Stage.SUMMARIZING]} {one['reason']}", "").strip()
                missing = [one for one in missing if one["stage"] != Stage.SUMMARIZING]
            save_clean(
                meeting,
                status=Status.COMPLETED,
                progress=100,
                stage=None,
                estimated_end_at=None,
                notice=notice,
                missing=missing,
            )

    def fail(self, sentence: str) -> None:
        """Mark the version and its meeting as FAILED, with a reason that a user can act on.

        Raises:
            LeaseLost, Cancelled
        """
        with self.commit() as meeting:
            self._update(status=Status.FAILED, ended_at=timezone.now())
            save_clean(meeting, status=Status.FAILED, stage=None, estimated_end_at=None, failure_reason=sentence[:1000])

    def store_peaks(self, meeting: Meeting, peaks: bytes) -> None:
        """Store the peaks of the recording, if the engine has measured them. The recording must not grow any more."""
        sha256 = self.transcript.recording_sha256
        if peaks and sha256:
            values = {"recording_sha256": sha256, "peaks": peaks}
            Waveform.objects.update_or_create(meeting=meeting, defaults=values)

    def set_spoken_language(self, language: str) -> None:
        """Store the language of the recording."""
        if self.transcript.spoken_language != language:
            with self.commit():
                self._update(spoken_language=language)

    def wait(self, seconds: float) -> None:
        """Sleep between attempts.

        Raises:
            Reschedule: the worker is stopping.
        """
        until = time.monotonic() + seconds
        while True:
            self.refresh()
            if (left := until - time.monotonic()) <= 0:
                return
            time.sleep(min(left, 0.1))

    def log(self, stage: Stage, code: str, began: float, **facts: Any) -> None:
        """Log one line about a stage."""
        fields = {
            "operation": f"meetings.{stage.name.lower()}",
            "code": code,
            "subject_id": str(self.transcript.meeting_id),
            "transcript_version": self.transcript.version,
            "duration_ms": round((time.monotonic() - began) * 1000),
            **facts,
        }
        level = logging.INFO if code == "DONE" else logging.WARNING
        logger.log(level, "%s %s", fields["operation"], code, extra={"call": fields})

    def _update(self, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(self.transcript, name, value)
        Transcript.objects.filter(pk=self.transcript.pk).update(**fields)

    def _hopeless(self, stage: Stage, run: StageRun) -> str:
        where = f" at about {clock(run.done_ms)} of it" if stage == Stage.TRANSCRIBING else ""
        failure = self.last_failure or "The engine ended without an error message."
        return (
            f"The recording could not be {_DOING[stage]}: that failed {run.tries} times in a row{where}. {failure} "
            "Convert the file to another format, such as WAV or FLAC, and upload it to a new meeting; or have this one "
            "transcribed again."
        )

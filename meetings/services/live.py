"""Live audio: a recording that arrives part by part while the meeting is held.

It is an `Upload`, whose row counts the parts that are on disk. A part is acknowledged once it is counted. After a crash
the file may be longer than the row states; the next connection truncates it there. The recording ends when its client
ends it, or `GRACE` after its last part: it is then stored as an upload is, and the job that recognizes it continues
with the stored file.
"""

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone

from changes.services import acting
from core.actors import Actor
from core.db.saving import save_clean
from core.errors import Conflict, Locked, QuotaExceeded, TooLarge, Unavailable, UnsupportedMediaType, invalid
from core.jobs import end_live, enqueue
from core.uploads.files import Resumed, resumed
from core.uploads.quotas import Room
from meetings import services
from meetings.models import RUNNING, LiveFormat, Meeting, Status, Transcript, Upload
from meetings.services import processing, quotas
from meetings.services.files import RECORDINGS
from meetings.services.recordings import meeting_to_record

#: How long a recording waits for its client to return.
GRACE = timedelta(seconds=120)
#: Least time between two flushes to disk; parts that arrive within it are flushed together. Shorter than the 0.1 s
#: between the parts of most clients, so that none waits for the next one.
FLUSH_SECONDS = 0.05
MAX_PART_BYTES = 64 * 1024
#: A part that may be larger than memory should hold is flushed sooner.
_FLUSH_BYTES = 256 * 1024
SAMPLE_RATES = range(8_000, 96_001)
_WEBM = b"\x1a\x45\xdf\xa3"
_NAMES = {LiveFormat.PCM: ("live.wav", "audio/wav"), LiveFormat.WEBM: ("live.webm", "audio/webm")}
#: The actor of what the system does by itself.
_SYSTEM = "pipeline"


class LiveConfig(NamedTuple):
    """The configuration that a client declares before it sends audio; see meeting.v1.AudioConfig."""

    meeting_id: str
    format: int
    sample_rate: int = 0
    language: str = ""
    resume_from_seq: int = 0


class Source:
    """One connection that sends the audio of a meeting. One thread uses it.

    Attributes:
        meeting: as it was when the connection began.
        stored_seq: all parts up to this one are on disk.
    """

    def __init__(self, actor: Actor, meeting: Meeting, upload: Upload) -> None:
        self.meeting = meeting
        self.stored_seq: int = upload.seq
        self._actor = actor
        self._upload = upload
        self._seq: int = upload.seq
        self._waiting = bytearray()
        self._flushed_at = 0.0
        self._room = Room(_max_bytes(actor, upload) - upload.offset, _too_large(actor, upload))

    def add(self, seq: int, data: bytes) -> None:
        """Take the next part. A part that was taken before is dropped.

        Raises:
            ValidationError: a part is missing, or this one is not valid.
            UnsupportedMediaType: the first part does not begin as its format does.
            TooLarge, QuotaExceeded, InsufficientStorage
        """
        if seq < 1:
            raise invalid("audio.seq", "range", "Parts are counted from 1.")
        if seq <= self._seq:
            return
        if seq != self._seq + 1:
            raise invalid("audio.seq", "gap", f"Part {self._seq + 1} is expected; {seq} was received.")
        self._check(data)
        self._room.take(len(data))
        self._waiting += data
        self._seq = seq

    @property
    def is_due(self) -> bool:
        """True if parts have waited for `flush` long enough."""
        since = time.monotonic() - self._flushed_at
        return bool(self._waiting) and (since >= FLUSH_SECONDS or len(self._waiting) >= _FLUSH_BYTES)

    def flush(self) -> None:
        """Store the parts that were added, on disk and in the row.

        Raises:
            Conflict: a newer connection has taken over, or the recording has ended.
            Upload.DoesNotExist: the meeting was deleted.
            Unavailable: the disk is full.
        """
        if not self._waiting:
            return
        with _locked(self._upload.pk) as file:
            mine = Upload.objects.filter(pk=self._upload.pk, source=self._upload.source, ended_at=None)
            offset = mine.values_list("offset", flat=True).first()
            if offset is None:
                raise self._refusal()
            _check_here(file, offset)
            file.cut(offset)
            file.write(bytes(self._waiting))
            if not mine.update(offset=file.flush(), seq=self._seq, updated_at=timezone.now()):
                raise self._refusal()
        self._waiting.clear()
        self._flushed_at = time.monotonic()
        self.stored_seq = self._seq

    def end(self) -> Meeting:
        """Store all parts, and end the recording; see `_finish`."""
        self.flush()
        with _locked(self._upload.pk) as file:
            upload = Upload.objects.filter(pk=self._upload.pk, source=self._upload.source).first()
            if upload is None:
                raise self._refusal()
            return _finish(self._actor, upload, file)

    def _check(self, data: bytes) -> None:
        if not 1 <= len(data) <= MAX_PART_BYTES:
            raise invalid("audio.data", "length", "A part has 1 byte to 64 KiB.")
        if self._upload.live_format == LiveFormat.PCM:
            if len(data) % 2:
                raise invalid("audio.data", "length", "A part holds whole samples of two bytes.")
        elif self._seq == 0 and not data.startswith(_WEBM):
            raise UnsupportedMediaType(
                "The audio does not begin as a WebM file: send all that MediaRecorder hands out."
            )
        elif self._seq and data.startswith(_WEBM):
            raise invalid(
                "audio.data",
                "restart",
                "A new WebM file begins here. Only the recorder that began the recording can continue it: end this "
                "recording, and begin another one.",
            )
        if timezone.now() - self._upload.created_at > timedelta(seconds=settings.MAX_RECORDING_SECONDS):
            raise TooLarge("The recording is too long; end it, and continue in another meeting.")

    def _refusal(self) -> Exception:
        upload = Upload.objects.filter(pk=self._upload.pk).first()
        if upload is None:
            return Upload.DoesNotExist(f"Meeting with ID '{self.meeting.pk}' not found")
        if upload.ended_at:
            return Conflict("The recording has ended.")
        return Conflict("A newer connection sends the audio of this meeting.")


def open_source(actor: Actor, config: LiveConfig) -> Source:
    """Begin to record a meeting that has no recording, or take over the recording that this user has begun.

    Raises:
        ValidationError, Meeting.DoesNotExist, PermissionDenied, QuotaExceeded, InsufficientStorage
        Conflict: the meeting has a recording, or another user records it.
    """
    _check_config(config)
    with acting(actor):
        meeting = services.meeting_to_change(actor, config.meeting_id)
        upload = Upload.objects.filter(meeting=meeting, ended_at=None).exclude(live_format=None).first()
        if upload is None:
            upload = _begin(actor, meeting, config)
        else:
            _take_over(actor, upload, config)
    return Source(actor, meeting, upload)


def close_abandoned(upload_id: UUID) -> float:
    """End the recording if its client has been gone for `GRACE`.

    Returns:
        How many seconds to wait before the next try; 0 = the recording has ended.
    """
    try:
        with _locked(upload_id) as file:
            upload = Upload.objects.filter(pk=upload_id, ended_at=None).first()
            if upload is None:
                return 0
            left = upload.updated_at + GRACE - timezone.now()
            if left > timedelta():
                return max(0.1, left.total_seconds())
            _finish(_SYSTEM, upload, file)
    except (Locked, Unavailable):
        return GRACE.total_seconds() / 4
    return 0


def _check_config(config: LiveConfig) -> None:
    errors = {}
    if config.format not in LiveFormat.values:
        choices = "Choose one of: LIVE_AUDIO_FORMAT_PCM_S16LE, LIVE_AUDIO_FORMAT_WEBM_OPUS."
        errors["config.format"] = ValidationError(choices, code="choice")
    elif config.format == LiveFormat.PCM and config.sample_rate not in SAMPLE_RATES:
        errors["config.sample_rate"] = ValidationError("Give 8,000 to 96,000 samples per second.", code="range")
    if config.resume_from_seq < 0:
        errors["config.resume_from_seq"] = ValidationError("Parts are counted from 1.", code="range")
    if errors:
        raise ValidationError(errors)
    try:
        processing.check(config.language, 0)
    except ValidationError as exc:
        raise ValidationError({f"config.{name}": error for name, error in exc.error_dict.items()}) from exc


def _begin(actor: Actor, meeting: Meeting, config: LiveConfig) -> Upload:
    meeting_to_record(actor, str(meeting.pk), replace=False)
    _check_resumption(config, 0)
    quotas.check_upload(actor, meeting.owner_id, None)
    filename, content_type = _NAMES[LiveFormat(config.format)]
    processing.submit(actor, meeting, language=config.language, recording={"live": True}, live=True)
    transcript = Transcript.objects.filter(meeting=meeting).latest("version")
    upload = Upload.objects.create(
        meeting=meeting,
        created_by_id=actor.pk,
        filename=filename,
        content_type=content_type,
        live_format=config.format,
        sample_rate=config.sample_rate if config.format == LiveFormat.PCM else 0,
        source=uuid4(),
        transcript_id=transcript.pk,
    )
    if upload.live_format == LiveFormat.PCM:
        with _locked(upload.pk) as file:
            file.write(_wav_header(upload.sample_rate, None))
            Upload.objects.filter(pk=upload.pk).update(offset=file.flush())
        upload.refresh_from_db(fields=["offset"])
    else:
        with _locked(upload.pk):  # The recognizer looks for the file.
            pass
    enqueue("meetings.close_live", upload_id=str(upload.pk))
    return upload


def _take_over(actor: Actor, upload: Upload, config: LiveConfig) -> None:
    if upload.created_by_id != actor.pk:
        raise Conflict("Another user sends the audio of this meeting.")
    if upload.live_format != config.format:
        raise invalid("config.format", "mismatch", "The recording was begun in another format.")
    if upload.live_format == LiveFormat.PCM and upload.sample_rate != config.sample_rate:
        raise invalid("config.sample_rate", "mismatch", f"The recording was begun with {upload.sample_rate}.")
    upload.refresh_from_db()  # Its row is locked by the update only; a part may have been stored since.
    _check_resumption(config, upload.seq)
    upload.source = uuid4()
    Upload.objects.filter(pk=upload.pk).update(source=upload.source, updated_at=timezone.now())
    upload.refresh_from_db()


def _check_resumption(config: LiveConfig, stored_seq: int) -> None:
    if config.resume_from_seq > stored_seq + 1:
        raise invalid("config.resume_from_seq", "gap", f"The recording continues with part {stored_seq + 1}.")


def _finish(actor: Actor | str, upload: Upload, file: Resumed) -> Meeting:
    """End the recording: attach it to its meeting, and let it be processed as others. One without sound is discarded.

    Raises:
        Unavailable: the file is on another machine.
    """
    if upload.ended_at:
        return Meeting.objects.get(pk=upload.meeting_id)
    if not upload.seq:
        file.drop(kept=False)
        with acting(actor):
            return _discard(upload)
    if not file.is_stored:
        _check_here(file, upload.offset)
        file.cut(upload.offset)
        if upload.live_format == LiveFormat.PCM:
            file.patch(0, _wav_header(upload.sample_rate, upload.offset))
        file.flush()
    _, sha256 = file.look()
    name = file.keep()
    with acting(actor):
        meeting = _attach(upload, name, sha256)
    file.drop()
    return meeting


def _attach(upload: Upload, name: str, sha256: str) -> Meeting:
    meeting = _locked_meeting(upload)
    _transcript(upload).update(recording=name, recording_sha256=sha256)
    Upload.objects.filter(pk=upload.pk).update(ended_at=timezone.now())
    end_live("meetings.process", transcript_id=str(upload.transcript_id))
    recording: dict[str, Any] = {
        "live": False,
        "recording": name,
        "recording_filename": upload.filename,
        "recording_content_type": upload.content_type,
        "recording_size": upload.offset,
        "recording_sha256": sha256,
        "recording_uploaded_at": timezone.now(),
    }
    if meeting.status in RUNNING:
        return save_clean(meeting, **recording)
    # It could not be recognized while it grew; the whole file is another attempt.
    return processing.submit(upload.created_by, meeting, recording=recording)


def _discard(upload: Upload) -> Meeting:
    """Restore the meeting's state from before the recording."""
    meeting = _locked_meeting(upload)
    transcripts = _transcript(upload)
    transcripts.filter(status__in=RUNNING).update(status=Status.CANCELLED, ended_at=timezone.now())
    transcripts.delete()
    upload.delete()
    shown = min(meeting.transcript_version, processing.newest_version(meeting))
    return save_clean(meeting, live=False, status=Status.PENDING, transcript_version=shown, **processing.NOT_BEGUN)


def _transcript(upload: Upload) -> QuerySet[Transcript]:
    return Transcript.objects.filter(meeting=upload.meeting_id, pk__in=[upload.transcript_id])


def _locked_meeting(upload: Upload) -> Meeting:
    rows = Meeting.objects.defer("search_words").select_for_update(of=("self",), no_key=True)
    return rows.get(pk=upload.meeting_id)


@contextmanager
def _locked(upload_id: UUID) -> Iterator[Resumed]:
    """Open and lock the recording's file. Another connection holds the lock only while it writes.

    Raises:
        Locked
    """
    until = time.monotonic() + 5
    while True:
        try:
            with resumed(RECORDINGS, upload_id) as file:
                yield file
            return
        except Locked:
            if time.monotonic() >= until:
                raise
            time.sleep(0.02)


def _check_here(file: Resumed, offset: int) -> None:
    if file.size < offset:
        raise Unavailable("The stored audio is on another machine; connect again to reach it.")


def _max_bytes(actor: Actor, upload: Upload) -> int:
    limit = quotas.max_deferred(actor)
    if upload.live_format == LiveFormat.PCM:
        limit = min(limit, settings.MAX_RECORDING_SECONDS * upload.sample_rate * 2)
    return limit


def _too_large(actor: Actor, upload: Upload) -> Exception:
    limit = _max_bytes(actor, upload)
    if limit < settings.MAX_RECORDING_BYTES and limit == quotas.max_deferred(actor):
        return QuotaExceeded(f"You may send at most {limit:,} bytes.")
    return TooLarge("The recording is too long; end it, and continue in another meeting.")


def _wav_header(sample_rate: int, size: int | None) -> bytes:
    """Return the header of a WAV file with 16-bit samples of one channel.

    Args:
        size: of the whole file; None = not known yet.
    """
    most = 0xFFFFFFFF
    whole, content = (most, most) if size is None else (min(size - 8, most), min(size - 44, most))
    form = struct.pack("<HHIIHH", 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", whole)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", content)
    )

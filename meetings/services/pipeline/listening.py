"""The audio of a live meeting, as the first stage reads it: the file of its recording, while it grows.

The file is moved to the storage when the recording ends. So a file that is not at its place any more is complete, and
the open one still has all its bytes. Bytes are read before they are flushed; if a crash takes them, their client sends
them again. The words of a segment are on disk by the time that it is final, which is half a second of silence later.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from core.jobs import Reschedule
from core.uploads.files import resumed_path
from meetings.models import Transcript, Upload

_CHUNK_BYTES = 64 * 1024
_POLL_SECONDS = 0.03
#: How often the job of a recording on another machine looks whether it has ended.
_ELSEWHERE_SECONDS = 5.0


def growing_file(transcript: Transcript) -> Path | None:
    """Return the file of the recording; None if it has ended, and is in the storage.

    Raises:
        Reschedule: the recording has not ended, and its file is on another machine.
    """
    upload = Upload.objects.filter(transcript_id=transcript.pk, ended_at=None).first()
    if upload is None:
        transcript.refresh_from_db(fields=["recording", "recording_sha256"])
        return None
    path = resumed_path(upload.pk)
    if path.exists():
        return path
    raise Reschedule(_ELSEWHERE_SECONDS)


@contextmanager
def growing(path: Path) -> Iterator[Iterator[bytes]]:
    """Open the file, and provide its bytes as they arrive; empty ones while there are none."""
    with path.open("rb") as file:
        yield _pieces(path, file)


def _pieces(path: Path, file: BinaryIO) -> Iterator[bytes]:
    is_complete = False
    while True:
        if piece := file.read(_CHUNK_BYTES):
            yield piece
        elif is_complete:
            return
        elif path.exists():
            yield b""
            time.sleep(_POLL_SECONDS)
        else:
            is_complete = True  # It may have grown since it was read.

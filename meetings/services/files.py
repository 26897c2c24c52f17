"""Files of recordings: which files are recordings, and where they are kept."""

from django.core.files.storage import Storage

from core.errors import UnsupportedMediaType
from core.uploads.files import FileKind
from speechnode.formats import ACCEPTED, HEAD_BYTES, is_recording


def check_is_recording(head: bytes) -> None:
    """Check the first bytes of a file. Whether it has an audio track is only found when it is decoded.

    Raises:
        UnsupportedMediaType
    """
    if not head:
        raise UnsupportedMediaType("The file is empty.")
    if not is_recording(head):
        raise UnsupportedMediaType(f"The file is not a recording. Send {ACCEPTED}.")


RECORDINGS = FileKind("recordings", HEAD_BYTES, check_is_recording)


def storage() -> Storage:
    """Return the storage of recordings."""
    return RECORDINGS.storage

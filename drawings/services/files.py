"""Files of documents: which files are PDF files, and where they are kept."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from core.errors import UnsupportedMediaType
from core.uploads.files import FileKind

_MAGIC = b"%PDF-"
#: The magic may have other bytes before it.
HEAD_BYTES = 1024


def check_is_pdf(head: bytes) -> None:
    """Check the first bytes of a file. Whether the rest can be read is only found when it is processed.

    Raises:
        UnsupportedMediaType
    """
    if not head:
        raise UnsupportedMediaType("The file is empty.")
    if _MAGIC not in head:
        raise UnsupportedMediaType("The file is not a PDF. Export the drawing as PDF, and send that.")


DOCUMENTS = FileKind("documents", HEAD_BYTES, check_is_pdf)


@contextmanager
def local_file(name: str) -> Iterator[Path]:
    """Provide the path of a stored file on this machine: its own, or that of a copy for the time.

    Raises:
        FileNotFoundError: the file is gone.
        OSError: the storage cannot be read at present.
    """
    storage = DOCUMENTS.storage
    try:
        path = Path(storage.path(name))
    except NotImplementedError:  # The storage is not a folder.
        with tempfile.NamedTemporaryFile(suffix=".pdf", dir=_folder_of_copies()) as copy:
            with storage.open(name) as stored:
                shutil.copyfileobj(stored, copy)
            copy.flush()
            yield Path(copy.name)
        return
    if not path.exists():
        raise FileNotFoundError(name)
    yield path


def _folder_of_copies() -> Path:
    folder: Path = settings.DATA_DIR / "media" / "copies"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder

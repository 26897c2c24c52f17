"""A folder of its own for the files of a test."""

from pathlib import Path
from typing import Any


def keep_files_in(folder: Path, settings: Any) -> None:
    """Make this folder the data folder, for recordings and documents too."""
    settings.DATA_DIR = folder
    for name in ("recordings", "documents"):
        kept = settings.STORAGES[name]
        location = {"OPTIONS": {**kept["OPTIONS"], "location": folder / "media" / name}}
        settings.STORAGES = {**settings.STORAGES, name: {**kept, **location}}

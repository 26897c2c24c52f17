"""Fixtures of the tests of meetings."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    """An empty data folder."""
    keep_files_in(tmp_path, settings)
    return tmp_path


def keep_files_in(folder: Path, settings: Any) -> None:
    """Make this folder the data folder, for the recordings too."""
    settings.DATA_DIR = folder
    kept = settings.STORAGES["recordings"]
    location = {"OPTIONS": {**kept["OPTIONS"], "location": folder / "media" / "recordings"}}
    settings.STORAGES = {**settings.STORAGES, "recordings": {**kept, **location}}

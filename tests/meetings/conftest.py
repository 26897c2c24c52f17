"""Fixtures of the tests of meetings."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    """An empty data folder."""
    settings.DATA_DIR = tmp_path
    kept = settings.STORAGES["recordings"]
    location = {"OPTIONS": {**kept["OPTIONS"], "location": tmp_path / "media" / "recordings"}}
    settings.STORAGES = {**settings.STORAGES, "recordings": {**kept, **location}}
    return tmp_path

"""Fixtures of the tests of meetings."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.stored_files import keep_files_in


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    """An empty data folder."""
    keep_files_in(tmp_path, settings)
    return tmp_path

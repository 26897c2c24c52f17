"""Scripted speech engines for the tests of the pipeline."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.pipeline_jobs import Script
from tests.support.scripts import a_script


@pytest.fixture
def script(settings: Any, tmp_path: Path) -> Script:
    """Set the answers of the engines."""

    def set_to(**said: Any) -> None:
        settings.SPEECH_NODES = [a_script(tmp_path / "script.json", **said)]

    set_to()
    return set_to


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meetings.services.pipeline.MAX_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr("meetings.services.pipeline.FIRST_PAUSE_SECONDS", 0.0)

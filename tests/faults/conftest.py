"""Long runs with faults: only if the marker is asked for, from a seed, and with a report at the end."""

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.faults.product import Database, Installation
from tests.support.fork_server import always_start_whole

#: The seed of the plans; the same seed gives the same plans.
SEED = os.environ.get("FAULTS_SEED") or str(random.SystemRandom().randrange(10**6))
#: How much of the full run there is to be: 1 = 10,000 cuts, 200 kills, 1,000 keys.
SHARE = float(os.environ.get("FAULTS_SHARE", "1"))

#: The whole run takes no longer; what is left of it then has failed.
MAX_SECONDS = 600
_BEGAN = time.monotonic()

_report = pytest.StashKey[list[str]]()


def seconds_left() -> float:
    """Return how much is left of the time that the run may take."""
    return _BEGAN + MAX_SECONDS - time.monotonic()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests with faults unless the marker is given: they take minutes."""
    left_out = [item for item in items if item.get_closest_marker("faults")]
    if "faults" in config.option.markexpr:
        always_start_whole()
        for item in left_out:
            item.add_marker(pytest.mark.timeout(MAX_SECONDS))
        return
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    lines = config.stash.get(_report, [])
    if lines:
        terminalreporter.section(f"faults: FAULTS_SEED={SEED} FAULTS_SHARE={SHARE:g}")
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes a line for the end of the run."""
    lines = request.config.stash.setdefault(_report, [])
    return lambda line: lines.append(f"{request.node.name}: {line}")


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    # Not in pytest's own folder, which each run on the machine closes to other accounts: started by root,
    # PostgreSQL runs as another account, which then cannot get at its files any more.
    with tempfile.TemporaryDirectory(prefix="tandem-faults.", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        running = Database(Path(folder))
        yield running
        running.close()


@pytest.fixture
def installation(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Installation]:
    """Running servers; the parameter, if there is one, is what they are run by instead of `manage.py`."""
    assert seconds_left() > 0, f"the run has taken {MAX_SECONDS} s"
    database.empty()
    installation = Installation(database, tmp_path, *getattr(request, "param", ()))
    try:
        yield installation.start()
    finally:
        installation.close()

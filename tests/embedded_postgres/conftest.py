"""Data folders of embedded servers."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded_postgres import lifecycle
from tests.support.embedded_cluster import postmaster_pid


@pytest.fixture
def new_dir(server_folder: Path) -> Iterator[Path]:
    """A data folder that is not there yet."""
    folder = server_folder / "var"
    yield folder
    lifecycle.release(folder)
    assert postmaster_pid(folder) is None, "the test left a server running"


@pytest.fixture(scope="session")
def made_once() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tandem-test-") as folder:
        data_dir = Path(folder).resolve()
        lifecycle.ensure_running(data_dir, durable=False)
        lifecycle.release(data_dir)
        yield data_dir


@pytest.fixture
def data_dir(made_once: Path) -> Iterator[Path]:
    """A data folder with a cluster, used by one test after the other; its server is not running."""
    yield made_once
    lifecycle.release(made_once)
    assert postmaster_pid(made_once) is None, "the test left a server running"

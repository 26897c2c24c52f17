"""Metrics of the worker and of the database, as Prometheus reads them."""

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from core.jobs import enqueue
from tests.support.factories import TaskFactory
from tests.support.servers import free_port, until
from tests.support.worker_process import Worker, workers

pytestmark = [pytest.mark.real_server, pytest.mark.django_db(transaction=True)]

Samples = dict[tuple[str, ...], float]


@pytest.fixture
def start() -> Iterator[Callable[..., Worker]]:
    with workers() as start:
        yield start


def samples(port: int) -> Samples:
    """Return name and values of the labels, sorted by label → value, of what a process serves."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            families = text_string_to_metric_families(answer.read().decode())
    except urllib.error.URLError:  # It does not serve them yet.
        return {}
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_worker_counts_its_jobs_and_shows_the_queue(start: Callable[..., Worker], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for number in range(2):
        enqueue("tests.write", path=str(tmp_path / "file"), text=str(number))
    enqueue("tests.fail", why="hopeless")
    TaskFactory()
    port = free_port()
    worker = start("--metrics-port", str(port))
    until(lambda: samples(port).get(("tandem_jobs_total", "DONE", "tests.write")) == 2, "both jobs are counted")
    until(lambda: samples(port).get(("tandem_jobs_failed", "tests.fail")) == 1, "the failure is counted")
    until(lambda: samples(port).get(("tandem_changes_unnumbered",)) == 0, "the changes are numbered")
    seen = samples(port)
    assert seen["tandem_job_seconds_count", "tests.write"] == 2
    assert seen["tandem_jobs_running", "tests.write"] == 0
    assert seen["tandem_changes_head",] >= 1
    assert seen["tandem_sequencer_leader",] == 1
    assert seen["tandem_database_up",] == 1
    assert seen["tandem_database_connections", "idle"] >= 1
    assert any(name == "tandem_build_info" and "tandem-worker" in labels for name, *labels in seen)
    assert {line["service"] for line in worker.logged()} == {"tandem-worker"}

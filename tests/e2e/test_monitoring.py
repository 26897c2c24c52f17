"""`deploy/prometheus` and `deploy/grafana`, run by a real Prometheus that reads the metrics of all processes."""

import itertools
import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.jobs import enqueue
from tandem.speech.v1 import speech_pb2
from tests.core.test_metrics import start as start
from tests.support.servers import PATIENCE_SECONDS, ROOT, answers_http, database_url, free_port, running, until
from tests.support.shared_servers import emptied_database as emptied_database
from tests.support.shared_servers import load_demo
from tests.support.speech_node import SpeechNode
from tests.support.worker_process import Worker

pytestmark = [pytest.mark.tools, pytest.mark.real_server, pytest.mark.django_db(transaction=True)]

FOLDER = ROOT / "deploy/prometheus"
DASHBOARD = json.loads((ROOT / "deploy/grafana/tandem.json").read_text())
RULES = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
JOBS = ("tandem-web", "tandem-grpc", "tandem-worker", "tandem-node")
#: Our metrics in a query.
NAME = re.compile(r"\b(?:tandem|http_server|grpc_server|speechnode|process)_[a-z_]+")


def promtool(*arguments: str) -> None:
    result = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_alert_rules_pass_their_tests() -> None:
    promtool("check", "config", "prometheus.yml")
    promtool("test", "rules", "alerts.test.yml")
    tested = yaml.safe_load((FOLDER / "alerts.test.yml").read_text())["tests"]
    assert [test["name"] for test in tested] == [rule["alert"] for rule in RULES]


class Prometheus:
    """A running Prometheus with the product's configuration, in which the targets have other ports."""

    def __init__(self, folder: Path, ports: dict[str, int]) -> None:
        configuration = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
        assert [job["job_name"] for job in configuration["scrape_configs"]] == list(ports)
        configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        configuration["rule_files"] = [str(FOLDER / "alerts.yml")]
        for job in configuration["scrape_configs"]:
            job["static_configs"] = [{"targets": [f"127.0.0.1:{ports[job['job_name']]}"]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                 f"--web.listen-address=127.0.0.1:{port}"],
                stdout=log, stderr=log,
            )  # fmt: skip
        until(lambda: answers_http(f"{self._url}/-/ready"), "Prometheus is ready")

    def get(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self._url}/api/v1/{path}?{query}", timeout=30) as answer:
            return json.load(answer)["data"]

    def query(self, text: str) -> list[Any]:
        return list(self.get("query", query=text)["result"])

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture
def prometheus(
    tmp_path: Path, start: Callable[..., Worker], emptied_database: None
) -> Iterator[tuple[Prometheus, str, SpeechNode]]:
    """Prometheus, the address of the web process, and a speech node."""
    load_demo()
    ports = {job: free_port() for job in JOBS}
    environment = {"WEB_METRICS_PORT": str(ports["tandem-web"]), "GRPC_METRICS_PORT": str(ports["tandem-grpc"])}
    node = SpeechNode("--metrics-port", str(ports["tandem-node"]))
    try:
        with running(DATABASE_URL=database_url(), **environment) as servers:
            start("--metrics-port", str(ports["tandem-worker"]))
            node.wait_until_it_serves()
            server = Prometheus(tmp_path, ports)
            try:
                yield server, servers.http_url, node
            finally:
                server.end()
    finally:
        node.close()


def test_every_panel_and_alert_reads_metrics_that_exist(prometheus: tuple[Prometheus, str, SpeechNode]) -> None:
    server, http_url, node = prometheus
    until(lambda: len(server.query('up{job=~"tandem-.+"} == 1')) == len(JOBS), "all processes are read")

    deadline = time.monotonic() + PATIENCE_SECONDS

    numbers = itertools.count()

    def use() -> None:
        """Call each process, so that what is counted by label has a value."""
        for path, body in (("users", b'{"email": "ann%d@example.com"}'), ("tasks", b'{"title": "Order %d"}')):
            request = urllib.request.Request(
                f"{http_url}/api/v1/{path}", body % next(numbers), {"Content-Type": "application/json"}
            )
            urllib.request.urlopen(request, timeout=30).close()
        list(node.summaries.Summarize(speech_pb2.SummarizeRequest()))

    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] == "timeseries"]
    queries = [
        (panel["title"], target["expr"].replace("$__rate_interval", "1m"))
        for panel in panels
        for target in panel["targets"]
    ]

    def without_values() -> list[str]:
        use()
        return [title for title, query in queries if not server.query(query)]

    # A job that fails for good is in each figure of its kind.
    enqueue("tests.fail", why="hopeless")
    empty = without_values()
    while empty and time.monotonic() < deadline:
        time.sleep(1)
        empty = without_values()
    assert empty == []
    families = {re.sub("_(total|info)$", "", name) for name in server.get("metadata")}
    expressions = [query for _, query in queries] + [rule["expr"] for rule in RULES]
    used = {
        re.sub("_(total|bucket|count|sum|info)$", "", name) for query in expressions for name in NAME.findall(query)
    }
    # Only several processes behind one port have it; tests/core/test_rungrpc.py reads it.
    assert used - families == {"tandem_process_up"}
    states = {rule["name"]: rule["health"] for group in server.get("rules")["groups"] for rule in group["rules"]}
    assert states == dict.fromkeys([rule["alert"] for rule in RULES], "ok")

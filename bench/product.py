"""The product under measurement: its own embedded, durable PostgreSQL, and both servers as they are deployed."""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import django
import grpc
import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests.support.setting_overrides import as_variables

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 60
PASSWORD = "a password for measurements"


@dataclass(frozen=True, slots=True)
class Server:
    """A server process on its own core.

    Attributes:
        metrics_url: of its counts of calls; empty if it has none.
    """

    process: psutil.Process
    address: str
    metrics_url: str = ""

    def handled(self, metric: str, **labels: str) -> dict[str, int]:
        """Return how many calls it has completed so far, by code."""
        with urllib.request.urlopen(self.metrics_url, timeout=10) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        code = "grpc_code" if metric.startswith("grpc") else "code"
        found: Counter[str] = Counter()
        for family in families:
            for sample in family.samples:
                if sample.name == metric and sample.value and labels.items() <= sample.labels.items():
                    found[sample.labels[code]] += int(sample.value)  # Each process has samples of its own.
        return found


@contextmanager
def database(data_dir: Path | None) -> Iterator[Path]:
    """Start a database of the product, and connect this process to it. Yields its folder.

    Args:
        data_dir: where it is kept for the next time; None = it is removed at the end.
    """
    with tempfile.TemporaryDirectory(prefix="tandem-bench.") as folder:
        # The account that PostgreSQL runs as must be able to pass through.
        Path(folder).chmod(0o711)
        chosen = (data_dir or Path(folder)).resolve()
        _become_product(chosen)
        from embedded_postgres import lifecycle

        try:
            yield chosen
        finally:
            lifecycle.release(chosen)


def _become_product(data_dir: Path) -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "bench.settings",
        "DATABASE_URL": "",
        "DEBUG": "false",
        "RATE_LIMITS": "off",
        "DEV_AUTH_AS": "",
        "LOG_LEVEL": "INFO",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "TANDEM_DATA_DIR": str(data_dir),
    }
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def postgres(data_dir: Path) -> psutil.Process:
    """Return the main process of the database under `data_dir`."""
    return psutil.Process(int((data_dir / "postgres/data/postmaster.pid").read_text().split()[0]))


@contextmanager
def running(
    arguments: list[str],
    core: int | None,
    log: Path,
    ready: Callable[[], bool],
    python: str | Path = sys.executable,
    look_every: float = 0.1,
    **environment: str,
) -> Iterator[psutil.Process]:
    """Run a Python program on one core (None: on all) within the context. Its output is written to `log`, as in
    production.

    Args:
        look_every: seconds between two looks at whether it is ready.
    """
    cores = set(range(os.cpu_count() or 1)) if core is None else {core}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(python), *arguments],
            cwd=ROOT, env=os.environ | as_variables(environment), stdout=output, stderr=output,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )  # fmt: skip
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{' '.join(arguments)} does not serve. Its output:\n{log.read_text()[-2000:]}")
            time.sleep(look_every)
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)


@contextmanager
def grpc_server(
    core: int, log: Path, port: int, metrics_port: int, workers: int, processes: int = 1, **environment: str
) -> Iterator[Server]:
    """Run `manage.py rungrpc`; several processes share all cores."""
    address = f"127.0.0.1:{port}"
    arguments = ["manage.py", "rungrpc", f"--port={port}", f"--metrics-port={metrics_port}", f"--workers={workers}"]
    if processes > 1:
        arguments.append(f"--processes={processes}")
    place = core if processes == 1 else None
    with running(arguments, place, log, lambda: answers_grpc(address), **environment) as process:
        yield Server(process, address, f"http://127.0.0.1:{metrics_port}/metrics")


@contextmanager
def http_server(core: int, log: Path, port: int, **environment: str) -> Iterator[Server]:
    """Run `manage.py runweb`."""
    url = f"http://127.0.0.1:{port}"
    metrics_port = port + 10_000
    arguments = ["manage.py", "runweb", f"--port={port}", f"--metrics-port={metrics_port}"]
    with running(arguments, core, log, lambda: answers_http(f"{url}/health/ready"), **environment) as process:
        yield Server(process, url, f"http://127.0.0.1:{metrics_port}/metrics")


@contextmanager
def bare_grpc(core: int, log: Path, port: int, workers: int, program: str = "bare") -> Iterator[Server]:
    """Run a grpcio server that does nothing, or little (`bench/empty`)."""
    address = f"127.0.0.1:{port}"
    arguments = ["-m", f"bench.empty.{program}", f"--port={port}", f"--workers={workers}"]
    with running(arguments, core, log, lambda: answers_grpc(address)) as process:
        yield Server(process, address)


def access_token(channel: grpc.Channel, email: str) -> str:
    """Log in like any client. Returns the access token."""
    from tandem.auth.v1 import auth_pb2, auth_pb2_grpc

    return (
        auth_pb2_grpc.AuthServiceStub(channel).Login(auth_pb2.LoginRequest(email=email, password=PASSWORD)).access_token
    )


def answers_grpc(address: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=1)
        except grpc.FutureTimeoutError:
            return False
    return True


def answers_http(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False

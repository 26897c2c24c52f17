"""The gRPC and the web process, which tests of the client kill, stop, freeze and start again on the same port."""

import os
import signal
import subprocess
import sys

from google.protobuf.empty_pb2 import Empty

from tandem.client import Client, Unavailable
from tests.support.fork_server import Process, start
from tests.support.servers import PATIENCE_SECONDS, ROOT, answers_grpc, answers_http, free_port, until
from tests.support.setting_overrides import as_variables


class Server:
    """Access tokens last two seconds; calls without one are the demo administrator's.

    Args:
        command: of manage.py, `rungrpc` or `runweb`.
    """

    def __init__(self, database_url: str, command: str = "rungrpc") -> None:
        self._command = command
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._environment = {
            **os.environ, "DJANGO_SETTINGS_MODULE": "tests.server_settings", "DATABASE_URL": database_url,
            "DEBUG": "true", "DEV_AUTH_AS": "admin@example.com", "LOG_LEVEL": "ERROR",
            **as_variables({"ACCESS_TOKEN_SECONDS": "2"}),
        }  # fmt: skip
        self._process: Process | None = None

    def start(self) -> None:
        self._process = start([self._command, "--port", str(self.port)], self._environment)
        until(self._answers, "the server answers")

    def _answers(self) -> bool:
        if self._command == "rungrpc":
            return answers_grpc(self.address)
        return answers_http(f"http://{self.address}/health/ready")

    def send(self, signum: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(signum)

    def end(self, signum: signal.Signals) -> None:
        """Send the signal and wait until the process has ended."""
        self.send(signum)
        assert self._process
        self._process.wait(PATIENCE_SECONDS)

    def manage(self, *arguments: str) -> None:
        """Run a command of manage.py on the server's database."""
        subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=self._environment, check=True)


def reaches(client: Client) -> bool:
    """Return whether a call of this client reaches the server."""
    try:
        client.users.HealthCheck(Empty())
    except Unavailable:
        return False
    return True

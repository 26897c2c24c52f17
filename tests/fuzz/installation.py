"""Both servers in development, on a database of their own."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import django

from embedded_postgres import lifecycle
from tests.support.servers import Servers, answers_grpc, answers_http, running
from tests.support.setting_overrides import as_variables

#: In the log, of each exception that no layer expected.
_TRACEBACK = "Traceback (most recent call last)"


@dataclass
class Installation:
    """Running servers, and the log of both."""

    servers: Servers
    log: Path

    def tracebacks(self) -> list[str]:
        """Return the end of each traceback in the log."""
        return [part[:4000] for part in self.log.read_text(errors="replace").split(_TRACEBACK)[1:]]

    def is_alive(self) -> bool:
        """Return whether both processes run and answer health checks."""
        return (
            all(process.poll() is None for process in self.servers.processes)
            and answers_http(f"{self.servers.http_url}/health")
            and answers_http(f"{self.servers.http_url}/health/ready")
            and answers_grpc(self.servers.grpc_address)
        )


@contextmanager
def installed() -> Iterator[Installation]:
    """Start both servers, with the demo data, and a database that does not flush to disk."""
    with tempfile.TemporaryDirectory(prefix="tandem-fuzz.", ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder = Path(name)
        # The account that PostgreSQL runs as must be able to pass through.
        folder.chmod(0o711)
        lifecycle.ensure_running(folder, durable=False)
        stack.callback(lifecycle.release, folder)
        variables = {
            "DJANGO_SETTINGS_MODULE": "tests.server_settings", "DEBUG": "true", "TANDEM_DATA_DIR": name,
            "SECRET_KEY": secrets.token_urlsafe(48), "DATABASE_URL": "", "DEV_AUTH_AS": "admin@example.com",
            "ACCESS_TOKEN_SECONDS": "86400", "LOG_LEVEL": "WARNING",
        }  # fmt: skip
        os.environ |= as_variables(variables)
        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        call_command("demo", stdout=StringIO())
        log = folder / "servers.log"
        output = stack.enter_context(log.open("ab"))
        yield Installation(stack.enter_context(running(stderr=output, whole_start=True, **variables)), log)

"""The development server: its processes, the order of their start, and its shutdown."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from watchfiles import PythonFilter, awatch

from config.environment import Env
from embedded_postgres.errors import EmbeddedDatabaseError
from embedded_postgres.lifecycle import ensure_running, release
from scripts.dev.children import Child
from scripts.dev.gateway import program_of
from scripts.dev.options import ROOT, Options, StartError
from scripts.dev.readiness import gateway_probe, grpc_probe, http_probe, until_ready

#: After Ctrl-C a developer does not want to wait.
_QUICK = ("--grace", "5")


class DevelopmentServer:
    """One run of the development server, from the start of the database to the end of the last process."""

    def __init__(self, options: Options, environment: dict[str, str]) -> None:
        self.options = options
        self.environment = environment
        self.children: list[Child] = []
        self._stopping = False
        host, http_port, grpc_port = options.host, str(options.http_port), str(options.grpc_port)
        self.web = self._child("web", "manage.py", "runweb", "--host", host, "--port", http_port, *_QUICK)
        self.grpc = self._child(
            "gRPC", "manage.py", "rungrpc", "--host", host, "--port", grpc_port, "--reflection", *_QUICK
        )
        self.worker = self._child("worker", "manage.py", "runworker", *_QUICK)
        self.gateway = self._gateway() if options.gateway else None
        self.documentation = self._child("documentation", "scripts/site/__main__.py")

    async def serve(self) -> int:
        """Start everything, and keep it running until a signal. Stops all processes before it returns.

        Returns:
            The exit code: 0 after a signal; 1 if a required process failed or ended, which is printed.
        """
        began = time.monotonic()
        started = asyncio.Event()
        self._stop_on_signals()
        try:
            await self._prepare()
            # Started before the servers import their source files, so that no change is missed.
            reloading = asyncio.create_task(self._reload_at_changes(started)) if self.options.reload else None
            await self._start_servers()
            await self._until_ready()
            self._print_first_calls(time.monotonic() - began)
            started.set()
            # When the servers are ready, because the pages need some seconds after a change, and no call needs them.
            await self.documentation.start()
            if reloading:
                await reloading
            await self._until_one_ends()
        except asyncio.CancelledError:
            print("\nStopping ...", flush=True)
            return 0
        except (EmbeddedDatabaseError, StartError) as exc:
            print(exc, file=sys.stderr, flush=True)
            return 1
        finally:
            self._stopping = True
            await asyncio.gather(*(child.stop() for child in (*self.children, self.documentation)))
            await asyncio.to_thread(release, self.options.data_dir)
            print("Everything is stopped.", flush=True)

    def _gateway(self) -> Child:
        program_of(self.options.gateway)  # Reported before the servers start.
        return self._child(
            self.options.gateway, "scripts/dev/run_gateway.py", self.options.gateway, str(self.gateway_folder),
            "--port", str(self.options.gateway_port), "--web", self.options.http_address,
            "--grpc", self.options.grpc_address,
        )  # fmt: skip

    @property
    def gateway_folder(self) -> Path:
        """The folder of the proxy's configuration and certificates."""
        return self.options.data_dir / "gateway"

    def _child(self, name: str, *arguments: str) -> Child:
        return Child(name, *arguments, environment=self.environment)

    def _stop_on_signals(self) -> None:
        """Handle signals: the first cancels `serve`, which stops its children in order; the next kills them."""
        serving = asyncio.current_task()

        def stop() -> None:
            if serving and not self._stopping:
                serving.cancel()
                self._stopping = True
                return
            for child in self.children:
                child.kill()

        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # As `nohup` sets it.
            numbers.append(signal.SIGHUP)
        for number in numbers:
            asyncio.get_running_loop().add_signal_handler(number, stop)

    async def _prepare(self) -> None:
        if self.environment.get("DATABASE_URL"):
            _say("database", "the one of DATABASE_URL")
        else:
            _say("database", f"PostgreSQL under {_short(self.options.data_dir / 'postgres')} ...")
            # Released after everything else has ended, so that the database outlives its clients.
            await asyncio.to_thread(ensure_running, self.options.data_dir)
        await self._run("migrations", "manage.py", "migrate", "--no-input", "--verbosity", "0")
        if not Env(self.environment).bool("DEBUG", default=False):
            await self._run("static files", "manage.py", "collectstatic", "--no-input", "--verbosity", "0")
        await self._run("demo data", "manage.py", "demo")

    async def _run(self, name: str, *arguments: str) -> None:
        _say(name, "...")
        child = self._child(name, *arguments)
        self.children.append(child)
        await child.start()
        if code := await child.ended():
            raise StartError(f"{name}: {arguments[1]} failed (exit code {code}); see its output above.")
        self.children.remove(child)

    async def _start_servers(self) -> None:
        _say("servers", "web, gRPC and worker ...")
        self.children = [self.web, self.grpc, self.worker, *([self.gateway] if self.gateway else [])]
        await asyncio.gather(*(child.start() for child in self.children))

    async def _until_ready(self) -> None:
        # One after the other, so that the first to end is reported at once, not after the other's timeout.
        await until_ready(self.grpc, grpc_probe(self.options))
        await until_ready(self.web, http_probe(self.options))
        if self.gateway:
            await until_ready(self.gateway, gateway_probe(self.options.gateway_port, self.gateway_folder / "ca.pem"))

    async def _until_one_ends(self) -> NoReturn:
        while True:
            waiting = {asyncio.create_task(child.ended()): child for child in self.children}
            done, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            ended = waiting[done.pop()]
            code = ended.exit_code or 0
            if not (code < 0 and ended is self.worker):
                why = "it was killed" if code < 0 else "see its output above"
                raise StartError(f"{ended.name} ended (exit code {code}): {why}.")
            # Its jobs wait for the next worker, and it served no calls.
            for other in others:
                other.cancel()
            _say("worker", f"was killed (signal {-code}); started again")
            await ended.start()

    async def _reload_at_changes(self, started: asyncio.Event) -> None:
        watched = [folder.parent for folder in ROOT.glob("*/__init__.py") if folder.parent.name != "tests"]
        waiting: asyncio.Task[None] | None = None
        async for changes in awatch(*watched, watch_filter=PythonFilter(extra_extensions=[".html"])):
            await started.wait()
            _say("changed", ", ".join(sorted(_short(Path(path)) for _, path in changes)))
            if waiting:  # For servers that an unfinished edit keeps from getting ready.
                waiting.cancel()
            await asyncio.gather(*(child.stop() for child in self.children))
            await self._start_servers()
            waiting = asyncio.create_task(self._say_when_ready())

    async def _say_when_ready(self) -> None:
        try:
            await self._until_ready()
        except StartError as exc:
            print(exc, "All servers restart at the next change.", flush=True)
        else:
            _say("servers", "ready again")

    def _print_first_calls(self, seconds: float) -> None:
        http, grpc = self.options.http_address, self.options.grpc_address
        identity = self.environment.get("DEV_AUTH_AS")
        path, rpc = ("users", "ListUsers") if identity else ("health", "HealthCheck")
        if identity:
            request, imports = "user_pb2.ListUsersRequest()", "from tandem.user.v1 import user_pb2, user_pb2_grpc"
        else:
            request = "empty_pb2.Empty()"
            imports = "from google.protobuf import empty_pb2; from tandem.user.v1 import user_pb2_grpc"
        called = f'user_pb2_grpc.UserServiceStub(grpc.insecure_channel("{grpc}")).{rpc}({request})'
        calls = (
            f"Calls without credentials act as {identity}." if identity else "Calls need credentials (POST auth/login)."
        )
        print(
            f"""
Ready after {seconds:.1f} s; Ctrl-C stops everything.

  app     http://{http}/
  docs    http://{http}/docs/
  REST    http://{http}/api/v1/docs
  admin   http://{http}/admin/
  gRPC    {grpc}, its operations: http://{http}/api/grpc
{self._gateway_lines()}
{calls} Three first calls, from {ROOT}:

  curl http://{http}/api/v1/{path}
  grpcurl -plaintext {grpc} user.v1.UserService/{rpc}
  .venv/bin/python -c 'import grpc; {imports}; print({called})'
""",
            flush=True,
        )

    def _gateway_lines(self) -> str:
        if not self.gateway:
            return ""
        ca, port = _short(self.gateway_folder / "ca.pem"), self.options.gateway_port
        return f"""  {self.options.gateway:<6}  https://localhost:{port}, REST and gRPC

  curl --cacert {ca} https://localhost:{port}/health
  grpcurl -cacert {ca} localhost:{port} list
"""


def _say(what: str, text: str) -> None:
    print(f"  {what:<12}  {text}", flush=True)


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(ROOT) else str(path)

"""The environment of the servers, and what is refused before any of them starts."""

import contextlib
import os
import secrets
import socket
import sys
from importlib import import_module
from pathlib import Path

from config.environment import Env
from core.addresses import is_loopback
from scripts.dev.options import ADMINISTRATOR, Options, StartError


def refuse_taken_ports(options: Options) -> None:
    """Check that both ports are free.

    Raises:
        StartError: one is not.
    """
    for what, port, option in (
        ("HTTP", options.http_port, "--http-port"),
        ("gRPC", options.grpc_port, "--grpc-port"),
    ):
        try:
            family, kind, _, _, address = socket.getaddrinfo(options.host, port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except socket.gaierror as exc:
            raise StartError(f"--host: {options.host!r} is not an address of this machine ({exc.strerror}).") from exc
        except OSError as exc:
            raise StartError(
                f"{what} cannot be served on port {port} of {options.host} ({exc.strerror}): stop what uses it, or "
                f"choose another port with {option} or {what.upper()}_PORT."
            ) from exc


def environment_of(options: Options) -> dict[str, str]:
    """Return the servers' environment. The caller's environment and `.env` override the development defaults.

    Raises:
        ImproperlyConfigured: a variable has a value that does not fit.
        StartError: every client that reaches the host could act as the development identity.
    """
    env = Env()
    debug = env.bool("DEBUG", default=False)
    only_this_machine = is_loopback(options.host) or env.bool("DEV_AUTH_PUBLISHED_ON_LOOPBACK", default=False)
    environment = {
        **os.environ,
        "TANDEM_DATA_DIR": str(options.data_dir),
        "HTTP_PORT": str(options.http_port),
        "GRPC_PORT": str(options.grpc_port),
        "HTTP_HOST": options.host,
        "GRPC_HOST": options.host,
        "PYTHONUNBUFFERED": "1",
    }
    if only_this_machine:
        debug = debug or "DEBUG" not in environment
        environment.setdefault("DEBUG", "true")
        if debug:
            environment.setdefault("DEV_AUTH_AS", ADMINISTRATOR)
    elif environment.get("DEV_AUTH_AS"):
        raise StartError(
            f"DEV_AUTH_AS lets every client that reaches {options.host} act as that user: serve on 127.0.0.1, or "
            "unset it."
        )
    if not debug:
        environment.setdefault("SECRET_KEY", _kept_secret(options.data_dir / "secret_key"))
        environment.setdefault("ALLOWED_HOSTS", f"localhost,127.0.0.1,[::1],{options.host},{socket.gethostname()}")
    return environment


def checked(environment: dict[str, str]) -> dict[str, str]:
    """Read the settings as the servers will, report variables that are set in vain, and return the environment.

    Raises:
        ImproperlyConfigured: a variable has a value that does not fit.
    """
    os.environ.update(environment)
    settings = import_module("config.settings")
    for sentence in settings.START_WARNINGS:
        print(f"  {sentence}", file=sys.stderr, flush=True)
    return dict(os.environ)


def _kept_secret(path: Path) -> str:
    """Return the data folder's secret, created on the first start, so that sessions and tokens survive restarts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError), open(path, "x", opener=_for_its_owner) as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text()


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)

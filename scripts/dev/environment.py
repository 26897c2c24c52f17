"""What the servers are told, and what is refused before anything is started."""

import contextlib
import os
import secrets
import socket
from pathlib import Path

import environ

from scripts.dev.options import ADMINISTRATOR, Options, StartError


def refuse_taken_ports(options: Options) -> None:
    """Finds out whether both ports can be served.

    Raises:
        StartError: one cannot.
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
            raise StartError(f"{options.host!r} is no address of this machine ({exc.strerror}); see --host.") from exc
        except OSError as exc:
            raise StartError(
                f"{what} cannot be served on port {port} of {options.host} ({exc.strerror}): stop what uses it, or "
                f"choose another port with {option} or {what.upper()}_PORT."
            ) from exc


def environment_of(options: Options) -> dict[str, str]:
    """The servers' environment. What the caller's own says, or `.env`, wins over what is only meant to be handy.

    Raises:
        StartError: everybody who reaches the host could act as the development identity.
    """
    environment = {
        **os.environ,
        "TANDEM_DATA_DIR": str(options.data_dir),
        "HTTP_PORT": str(options.http_port),
        "GRPC_PORT": str(options.grpc_port),
        "HTTP_HOST": options.host,
        "GRPC_HOST": options.host,
        "PYTHONUNBUFFERED": "1",
    }
    environment.setdefault("GRPC_REFLECTION", "true")  # for grpcurl
    for variable in ("HTTP_GRACE_SECONDS", "GRPC_GRACE_SECONDS", "WORKER_GRACE_SECONDS"):
        environment.setdefault(variable, "5")  # Who pressed Ctrl-C does not want to wait.
    if options.only_this_machine:
        environment.setdefault("DEBUG", "true")
        if is_true(environment["DEBUG"]):
            environment.setdefault("DEV_AUTH_AS", ADMINISTRATOR)
    elif environment.get("DEV_AUTH_AS"):
        raise StartError(
            f"DEV_AUTH_AS lets every client that reaches {options.host} act as that user: serve on 127.0.0.1, or "
            "unset it."
        )
    if not is_true(environment.get("DEBUG", "")):
        environment.setdefault("SECRET_KEY", _kept_secret(options.data_dir / "secret_key"))
        environment.setdefault("ALLOWED_HOSTS", f"localhost,127.0.0.1,[::1],{options.host},{socket.gethostname()}")
    return environment


def is_true(text: str) -> bool:
    """As the settings read a variable."""
    return bool(environ.Env.parse_value(text, bool))


def _kept_secret(path: Path) -> str:
    """This data folder's own secret, made the first time: sessions and tokens outlive a restart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError), open(path, "x", opener=_for_its_owner) as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text()


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)

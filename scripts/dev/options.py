"""Options of the development server. Needs only Python, so that --help works before anything is installed."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: The administrator of the demo data, as whom calls without credentials act.
ADMINISTRATOR = "admin@example.com"


#: Proxies that can be started in front of the servers.
GATEWAYS = ("envoy", "caddy")


class StartError(Exception):
    """The development server cannot start or continue; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Options:
    """The parsed options.

    Attributes:
        reload: restart web, gRPC and worker when a source file changes.
        gateway: a proxy in front of both servers, one of `GATEWAYS`; empty = none.
        gateway_port: its port.
    """

    host: str
    http_port: int
    grpc_port: int
    data_dir: Path
    reload: bool
    gateway: str = ""
    gateway_port: int = 8443

    @property
    def reachable_host(self) -> str:
        """The address that a program on this machine calls."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)

    @property
    def http_address(self) -> str:
        return _joined(self.reachable_host, self.http_port)

    @property
    def grpc_address(self) -> str:
        return _joined(self.reachable_host, self.grpc_port)


def parse(arguments: Sequence[str]) -> Options:
    """Parse the command line, with defaults from the environment. Exits with a message if it is invalid."""
    parser = argparse.ArgumentParser(
        prog="scripts/start_grpc_dev.sh",
        description="Serve Tandem on this machine until Ctrl-C: REST and admin on one port, gRPC on another. Creates "
        "the virtual environment .venv, starts an embedded PostgreSQL (unless DATABASE_URL names one), migrates, and "
        "loads demo data the first time.",
    )
    parser.add_argument("--host", default=os.environ.get("TANDEM_HOST") or "127.0.0.1", help="address (TANDEM_HOST)")
    parser.add_argument("--http-port", type=_port, help="8000 (HTTP_PORT)")
    parser.add_argument("--grpc-port", type=_port, help="50051 (GRPC_PORT)")
    parser.add_argument(
        "--data-dir",
        default=_or("TANDEM_DATA_DIR", str(ROOT / "var")),
        help="data directory: var (TANDEM_DATA_DIR)",
    )
    parser.add_argument("--reload", action="store_true", help="restart web, gRPC and worker when a source file changes")
    parser.add_argument("--gateway", choices=GATEWAYS, default="", help="a proxy with TLS in front of both servers")
    parser.add_argument("--gateway-port", type=_port, default=8443, help="the proxy's port: 8443")
    parser.add_argument("--called-from", default="", help=argparse.SUPPRESS)
    found = parser.parse_args(arguments)
    http_port = found.http_port or _port_of(parser, "HTTP_PORT", "8000")
    grpc_port = found.grpc_port or _port_of(parser, "GRPC_PORT", "50051")
    if http_port == grpc_port:
        parser.error(f"HTTP and gRPC cannot share port {http_port}; choose another with --grpc-port.")
    data_dir = (Path(found.called_from) / Path(found.data_dir).expanduser()).resolve()
    return Options(found.host, http_port, grpc_port, data_dir, found.reload, found.gateway, found.gateway_port)


def _or(variable: str, default: str) -> str:
    return os.environ.get(variable) or default


def _port_of(parser: argparse.ArgumentParser, variable: str, default: str) -> int:
    text = _or(variable, default)
    try:
        return _port(text)
    except argparse.ArgumentTypeError:
        parser.exit(2, f"{variable} must be a whole number from 1 to 65535; it is {text!r}.\n")


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 1 to 65535.")


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


if __name__ == "__main__":
    parse(["--help"])

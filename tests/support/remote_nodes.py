"""Speech nodes with mutual TLS, and the certificates that the product's script makes for them."""

import subprocess
import sys
from pathlib import Path

from tests.support.servers import ROOT
from tests.support.speech_node import SpeechNode

HOST = "localhost"


def make_certificates(folder: Path, *options: str) -> Path:
    """Run the script for nodes on this machine, and return the folder."""
    command = [sys.executable, "scripts/make_speech_certificates.py", str(folder), "--node", HOST, *options]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=30)
    return folder


def start_node(certificates: Path, *options: str, name: str = HOST) -> SpeechNode:
    """Start a node with the certificate of this name."""
    files = {"--tls-cert": f"{name}.pem", "--tls-key": f"{name}.key", "--client-ca": "ca.pem"}
    tls = [word for option, file in files.items() for word in (option, str(certificates / file))]
    listen = () if "--listen" in options else ("--listen", f"{HOST}:0")
    return SpeechNode(*listen, *tls, *options).wait_until_it_serves()


def url_of(node: SpeechNode, certificates: Path, *, ca: Path | None = None, name: str = "client") -> str:
    """Return the node's URL, with the certificate of this name as the worker's."""
    files = {
        "ca": ca or certificates / "ca.pem",
        "cert": certificates / f"{name}.pem",
        "key": certificates / f"{name}.key",
    }
    return f"grpcs://{node.address}?" + "&".join(f"{option}={path}" for option, path in files.items())

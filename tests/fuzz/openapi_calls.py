"""Calls of the REST operations by Schemathesis, from docs/openapi.json."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.fuzz.findings import Findings

TRANSPORT = "REST"
_ROOT = Path(__file__).parents[2]
_DOCUMENT = _ROOT / "docs/openapi.json"
_CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "response_headers_conformance",
)  # fmt: skip
#: They send events until the client leaves, or are no HTTP after the first answer.
_ENDLESS = r"/stream$|/changes$|/audio$"
#: Calls of the phase that tries the limits of every parameter, by their number for each operation: about 80.
_COVERAGE_CASES = 10_000


def run(http_url: str, bearer: str, cases: int, seed: int, folder: Path, findings: Findings) -> None:
    """Make about so many calls: the limits of each parameter, then random ones of each operation."""
    operations = sum(
        verb != "parameters" for verbs in json.loads(_DOCUMENT.read_text())["paths"].values() for verb in verbs
    )
    random_ones = max(0, cases - _COVERAGE_CASES)
    phases = "coverage,fuzzing" if cases >= _COVERAGE_CASES else "fuzzing"
    number = max(1, math.ceil((random_ones if cases >= _COVERAGE_CASES else cases) / operations))
    report, log = folder / "schemathesis.json", folder / "schemathesis.log"
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", str(_DOCUMENT), f"--url={http_url}",
        f"--header=Authorization: {bearer}", f"--phases={phases}", f"--max-examples={number}", f"--seed={seed}",
        f"--checks={','.join(_CHECKS)}", f"--exclude-path-regex={_ENDLESS}", "--no-shrink", "--continue-on-failure",
        "--workers=2", "--request-timeout=60", "--generation-database=none", "--warnings=off", "--no-color",
        "--report=json", f"--report-json-path={report}",
    ]  # fmt: skip
    variables = os.environ | {"SCHEMATHESIS_HOOKS": "tests.fuzz.serializers", "PYTHONPATH": str(_ROOT)}
    with log.open("wb") as output:
        done = subprocess.run(command, cwd=folder, env=variables, stdout=output, stderr=subprocess.STDOUT)
    if not report.exists():
        sys.exit(f"Schemathesis made no calls:\n{log.read_text()[-3000:]}")
    found: dict[str, Any] = json.loads(report.read_text())
    for _ in range(found["test_cases"]["generated"]):
        findings.count(TRANSPORT, "checked")
    if done.returncode:
        findings.fault("REST: what Schemathesis reports", log.read_text()[-6000:])

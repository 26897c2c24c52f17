"""The TypeScript client as other projects have it: packed by npm, and run with the example of the documentation."""

import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.support.servers import ROOT, Servers
from tests.support.shared_servers import db as db
from tests.support.shared_servers import emptied_database as emptied_database
from tests.support.shared_servers import servers as servers
from tests.support.shared_servers import shared_servers as shared_servers
from tests.support.tools import NPM_PROGRAMS

PACKAGES = ("@bufbuild/protoc-gen-es", "@connectrpc/connect-web", "openapi-typescript", "typescript")

#: Ends a watch after its first change, when what the call no longer needs has been collected as garbage.
ENDED_WATCH = """
import { connect, watch } from "@tandem/client/connect";
const [server, how] = process.argv.slice(2);
const { changes } = connect({ baseUrl: server });
const aborter = new AbortController();
for await (const change of watch(changes, { subjectTypes: ["task"] }, { signal: aborter.signal })) {
  for (let round = 0; round < 4; round += 1) {
    await new Promise((resume) => setTimeout(resume, 30));
    gc();
  }
  if (how === "break") break;
  aborter.abort();
}
console.log("ended");
"""

pytestmark = [
    pytest.mark.real_server,
    pytest.mark.tools("node", "npm", "buf", *(str(NPM_PROGRAMS.parent / name / "package.json") for name in PACKAGES)),
]


def pack(folder: Path) -> Path:
    """Build and pack the client in a copy of what a checkout has of it."""
    for name in ("clients/typescript", "docs/openapi.json", "proto/released.binpb"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    (folder / "node_modules").symlink_to(NPM_PROGRAMS.parent.resolve())
    command = ["npm", "pack", "--silent", "--offline", "--pack-destination", str(folder)]
    subprocess.run(command, cwd=folder / "clients/typescript", check=True, capture_output=True, timeout=200)
    (packed,) = folder.glob("*.tgz")
    return packed


def test_packed_client_runs_the_documented_example(servers: Servers, tmp_path: Path) -> None:
    packed = pack(tmp_path)
    # A project with the package and its dependencies.
    project = tmp_path / "project"
    modules = project / "node_modules"
    (modules / "@tandem").mkdir(parents=True)
    for dependency in ("@bufbuild", "@connectrpc", "openapi-fetch", "openapi-typescript-helpers", "typescript"):
        (modules / dependency).symlink_to((NPM_PROGRAMS.parent / dependency).resolve())
    with tarfile.open(packed) as archive:
        names = {name.removeprefix("package/") for name in archive.getnames()}
        archive.extractall(tmp_path / "unpacked", filter="data")
    (tmp_path / "unpacked/package").rename(modules / "@tandem/client")
    assert {name for name in names if not name.startswith("dist/")} == {"package.json"}
    exports = json.loads((modules / "@tandem/client/package.json").read_text())["exports"]
    stated = {
        path.removeprefix("./").replace("*", "tandem/task/v1/task_pb")
        for one in exports.values()
        for path in one.values()
    }
    assert stated <= names
    (example,) = re.findall(r"```js\n(.*?)```", (ROOT / "docs/integrate/typescript.md").read_text(), re.DOTALL)
    (project / "example.mts").write_text(example)
    (project / "package.json").write_text('{"type": "module"}')
    # Its types fit: the example is a program for the compiler, too.
    (project / "node.d.ts").write_text("declare const process: { argv: string[]; env: Record<string, string> };")
    options = ["--module", "nodenext", "--target", "es2022", "--strict", "--lib", "es2023,dom,dom.iterable"]
    compiled = subprocess.run(
        [NPM_PROGRAMS / "tsc", *options, "example.mts", "node.d.ts"], cwd=project, capture_output=True, text=True
    )
    assert compiled.returncode == 0, compiled.stdout
    done = subprocess.run(
        ["node", "example.mjs", servers.http_url], cwd=project, capture_output=True, text=True, timeout=60
    )
    assert (done.stderr, done.returncode) == ("", 0)
    refused, renamed, fields, watched = done.stdout.splitlines()
    assert refused == "INVALID Title is required"
    assert renamed == "Buy oat milk"
    assert "title:" in fields
    assert watched.endswith(" true")

    # The connection of an ended watch does not keep the process.
    (project / "ended.mjs").write_text(ENDED_WATCH)
    for how in ("break", "abort"):
        ended = subprocess.run(
            ["node", "--expose-gc", "ended.mjs", servers.http_url, how],
            cwd=project, capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        assert (ended.stdout, ended.stderr, ended.returncode) == ("ended\n", "", 0), how

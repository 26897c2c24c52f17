"""kill -9 of workers and of the children that read documents: the result is the same, and no page is stored twice."""

import json
import random
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.faults.conftest import SEED, SHARE, seconds_left
from tests.faults.test_recordings import Recordings
from tests.support.drawings import a_pdf
from tests.support.faults.product import PATIENCE_SECONDS, Database
from tests.support.recordings import a_form
from tests.support.servers import until

pytestmark = pytest.mark.faults

#: Half of them of workers, half of children.
KILLS = max(6, round(50 * SHARE))
PAGES = 40
READY = 3

_PAGES = """
    SELECT p.number, p.version, p.word_count, p.drawing_count, p.kind, p.failure_reason, md5(c.words), md5(c.paths)
    FROM drawings_page p JOIN drawings_pagecontent c ON c.page_id = p.id WHERE p.document_id = %s ORDER BY p.number
"""


class Documents(Recordings):
    """A web server and workers, and the documents that they are given."""

    def send(self, path: str, body: bytes, headers: dict[str, str]) -> Any:
        with urllib.request.urlopen(urllib.request.Request(self.url + path, body, headers), timeout=30) as answer:
            return json.load(answer)

    def project(self) -> str:
        body = json.dumps({"name": f"Faults {SEED}"}).encode()
        return str(self.send("/api/v1/projects", body, {"Content-Type": "application/json"})["id"])

    def upload_pdf(self, project: str, content: bytes) -> str:
        form, headers = a_form(content, "sheets.pdf")
        return str(self.send(f"/api/v1/projects/{project}/documents", form, headers)["id"])

    def status(self, document: str) -> int:
        return int(self.database.ask("SELECT status FROM drawings_document WHERE id = %s", document)[0][0])

    def until_ready(self, document: str) -> None:
        def is_over() -> bool:
            status = self.status(document)
            assert status in (1, 2, READY), self.database.ask(
                "SELECT status, failure_reason FROM drawings_document WHERE id = %s", document
            )
            return status == READY

        until(is_over, "the document is ready", PATIENCE_SECONDS + seconds_left() / 4)

    def children(self) -> list[psutil.Process]:
        """Return the processes that read documents."""
        found = []
        for worker in self.workers:
            with suppress(psutil.Error):
                for child in psutil.Process(worker.pid).children(recursive=True):
                    with suppress(psutil.Error):
                        if "drawing_engine.child" in " ".join(child.cmdline()):
                            found.append(child)
        return found

    def kill_a_child(self, chance: random.Random) -> bool:
        children = self.children()
        if children:
            with suppress(psutil.Error):
                chance.choice(children).kill()
        return bool(children)


def test_kills_change_nothing_in_the_result(database: Database, tmp_path: Path, report: Callable[[str], None]) -> None:
    database.empty()
    chance = random.Random(f"{SEED} documents")
    content = a_pdf(*[[f"-K{page}", *("word",) * 30] for page in range(PAGES)])
    with Documents(database, tmp_path, workers=2) as installation:
        project = installation.project()
        reference = installation.upload_pdf(project, content)
        installation.until_ready(reference)
        expected = database.ask(_PAGES, reference)
        assert [(number, version) for number, version, *_ in expected] == [(number, 1) for number in range(PAGES)]
        documents, of_children = [], 0
        for number in range(KILLS):
            # Other bytes after the end of the file: another document with the same pages.
            documents.append(installation.upload_pdf(project, content + b"\n% " + str(number).encode()))
            time.sleep(chance.uniform(0.2, 1.5))
            if number % 2 and installation.kill_a_child(chance):
                of_children += 1
            else:
                installation.kill_a_worker(chance)
        began = time.monotonic()
        for document in documents:
            installation.until_ready(document)
            # A page that was committed has its first version: no page was stored twice.
            assert database.ask(_PAGES, document) == expected
        until(lambda: not installation.children(), "no child is left")
    report(
        f"{KILLS} kills, {of_children} of children; the last document was ready {time.monotonic() - began:.1f} s later"
    )

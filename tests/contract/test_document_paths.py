"""The documents name files, folders and modules that exist; their indexes list all of them."""

import re
from pathlib import Path

from tests.support.servers import ROOT

DOCUMENTS = sorted(
    [ROOT / "README.md", ROOT / "bench/README.md", ROOT / "samples/README.md", *(ROOT / "docs").rglob("*.md")]
)
PACKAGES = (
    "access", "bench", "changes", "config", "core", "drawing_engine", "embedded_postgres", "log_formats", "meetings",
    "projects", "scripts", "speechnode", "tandem", "tasks", "telemetry", "tests", "users",
)  # fmt: skip
FOLDERS = (*PACKAGES, "clients", "deploy", "docs", "proto", "samples", "web")
#: Names that look like a module: a file of the embedded PostgreSQL.
NOT_MODULES = {"users.lock"}
PATH = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w./*-]*")
MODULE = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.[A-Za-z_]\w*)+")


def spans(text: str) -> list[str]:
    """Return the inline code of a document, without its blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


def missing(span: str) -> bool:
    """Return whether a span is a path, a test or a module of this repository that does not exist."""
    path, _, function = span.partition("::")
    if PATH.fullmatch(path):
        found = list(ROOT.glob(path.rstrip("/")))
        return not found or (bool(function) and f"def {function}(" not in found[0].read_text())
    module = span.partition("(")[0]
    return bool(MODULE.fullmatch(module)) and module not in NOT_MODULES and not exists(module)


def exists(name: str) -> bool:
    """Return whether a dotted name is a module, or one whose source contains the rest of the name."""
    place, parts = ROOT, name.split(".")
    while parts and (place / parts[0]).is_dir():
        place /= parts.pop(0)
    if parts and (place / f"{parts[0]}.py").is_file():
        place /= f"{parts.pop(0)}.py"
    source = place if place.is_file() else place / "__init__.py"
    text = source.read_text() if source.is_file() else ""
    return all(re.search(rf"\b{part}\b", text) for part in parts)


def named_in(document: Path) -> list[str]:
    return [span for span in spans(document.read_text()) if missing(span)]


def test_documents_name_existing_paths() -> None:
    found = {str(document.relative_to(ROOT)): named_in(document) for document in DOCUMENTS}
    assert {document: names for document, names in found.items() if names} == {}


def test_path_that_does_not_exist_is_found() -> None:
    text = (
        "`core/moon.py` `core.moon.Sun` `core.jobs.moon` `tests/core/test_jobs.py::test_moon`\n```\ncore/sun.py\n```\n"
    )
    assert [span for span in spans(text) if missing(span)] == spans(text) != []


def test_paths_and_modules_that_exist_are_accepted() -> None:
    text = (
        "`core/jobs/` `core.jobs.enqueue(…)` `tests/contract/test_access.py::test_the_table_is_complete` "
        "`tests/contract/published/*.proto` `tandem.client` `core rows`"
    )
    assert [span for span in spans(text) if missing(span)] == []


def test_the_index_lists_every_page() -> None:
    index = (ROOT / "docs/README.md").read_text()
    assert unlisted(index, ROOT / "docs", ("start/*.md", "integrate/*.md", "operate/*.md", "extend/*.md")) == []


def test_the_index_lists_every_decision_by_its_title() -> None:
    index = (ROOT / "docs/decisions/README.md").read_text()
    assert unlisted(index, ROOT / "docs/decisions", ("0*.md",)) == []
    titles = re.findall(r"^(\d+\. )\[(.+)\]\((.+)\)$", index, re.MULTILINE)
    decisions = {name: f"# {number}{title}" for number, title, name in titles}
    assert decisions == {name: (ROOT / "docs/decisions" / name).read_text().splitlines()[0] for name in decisions}


def unlisted(index: str, folder: Path, patterns: tuple[str, ...]) -> list[str]:
    """Return the pages of a folder to which its index has no link."""
    pages = [page.relative_to(folder).as_posix() for pattern in patterns for page in folder.glob(pattern)]
    return [page for page in pages if f"]({page})" not in index]


def test_page_that_is_not_listed_is_found(tmp_path: Path) -> None:
    for name in ("moon.md", "sun.md"):
        (tmp_path / name).touch()
    assert unlisted("[Sun](sun.md)", tmp_path, ("*.md",)) == ["moon.md"]

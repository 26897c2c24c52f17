"""The steps from the sources to a folder of HTML that needs nothing from other servers."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scripts.site.asyncapi import write_asyncapi
from scripts.site.links import broken_links
from scripts.site.pages import Page, navigation, pages_of
from scripts.site.reference import reference_pages
from scripts.site.scripts_of_pages import move_scripts_to_files

ROOT = Path(__file__).parents[2]
SITE = ROOT / "site"
#: Within the site: the digest of the sources that it was built from.
_DIGEST = "sources.sha256"
#: Files and folders whose change makes the site outdated. The reference shows what docs/openapi.json describes.
_SOURCES = ("README.md", "CHANGELOG.md", "bench", "docs", "proto", "samples", "scripts/site", "requirements.txt")
_SUFFIXES = {".md", ".json", ".png", ".svg", ".css", ".js", ".proto", ".py", ".txt"}
#: Files of the generator that no page needs.
_UNUSED = ("404.html", "sitemap.xml", "assets/stylesheets/classic")


class SiteError(Exception):
    """The documentation cannot be built."""


def is_current(site: Path = SITE) -> bool:
    """Return whether the site was built from the present sources."""
    digest = site / _DIGEST
    return digest.is_file() and digest.read_text() == _digest_of_sources()


def build(site: Path) -> None:
    """Build the site, and put it in the place of an earlier one once it is complete.

    Raises:
        SiteError: the generator failed, or links are broken.
    """
    digest = _digest_of_sources()
    site.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".site-", dir=site.parent) as folder:
        work = Path(folder)
        pages = pages_of(ROOT) + reference_pages(ROOT)
        _stage(pages, work / "pages")
        _generate(pages, work)
        built = work / "site"
        for name in _UNUSED:
            _remove(built / name)
        move_scripts_to_files(built)
        if broken := broken_links(built):
            raise SiteError("\n".join(["The documentation has broken links:", *broken]))
        (built / _DIGEST).write_text(digest)
        _swap(built, site, work / "old")


def _stage(pages: list[Page], folder: Path) -> None:
    """Write the pages and their pictures where the generator reads them."""
    for page in pages:
        target = folder / page.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page.text)
    shutil.copytree(ROOT / "docs/images", folder / "images", ignore=shutil.ignore_patterns("*.mmd"))
    shutil.copy(ROOT / "docs/openapi.json", folder)
    write_asyncapi(ROOT, folder / "asyncapi.json")
    for name in ("site.css", "site.js"):
        shutil.copy(Path(__file__).with_name(name), folder)


def _generate(pages: list[Page], work: Path) -> None:
    config = work / "mkdocs.yml"
    config.write_text(json.dumps(_configuration(pages)))  # JSON is YAML.
    command = [sys.executable, "-m", "zensical", "build", "--config-file", str(config)]
    done = subprocess.run(
        command, cwd=work, env=os.environ | {"NO_COLOR": "1"}, capture_output=True, text=True, check=False
    )
    if done.returncode or not (work / "site/index.html").is_file():
        raise SiteError(f"The generator failed:\n{done.stdout}{done.stderr}")


def _configuration(pages: list[Page]) -> dict[str, object]:
    return {
        "site_name": "Tandem",
        "docs_dir": "pages",
        "site_dir": "site",
        "use_directory_urls": True,
        "extra_css": ["site.css"],
        "extra_javascript": ["site.js"],
        "nav": navigation(ROOT, pages),
        "theme": {
            "font": False,
            "features": [
                "navigation.tabs", "navigation.prune", "navigation.indexes", "navigation.footer", "navigation.top",
                "content.code.copy", "content.tabs.link", "toc.follow",
            ],
            # The first one follows the browser also after a change.
            "palette": [
                {"media": "(prefers-color-scheme)", "toggle": {"icon": "lucide/sun-moon", "name": "Light"}},
                {"media": "(prefers-color-scheme: light)", "scheme": "default",
                 "toggle": {"icon": "lucide/sun", "name": "Dark"}},
                {"media": "(prefers-color-scheme: dark)", "scheme": "slate",
                 "toggle": {"icon": "lucide/moon", "name": "As the browser"}},
            ],
        },
        "markdown_extensions": [
            "tables", "admonition", "attr_list", "md_in_html", "pymdownx.details", {"toc": {"permalink": True}},
            {"pymdownx.highlight": {"pygments_lang_class": True}}, "pymdownx.superfences",
            {"pymdownx.tabbed": {"alternate_style": True}},
        ],
    }  # fmt: skip


def _digest_of_sources() -> str:
    digest = hashlib.sha256()
    for path in _source_files():
        digest.update(f"{path.relative_to(ROOT)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _source_files() -> Iterator[Path]:
    for name in _SOURCES:
        source = ROOT / name
        found = sorted(source.rglob("*")) if source.is_dir() else [source]
        yield from (path for path in found if path.is_file() and path.suffix in _SUFFIXES)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _swap(built: Path, site: Path, old: Path) -> None:
    """Rename the folders. A build at the same time may have put its own there, which is as good."""
    try:
        if site.exists():
            site.rename(old)
        built.rename(site)
    except OSError:
        if not is_current(site):
            raise

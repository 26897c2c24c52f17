"""The check of links: every address in a page is one of the site's own files, and its anchor exists."""

import os
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Attributes of elements that make a browser load what they name.
_LOADED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}
#: First parts of addresses of the same server that are not pages of the site.
_OF_THE_SERVER = ("/api/", "/admin/")


class _Page(HTMLParser):
    """The links and anchors of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[tuple[bool, str]] = []
        self.styled = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            elif name in ("href", "src"):
                self.links.append(((tag, name) in _LOADED, value or ""))
            elif name == "style" or name.startswith("on"):
                self.styled = True


def broken_links(site: Path) -> list[str]:
    """Return a line for each link to nothing, each file of another server, and each inline style or handler."""
    pages = {path: _Page(path.read_text()) for path in site.rglob("*.html")}
    return sorted(
        f"{path.relative_to(site)}: {fault}"
        for path, page in pages.items()
        for fault in _faults(site, pages, path, page)
    )


def _faults(site: Path, pages: dict[Path, _Page], path: Path, page: _Page) -> Iterator[str]:
    if page.styled:
        yield "an attribute that the Content-Security-Policy refuses"
    for is_loaded, link in page.links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            if is_loaded:
                yield f"{link} is loaded from another server"
            continue
        if link.startswith(_OF_THE_SERVER):
            continue
        target = Path(os.path.normpath(path.parent / unquote(parts.path))) if parts.path else path
        if target.is_dir():
            target /= "index.html"
        if not (target.is_file() and target.is_relative_to(site)):
            yield f"{link} does not exist"
        elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
            yield f"{link} has no such anchor"

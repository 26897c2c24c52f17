"""The pages of the site: the Markdown files of the repository, with the changes that the generator needs."""

import os
import posixpath
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

#: Files outside docs/ that are pages, and their places in the site.
_OUTSIDE = {
    "README.md": "overview.md",
    "CHANGELOG.md": "changelog.md",
    "bench/README.md": "extend/measurements.md",
    "bench/load/README.md": "extend/load.md",
    "samples/README.md": "extend/samples.md",
}
_HEADS = ("Start", "Integrate", "Reference", "Operate", "Extend")
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
_FENCE = re.compile(r"^(```.*?^```[ ]*$)", re.MULTILINE | re.DOTALL)

Navigation = list[Any]


class Page(NamedTuple):
    """A page of the site.

    Attributes:
        path: within the site's sources, as `integrate/rest.md`.
        text: Markdown.
    """

    path: str
    text: str

    @property
    def title(self) -> str:
        return self.text.partition("\n")[0].removeprefix("# ")


def pages_of(root: Path) -> list[Page]:
    """Return all pages, links between them adapted to their places in the site."""
    sources = {str(path.relative_to(root)): _place(root, path) for path in sorted((root / "docs").rglob("*.md"))}
    sources |= {name: place for name, place in _OUTSIDE.items() if (root / name).is_file()}
    return [Page(place, _adapted(root, source, sources)) for source, place in sources.items()]


def navigation(root: Path, pages: list[Page]) -> Navigation:
    """Return the navigation: for each reader the pages that the tables of docs/README.md list, in their order."""
    index = (root / "docs/README.md").read_text()
    by_place = {page.path: page for page in pages}
    found: Navigation = []
    for head in _HEADS:
        section = re.search(rf"^## {head}\n(.*?)(?=^## |\Z)", index, re.MULTILINE | re.DOTALL)
        places = re.findall(r"^\| \[.*?\]\(([^()#]+\.md)\)", section[1], re.MULTILINE) if section else []
        entries: Navigation = [by_place[_of_index(place)].path for place in places if _of_index(place) in by_place]
        if head == "Reference":
            entries = _reference(pages)
        if head == "Start":
            entries.insert(0, "index.md")
        if head == "Extend":
            entries = [entry if entry != "decisions/index.md" else _decisions(pages) for entry in entries]
            entries += [place for place in _OUTSIDE.values() if place in by_place and place.startswith("extend/")]
        if entries:
            found.append({head: entries})
    return found


def _reference(pages: list[Page]) -> Navigation:
    """Return the index of the reference, and the operations of each service."""
    services: dict[str, list[str]] = {}
    for page in pages:
        parts = page.path.split("/")
        if parts[0] == "reference" and len(parts) == 3:
            services.setdefault(parts[1], []).append(page.path)
    index = ["reference/index.md"] if services else []
    return [*index, *({name: places} for name, places in services.items())]


def _decisions(pages: list[Page]) -> dict[str, list[str]]:
    return {"Decisions": ["decisions/index.md", *sorted(p.path for p in pages if p.path.startswith("decisions/0"))]}


def _of_index(link: str) -> str:
    """Return the place of a page that docs/README.md links to."""
    path = posixpath.normpath(posixpath.join("docs", link))
    return _OUTSIDE.get(path) or _as_index(path.removeprefix("docs/"))


def _place(root: Path, path: Path) -> str:
    return _as_index(str(path.relative_to(root / "docs")))


def _as_index(place: str) -> str:
    return re.sub(r"(^|/)README\.md$", r"\1index.md", place)


def _adapted(root: Path, source: str, sources: dict[str, str]) -> str:
    """Return the text of a page, as the generator's dialect of Markdown and the places of the site want it."""

    def relink(found: re.Match[str]) -> str:
        picture, text, target = found.groups()
        path, _, anchor = target.partition("#")
        if not path or re.match(r"\w+:", target) or path.startswith("/"):
            return found[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        here = posixpath.dirname(sources[source])
        if place := sources.get(path) or sources.get(posixpath.join(path, "README.md")):
            return f"[{text}]({_relative(place, here)}{'#' + anchor if anchor else ''})"
        if path.startswith("docs/"):
            return f"{picture}[{text}]({_relative(path.removeprefix('docs/'), here)})"
        # A file of the repository that the site does not contain. One that does not exist stays, and is then reported.
        return text if (root / path).exists() else found[0]

    return _outside_fences((root / source).read_text(), lambda part: _LINK.sub(relink, _spaced(part)))


def _outside_fences(text: str, change: Callable[[str], str]) -> str:
    parts = _FENCE.split(text)
    return "".join(part if number % 2 else change(part) for number, part in enumerate(parts))


def _spaced(text: str) -> str:
    """Put empty lines before lists, and four spaces before their inner lists, where code hosts need neither."""
    item = r"(?:- |\d+\. )"
    text = re.sub(rf"^(?! *{item}|[ \n|#])(.+)\n(?={item})", r"\1\n\n", text, flags=re.MULTILINE)
    return re.sub(rf"^ {{2,3}}(?={item})", "    ", text, flags=re.MULTILINE)


def _relative(place: str, folder: str) -> str:
    return os.path.relpath(place, folder or ".")

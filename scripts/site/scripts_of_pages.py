"""Scripts and white space of the generated pages: a strict Content-Security-Policy allows no script within a page."""

import hashlib
import os
import re
from pathlib import Path

_INLINE = re.compile(r"<script(?: type=\"text/javascript\")?>(.*?)</script>", re.DOTALL)
_PREFORMATTED = re.compile(r"(<(pre|textarea|script)\b.*?</\2>)", re.DOTALL)


def move_scripts_to_files(site: Path) -> None:
    """Write each script within a page into a file, which the page then names. Remove empty lines from the pages."""
    for page in site.rglob("*.html"):
        page.write_text(_compact(_with_references(site, page)))


def _with_references(site: Path, page: Path) -> str:
    return _INLINE.sub(lambda found: _reference(site, page, found[1]), page.read_text())


def _reference(site: Path, page: Path, script: str) -> str:
    path = site / "assets" / f"inline-{hashlib.sha256(script.encode()).hexdigest()[:12]}.js"
    path.write_text(script)
    return f'<script src="{os.path.relpath(path, page.parent)}"></script>'


def _compact(html: str) -> str:
    parts = _PREFORMATTED.split(html)
    # The inner group of the expression is every third part.
    return "".join(
        part if number % 3 == 1 else re.sub(r"\s*\n\s*", "\n", part)
        for number, part in enumerate(parts)
        if number % 3 != 2
    )

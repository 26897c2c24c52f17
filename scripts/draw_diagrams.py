"""Draw the diagrams of the documentation anew: an SVG beside each docs/images/*.mmd.

    .venv/bin/python -m scripts.draw_diagrams

It needs chromium, and npm, which fetches Mermaid for this run. The pages show the drawings.
"""

import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

from tests.support.chromium import Page, chromium

ROOT = Path(__file__).parents[1]
MERMAID = "mermaid@12.3.0"
_SCRIPT = "package/dist/mermaid.min.js"
#: Texts in DejaVu Sans are as wide as in Verdana, and wider than in other fonts, so they fit into their boxes.
_OPTIONS = {
    "startOnLoad": False,
    "theme": "neutral",
    "htmlLabels": False,
    "fontFamily": "DejaVu Sans, Verdana, sans-serif",
    "flowchart": {"htmlLabels": False, "nodeSpacing": 24, "rankSpacing": 36, "wrappingWidth": 150},
    "deterministicIds": True,
}


def diagrams() -> list[Path]:
    """Return the sources."""
    return sorted((ROOT / "docs/images").glob("*.mmd"))


def metadata(source: str) -> str:
    """Return the element of a drawing that holds its source."""
    return f"<metadata>{escape(source)}</metadata>"


def _mermaid() -> str:
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", MERMAID]
        name = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
        with tarfile.open(Path(folder) / name) as package:
            script = package.extractfile(_SCRIPT)
            assert script is not None
            return script.read().decode()


def _drawn(page: Page, name: str, source: str) -> str:
    drawing = page.value(f"mermaid.render({json.dumps(name)}, {json.dumps(source)}).then(({{svg}}) => svg)")
    head, _, rest = str(drawing).partition(">")
    _, _, width, height = map(float, re.findall(r'viewBox="([^"]+)"', head)[0].split())
    # A background, because the page behind it may be dark. Pictures have a size of their own.
    head = re.sub(r'width="100%"', f'width="{width:.0f}" height="{height:.0f}"', head)
    head = re.sub(r'style="[^"]*"', 'style="background: white"', head)
    return f"{head}>{metadata(source)}{rest}\n"


def main() -> None:
    script = _mermaid()
    with chromium() as page:
        page.value(f"{script}; mermaid.initialize({json.dumps(_OPTIONS)})")
        for path in diagrams():
            path.with_suffix(".svg").write_text(_drawn(page, path.stem, path.read_text()))
            sys.stdout.write(f"{path.with_suffix('.svg').relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()

"""Files that a reader of PDF must survive: bombs, cycles, lies about sizes, and files that are not PDFs.

python -m tests.support.hostile_drawings FOLDER     # write all of them
"""

from pathlib import Path

from tests.support.hostile_drawings import contents, structures
from tests.support.hostile_drawings.parts import FILES

__all__ = ["FILES", "contents", "structures", "write"]


def write(folder: Path) -> dict[str, Path]:
    """Write all files to a folder; return their paths by name."""
    paths = {name: folder / f"{name}.pdf" for name in FILES}
    for name, path in paths.items():
        path.write_bytes(FILES[name]())
    return paths

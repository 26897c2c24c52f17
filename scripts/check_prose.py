"""Check the English of docstrings, comments, messages, documents and commit subjects.

`scripts/prose/rules.py` lists what is reported. Each file may hold as many findings of a rule as
`prose_baseline.json` records; a file that is not listed there may hold none. The counts of the baseline only fall.

    python scripts/check_prose.py                           # compare everything with the baseline
    python scripts/check_prose.py --list core docs/CONTRIBUTING.md  # print every finding, with its line
    python scripts/check_prose.py --update                  # lower the counts after texts were improved or moved
    python scripts/check_prose.py --commits main..HEAD      # check the subjects of commits
"""

import argparse
import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

# Run as a command, the folder of this file is on the path, and its parent is not.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from scripts.prose.baseline import BASELINE, counts, excess, lowered, read_baseline, report, write_baseline
from scripts.prose.rules import SUBJECT, Finding, Text, findings
from scripts.prose.texts import ERRORS, texts_of

ROOT = Path(__file__).resolve().parents[1]
#: Names of directories that hold no text written here.
SKIPPED_DIRECTORIES = frozenset({"node_modules", "var", "build", "dist", "venv", "__pycache__", "migrations"})
#: Generated code; contracts that were published before and stay as they are.
SKIPPED_FILES = re.compile(r"tandem/\w+/v1/|tests/contract/published/|.*_pb2|.*\.egg-info/")
CHECKED_FILES = re.compile(r".*\.py\Z|proto/.*\.proto\Z|(?:README|docs/.*)\.md\Z")


def paths_under(root: Path) -> list[str]:
    """Return the files to check, relative to `root`, sorted."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in SKIPPED_DIRECTORIES]
        for name in names:
            path = (Path(folder) / name).relative_to(root).as_posix()
            if CHECKED_FILES.match(path) and not SKIPPED_FILES.match(path):
                found.append(path)
    return sorted(found)


def check(root: Path, paths: Iterable[str]) -> dict[str, list[Finding]]:
    """Return the findings of each of these files that has any."""
    errors = ERRORS
    table = root / "core/errors.py"
    if table.exists():
        classes = [node for node in ast.parse(table.read_text()).body if isinstance(node, ast.ClassDef)]
        errors |= {node.name for node in classes if node.name != "ErrorSpec"}
    found = {}
    for path in paths:
        of_file = sorted(
            finding
            for text in texts_of(path, (root / path).read_text(), errors)
            for finding in findings(text)
        )  # fmt: skip
        if of_file:
            found[path] = of_file
    return found


def check_commits(root: Path, commits: str) -> list[str]:
    """Return a line for each fault of the subjects of these commits; merges are not checked."""
    command = ["git", "log", "--no-merges", "--format=%h %s", commits]
    log = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    return [
        f"{commit}: {finding.rule.name}: “{subject}”: {finding.rule.advice}"
        for commit, _, subject in (line.partition(" ") for line in log.splitlines())
        for finding in findings(Text(1, subject, SUBJECT))
    ]


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description="Check the English of docstrings, comments, messages and documents.")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--list", nargs="*", metavar="PATH", help="print all findings in these files or directories")
    mode.add_argument("--update", action="store_true", help=f"lower the counts of {BASELINE} to the present ones")
    mode.add_argument("--commits", metavar="REF..HEAD", help="check the subjects of these commits instead")
    options = parser.parse_args(arguments)

    if options.commits:
        faults = check_commits(root, options.commits)
        print(*faults, sep="\n", end="\n" if faults else "")
        return int(bool(faults))

    paths = paths_under(root)
    if options.list is not None:
        chosen = [Path(os.path.relpath(Path(path).absolute(), root)).as_posix() for path in options.list or [root]]
        paths = [path for path in paths if any(one in (".", path) or path.startswith(f"{one}/") for one in chosen)]
        print(*report(check(root, paths)), sep="\n")
        return 0

    found, baseline = check(root, paths), read_baseline(root)
    if options.update:
        baseline = lowered(baseline, counts(found))
        write_baseline(root, baseline)
    if gone := [path for path in baseline if path not in paths]:
        print(f"{BASELINE} lists files that no longer exist: {', '.join(gone)}.")
        print("After moving files: python scripts/check_prose.py --update")
        return 1
    if faults := list(excess(found, baseline)):
        print(*faults, sep="\n")
        print("Change the texts. After moving code to a new file: python scripts/check_prose.py --update")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

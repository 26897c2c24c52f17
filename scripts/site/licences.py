"""Write docs/licences.md: the licences of what the product installs, as the packages state them.

    python -m scripts.site.licences            # write the page
    python -m scripts.site.licences --check    # fail if the page is outdated

A package that states its licence in no form is named in `_STATED_ELSEWHERE`.
"""

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/licences.md"
_BEGIN, _END = "<!-- packages -->\n", "<!-- end of packages -->\n"
#: What runs the product: the part of requirements.in that the image has, and what a setting adds.
_REQUIREMENTS = ("requirements-moonshine.txt", "requirements-redis.txt", "requirements-s3.txt")
#: Package → licence, where its metadata name none, or only a file; read from the licence file in the wheel.
_STATED_ELSEWHERE = {"async-timeout": "Apache-2.0"}


def packages() -> list[str]:
    """Return the packages of the image: what requirements.in lists above its tests, options, and what these need."""
    wanted = (ROOT / "requirements.in").read_text().partition("\n# tests")[0]
    todo = [_name(line) for line in wanted.splitlines() if re.match(r"[A-Za-z]", line)]
    for file in _REQUIREMENTS:
        todo += [_name(line) for line in (ROOT / file).read_text().splitlines() if re.match(r"[A-Za-z]", line)]
    pinned = {_name(line) for file in ("requirements.txt", *_REQUIREMENTS)
              for line in (ROOT / file).read_text().splitlines() if re.match(r"[A-Za-z]", line)}  # fmt: skip
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name in found or name not in pinned:
            continue
        found.add(name)
        if file_of := _distribution(name):
            todo += [_name(one) for one in file_of.requires or () if "extra ==" not in one]
    return sorted(found)


def licence_of(name: str) -> str:
    """Return the licence that a package states; empty = none, or it is not installed."""
    found = _distribution(name)
    if name in _STATED_ELSEWHERE or found is None:
        return _STATED_ELSEWHERE.get(name, "")
    metadata = found.metadata
    stated = metadata.get("License-Expression") or ""
    classifiers = [one.rpartition(" :: ")[2] for one in metadata.get_all("Classifier") or () if "License ::" in one]
    text = (metadata.get("License") or "").strip().partition("\n")[0]
    return stated or ", ".join(one for one in classifiers if one != "OSI Approved") or text[:60]


def rows(text: str) -> dict[str, str]:
    """Return package → licence in the table of the page."""
    table = text.partition(_BEGIN)[2].partition(_END)[0].partition("|---|---|")[2]
    return dict(re.findall(r"^\| ([\w.-]+) \| (.+) \|$", table, re.MULTILINE))


def expected(text: str) -> str:
    """Return the page with the present table. Packages that are not installed here keep their row."""
    known = rows(text)
    table = "".join(f"| {name} | {licence_of(name) or known.get(name, '?')} |\n" for name in packages())
    head, _, rest = text.partition(_BEGIN)
    return f"{head}{_BEGIN}\n| package | licence |\n|---|---|\n{table}\n{_END}{rest.partition(_END)[2]}"


def _distribution(name: str):  # type: ignore[no-untyped-def]
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def main() -> int:
    """Run the command.

    Returns:
        The exit code: 1 if the page was to be checked and is outdated.
    """
    text = PAGE.read_text()
    if "--check" in sys.argv:
        return int(text != expected(text))
    PAGE.write_text(expected(text))
    return 0


if __name__ == "__main__":
    sys.exit(main())

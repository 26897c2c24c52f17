"""The counts of findings that files may reach. They only fall."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from scripts.prose.rules import Finding

BASELINE = "scripts/prose_baseline.json"
Counts = dict[str, dict[str, int]]


def counts(found: dict[str, list[Finding]]) -> Counts:
    """Count the findings of each rule in each file."""
    return {path: dict(sorted(Counter(one.rule.name for one in of_file).items())) for path, of_file in found.items()}


def read_baseline(root: Path) -> Counts:
    """Read the counts that files may reach; there are none without the file."""
    file = root / BASELINE
    return json.loads(file.read_text()) if file.exists() else {}


def write_baseline(root: Path, baseline: Counts) -> None:
    """Write the counts, one file a line, so that branches which improve other files merge."""
    lines = [f"{json.dumps(path)}: {json.dumps(of_file)}" for path, of_file in sorted(baseline.items()) if of_file]
    (root / BASELINE).write_text("{\n" + ",\n".join(lines) + "\n}\n")


def lowered(baseline: Counts, now: Counts) -> Counts:
    """Lower a baseline to the present counts.

    A file that the baseline does not list takes over what other files lost, as when code moved; so the sum over all
    files never rises for any rule.
    """
    freed: dict[str, int] = defaultdict(int)
    result: Counts = {}
    for path, of_file in baseline.items():
        kept = {rule: min(count, now.get(path, {}).get(rule, 0)) for rule, count in of_file.items()}
        for rule, count in of_file.items():
            freed[rule] += count - kept[rule]
        result[path] = {rule: count for rule, count in kept.items() if count}
    for path in sorted(now.keys() - baseline.keys()):
        result[path] = {}
        for rule, count in now[path].items():
            if taken := min(count, freed[rule]):
                freed[rule] -= taken
                result[path][rule] = taken
    return {path: of_file for path, of_file in result.items() if of_file}


def excess(found: dict[str, list[Finding]], baseline: Counts) -> Iterator[str]:
    """Yield a line for each finding of a rule that a file breaks more often than the baseline allows."""
    for path, of_file in counts(found).items():
        for rule, count in of_file.items():
            allowed = baseline.get(path, {}).get(rule, 0)
            if count > allowed:
                yield f"{path}: {rule}: {count} findings, {allowed} allowed:"
                yield from (f"  {line}" for line in report({path: [o for o in found[path] if o.rule.name == rule]}))


def report(found: dict[str, list[Finding]]) -> Iterator[str]:
    """Yield a line for each finding: place, rule, text, advice."""
    for path, of_file in found.items():
        for line, rule, excerpt in of_file:
            yield f"{path}:{line}: {rule.name}: “{excerpt}”: {rule.advice}"

"""The prose check finds what each of its rules describes, and this repository keeps within its baseline."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from scripts.check_prose import check, main, paths_under
from scripts.prose.baseline import BASELINE, counts, lowered
from scripts.prose.rules import RULES
from tests.support.servers import ROOT

#: Rule → file, its text, and the line of the finding.
PLANTED = {
    "whoever": ("core/a.py", '"""Rows."""\n\nLIMIT = 3  # for whoever reads\n', 3),
    "who-subject": (
        "proto/tandem/a/v1/a.proto",
        "// The copy is complete: who\n// applies it is done. Who holds it\n",
        2,
    ),
    "tell": ("docs/a.md", "# Streams\n\nThe server logs\nand tells\n", 4),
    "say": ("core/a.py", 'raise ValueError("The header says nothing.")\n', 1),
    "door": ("docs/decisions/a.md", "# Serve REST and gRPC\n\n- both doors\n", 3),
    "go-on": ("core/a.py", 'class Feed:\n    """A stream that\n    goes\n    on."""\n', 3),
    "give-back": ("core/a.py", 'logger.info("The lease was given back.")\n', 1),
    "in-words": ("users/admin.py", '@display(description="in words")\ndef state(row):\n    return ""\n', 1),
    "none-is": ("users/management/commands/a.py", 'class Command:\n    help = "import; if none is left, stop"\n', 2),
    "is-no": ("core/a.py", 'raise CursorInvalid(f"{name}: this is no cursor.")\n', 1),
    "of-ours": ("README.md", "A format\nof ours.\n", 2),
    "meanwhile": ("proto/tandem/a/v1/a.proto", 'string name = 1; // "changed" meanwhile\n', 1),
    "as-it-should": ("core/a.py", 'print("The log is as it should be.")\n', 1),
    "stand": ("core/a.py", 'self.stdout.write("The column %s stands twice." % name)\n', 1),
    "docstring-not-imperative": ("core/a.py", 'def read():\n    """Returns the row."""\n', 2),
    "docstring-verbless": ("tests/a.py", 'def row():\n    """\n    The row.\n    """\n', 3),
    "docstring-clause": ("core/a.py", 'class Version:\n    """How a row is versioned."""\n', 2),
    "heading-question": ("docs/a.md", "Text.\n\n## How it works\n", 3),
    "heading-sentence": ("docs/a.md", "# Streams\n\n## A stream is resumed\n", 3),
    "message-full-stop": ("core/a.py", 'raise ValidationError({"name": _("The name is empty")})\n', 1),
}

#: Texts that no rule reports.
ALLOWED = {
    "core/a.py": '''"""Whether is allowed here? It is a question."""

# The user who is signed in calls `whoever`; a cursor is none of None. There is none left.
NAME = "nobody tells"


class Row:
    """A row of the log."""

    @property
    def title(self):
        """The title."""

    def process(self):
        """Process the row."""
        raise NotFound("NOT_FOUND", f"There is no row with ID {self.pk}.")
''',
    "core/errors.py": "class NotFound(Exception):\n    reason = 3\n",
    "docs/decisions/0001-log.md": "# The log is written by triggers\n\n```\nwhoever tells\n```\n\n[It](tells.md).\n",
    "proto/tandem/a/v1/a.proto": 'option go_package = "http://nobody.example"; // The package.\n',
    "tests/test_a.py": 'def test_it():\n    """The row stays."""\n',
    "users/migrations/0001_initial.py": "# nobody\n",
    "tandem/user/v1/user_pb2.py": "# nobody\n",
    "tests/contract/published/user.proto": "// nobody\n",
}

SUBJECTS = {
    "feeds: resume a stream after its last cursor": [],
    "rest, rpc: pass one deadline to both": [],
    'Revert "core: add a limit"': [],
    "Add a limit": ["subject-form"],
    "core: adds a limit": ["subject-not-imperative"],
    "core: the limit of bodies": ["subject-not-imperative"],
    "docs: describe everything that an operator of the server needs to know now": ["subject-length"],
}


def write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def found(root: Path) -> list[tuple[str, int, str]]:
    """List path, line and rule of all findings."""
    return [(path, one.line, one.rule.name) for path, of in check(root, paths_under(root)).items() for one in of]


@pytest.mark.parametrize("rule", PLANTED)
def test_each_rule_reports_its_place_and_fails(rule: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, text, line = PLANTED[rule]
    write(tmp_path, {path: text, "core/errors.py": "class CursorInvalid(Exception):\n    pass\n"})
    assert (path, line, rule) in found(tmp_path)

    assert main([], tmp_path) == 1
    printed = capsys.readouterr().out
    assert f"{path}: {rule}: " in printed
    advice = {one.name: one.advice for one in RULES}[rule]
    assert re.search(rf"^  {re.escape(path)}:{line}: {rule}: “.+”: {re.escape(advice)}$", printed, re.MULTILINE)


def test_every_rule_has_an_example() -> None:
    of_subjects = {rule for rules in SUBJECTS.values() for rule in rules}
    assert {rule.name for rule in RULES} == PLANTED.keys() | of_subjects


def test_plain_texts_pass(tmp_path: Path) -> None:
    write(tmp_path, ALLOWED)
    assert found(tmp_path) == []
    assert main([], tmp_path) == 0


def test_more_findings_than_the_baseline_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"core/a.py": "# nobody\n\n# nobody\n", BASELINE: '{"core/a.py": {"whoever": 2}}'})
    assert main([], tmp_path) == 0

    write(tmp_path, {"core/a.py": "# nobody\n\n# nobody\n\n# nobody\n"})
    assert main([], tmp_path) == 1
    assert "core/a.py: whoever: 3 findings, 2 allowed:" in capsys.readouterr().out

    # Another rule, or another file, has a count of its own.
    write(tmp_path, {"core/a.py": "# nobody\n\n# a door\n"})
    assert main([], tmp_path) == 1
    write(tmp_path, {"core/a.py": "# nobody\n", "core/b.py": "# nobody\n"})
    assert main([], tmp_path) == 1


def test_an_update_only_lowers_counts(tmp_path: Path) -> None:
    baseline = '{"core/a.py": {"door": 1, "whoever": 2}, "core/b.py": {"door": 1}}'
    write(tmp_path, {"core/a.py": "# nobody\n", "core/b.py": "# a door\n\n# a door\n", BASELINE: baseline})
    assert main(["--update"], tmp_path) == 1
    assert json.loads((tmp_path / BASELINE).read_text()) == {"core/a.py": {"whoever": 1}, "core/b.py": {"door": 1}}


def test_a_moved_file_takes_its_counts_with_it() -> None:
    before = {"core/a.py": {"door": 2, "tell": 1}, "core/b.py": {"tell": 1}}
    moved = {"core/c.py": {"door": 1}, "core/d.py": {"door": 2, "tell": 1}, "core/b.py": {"tell": 2}}
    assert lowered(before, moved) == {
        "core/b.py": {"tell": 1},
        "core/c.py": {"door": 1},
        "core/d.py": {"door": 1, "tell": 1},
    }


def test_a_missing_file_asks_for_an_update(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"core/new.py": "# nobody\n", BASELINE: '{"core/old.py": {"whoever": 1}}'})
    assert main([], tmp_path) == 1
    assert "no longer exist: core/old.py." in capsys.readouterr().out
    assert main(["--update"], tmp_path) == 0
    assert main([], tmp_path) == 0


def test_list_prints_the_findings_of_some_paths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"core/a.py": "# nobody\n", "core_b.py": "# nobody\n", "users/a.py": "# nobody\n"})
    assert main(["--list", str(tmp_path / "core"), str(tmp_path / "users/a.py")], tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["core/a.py:1", "users/a.py:1"]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_subjects_of_commits(subject: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    for message in ("Whatever came first", subject):
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", message], check=True)
    assert main(["--commits", "HEAD~1..HEAD"], tmp_path) == int(bool(SUBJECTS[subject]))
    assert re.findall(r"^\w+: ([\w-]+): ", capsys.readouterr().out, re.MULTILINE) == SUBJECTS[subject]


def test_this_repository_keeps_within_its_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0, capsys.readouterr().out


def test_the_baseline_lists_only_files_that_exist() -> None:
    baseline = json.loads((ROOT / BASELINE).read_text())
    paths = paths_under(ROOT)
    assert [path for path in baseline if path not in paths] == []
    names = {rule.name for rule in RULES}
    assert {rule for of_file in baseline.values() for rule in of_file} <= names
    assert (
        counts(check(ROOT, ["scripts/check_prose.py", "scripts/prose/rules.py", "tests/contract/test_prose.py"])) == {}
    )


def terms() -> list[str]:
    return re.findall(r"^\*\*(.+)\*\*$", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)


def test_the_glossary_is_short_and_alphabetical() -> None:
    assert 20 <= len(terms()) <= 40
    assert terms() == sorted(terms(), key=str.lower)

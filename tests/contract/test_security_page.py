"""The tests that docs/operate/security.md names exist."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
PAGE = TESTS.parent / "docs" / "operate" / "security.md"


def named(text: str) -> list[tuple[str, str]]:
    """File and function of each test that the table of attacks names."""
    return re.findall(r"`(test_\w+\.py)::(test_\w+)`", text)


def missing(tests: list[tuple[str, str]], folder: Path) -> list[str]:
    return [f"{file}::{function}" for file, function in tests if function not in functions(folder / file)]


def functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text()) if file.is_file() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_attack_names_existing_tests() -> None:
    rows = PAGE.read_text().partition("\n## Attacks\n")[2].partition("\n## ")[0]
    attacks = re.findall(r"^\| (?!attack|-)(.+) \| (.+) \|$", rows, re.MULTILINE)
    assert len(attacks) > 20
    assert [attack for attack, tests in attacks if not named(tests)] == []
    assert missing(named(rows), TESTS / "access" / "operations") == []


def test_every_attack_on_the_service_names_tests_that_exist() -> None:
    tests = re.findall(r"`tests/([\w/]+\.py)::(test_\w+)`", PAGE.read_text())
    assert len(tests) > 10
    assert missing(tests, TESTS) == []


def test_missing_test_is_found() -> None:
    assert named("`test_tokens.py::test_alg_some`") == [("test_tokens.py", "test_alg_some")]
    assert missing(
        named("`test_tokens.py::test_alg_some` `test_moon.py::test_x`"), TESTS / "access" / "operations"
    ) == [
        "test_tokens.py::test_alg_some",
        "test_moon.py::test_x",
    ]

"""`.env.example` and docs/operate/settings.md list every variable that the settings read, with its default."""

import ast
import re
from collections.abc import Iterator

from config.variables import REMOVED
from tests.support.servers import ROOT

TABLE = ROOT / "docs/operate/settings.md"

#: Not for production.
FOR_DEVELOPERS = {"DEBUG", "DEV_AUTH_AS", "DEV_AUTH_TOKEN", "DEV_AUTH_PUBLISHED_ON_LOOPBACK"}
#: Defaults that are worked out: the documented value is what production gets.
WORKED_OUT = {
    "TANDEM_DATA_DIR": "var",
    "SECRET_KEY": "",
    "CORS_ALLOWED_ORIGINS": "",
    "RATE_LIMITS": "100,6000,60000",
}


def variables() -> dict[str, str]:
    """Variable → default, of all that the settings read."""
    modules = [read(path.read_text()) for path in sorted((ROOT / "config" / "settings").glob("*.py"))]
    names = [name for module in modules for name in module]
    assert len(names) == len(set(names)), "a variable is read by two modules"
    return {name: default for module in modules for name, default in module.items()}


def read(source: str) -> dict[str, str]:
    """Variable → default, of each call `env.<type>("NAME", default=…)`."""
    return dict(_calls(ast.parse(source)))


def _calls(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "env" and node.func.attr != "read_env"):
            continue
        name = ast.literal_eval(node.args[0])
        # A file has no default.
        default = next((keyword.value for keyword in node.keywords if keyword.arg == "default"), ast.Constant(""))
        yield name, WORKED_OUT[name] if name in WORKED_OUT else _as_text(ast.literal_eval(default))


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, list) else str(value)


def documented(text: str) -> dict[str, str]:
    return dict(re.findall(r"^#([A-Z0-9_]+)=(.*)$", text, re.MULTILINE))


def test_every_variable_is_documented_with_its_default() -> None:
    example = (ROOT / ".env.example").read_text()
    assert documented(example) == variables()


def test_the_table_lists_every_variable_with_its_default_and_a_reason() -> None:
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| (.*?) ?\| (.+) \|$", TABLE.read_text(), re.MULTILINE)
    assert {name: default for name, default, reason in rows if reason} == variables()


def test_operators_turn_36_variables_at_most() -> None:
    assert len(variables().keys() - FOR_DEVELOPERS) <= 36
    assert f"These {len(variables())}\nvariables" in TABLE.read_text()


def test_a_former_variable_is_not_read_any_more() -> None:
    assert REMOVED.keys() & variables().keys() == set()


def test_missing_variable_is_found() -> None:
    assert read('X = env.int("MOON", default=5)') == {"MOON": "5"} != documented("#SUN=5\n")


def test_only_one_module_reads_the_environment() -> None:
    readers = [
        str(path.relative_to(ROOT))
        for app in ("core", "changes", "users", "access", "config", "speechnode", "drawing_engine")
        for path in (ROOT / app).rglob("*.py")
        if re.search(r"\bos\.(environ\b(?!\.setdefault)|getenv)", path.read_text())
    ]
    assert readers == []
